// Fetches a page by HTTP/1.1 and writes its body to standard output:
//     http_get HOST SERVICE [PATH]
#include <cctype>
#include <cstdio>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include "ioa/io/stream.hpp"
#include "ioa/libevent/libevent_backend.hpp"
#include "ioa/loop/loop.hpp"
#include "ioa/net/connector.hpp"
#include "ioa/net/resolver.hpp"

namespace {

ioa::Future<std::string> read_line(ioa::Stream& from) {
  std::optional<std::string> line = co_await from.read_line();
  if (!line) throw std::runtime_error("the response has ended too early");
  co_return *std::move(line);
}

/// A body of `size` bytes, of all that come (kNoLimit), or (RFC 9112 s7.1) in pieces with sizes.
ioa::Future<> print_body(ioa::Stream& from, std::size_t size, bool is_chunked) {
  for (;;) {
    if (is_chunked) {
      const std::string line = co_await read_line(from);
      size = std::stoull(line, nullptr, 16);
    }
    const bool is_last = !is_chunked || size == 0;  // the last piece is empty
    while (size > 0) {
      std::optional<ioa::Bytes> bytes = co_await from.read_some(size);
      if (!bytes && size == ioa::Stream::kNoLimit) break;
      if (!bytes) throw std::runtime_error("the response has ended too early");
      std::fwrite(bytes->data(), 1, bytes->size(), stdout);
      if (size != ioa::Stream::kNoLimit) size -= bytes->size();
    }
    if (is_last) break;
    co_await read_line(from);
  }
}

ioa::Future<> fetch(ioa::Loop& loop, std::string host, std::string service, std::string path) {
  ioa::Resolver resolver(loop);
  ioa::Connector connector(loop, resolver);
  ioa::ConnectRequest request;
  request.host = host;
  request.service = std::move(service);
  ioa::Connection connection = co_await connector.connect(std::move(request));
  auto& stream = loop.add(std::make_unique<ioa::Stream>(std::move(connection.fd)));
  stream.write("GET " + path + " HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n\r\n");
  const std::string status = co_await read_line(stream);
  bool is_chunked = false;
  std::size_t size = ioa::Stream::kNoLimit;
  for (;;) {
    std::string header = co_await read_line(stream);
    if (header.empty()) break;
    for (char& c : header) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    if (header == "transfer-encoding: chunked") is_chunked = true;
    if (header.starts_with("content-length:")) size = std::stoull(header.substr(15));
  }
  co_await print_body(stream, size, is_chunked);
  if (status.find(" 200 ") == std::string::npos) throw std::runtime_error(status);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return std::fprintf(stderr, "usage: http_get HOST SERVICE [PATH]\n"), 64;
  ioa::Loop loop(ioa::LibeventBackend::create());
  try {
    loop.run(fetch(loop, argv[1], argv[2], argc > 3 ? argv[3] : "/"));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "http_get: %s\n", error.what());
    return 1;
  }
}

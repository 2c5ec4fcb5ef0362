// As line_client, with callbacks: a notifier owns the attempt and then the stream, and has what
// fails.
//     line_client_callbacks HOST SERVICE
#include <cstdio>
#include <exception>
#include <memory>
#include <string_view>
#include <utility>

#include "ioa/io/stream.hpp"
#include "ioa/libevent/libevent_backend.hpp"
#include "ioa/loop/loop.hpp"
#include "ioa/net/connector.hpp"
#include "ioa/net/resolver.hpp"

namespace {

constexpr std::string_view kFirstLine = "An initial line here\n";

void print_line(std::string_view line) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  std::printf("Received a line %.*s\n", static_cast<int>(line.size()), line.data());
}

void print_lines(ioa::Stream&, ioa::ByteBuffer& in, bool eof) {
  for (;;) {
    const std::size_t end = in.view().find('\n');
    if (end == std::string_view::npos) break;
    print_line(in.view().substr(0, end));
    in.consume(end + 1);
  }
  if (eof && !in.empty()) print_line(in.view());
}

void start_client(ioa::Loop& loop, ioa::Connector& connector, ioa::ConnectRequest request) {
  auto& client = loop.add(std::make_unique<ioa::Notifier>());
  auto connected = [&loop, &client](ioa::Connection connection) {
    auto& stream = client.add_child(std::make_unique<ioa::Stream>(std::move(connection.fd)));
    stream.on_read(print_lines);
    stream.on_read_error([](ioa::Stream& self, const ioa::Error& error) {
      self.invoke_error(std::make_exception_ptr(error));
    });
    stream.on_closed([&loop](ioa::Stream&) { loop.stop(); });
    stream.write(kFirstLine);
  };
  // Nobody handles its errors here: they leave Loop::run().
  client.adopt(connector.connect(std::move(request)).then(std::move(connected)));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: line_client_callbacks HOST SERVICE\n");
    return 64;
  }
  ioa::Loop loop(ioa::LibeventBackend::create());
  ioa::Resolver resolver(loop);
  ioa::Connector connector(loop, resolver);
  ioa::ConnectRequest request;
  request.host = argv[1];
  request.service = argv[2];
  try {
    start_client(loop, connector, std::move(request));
    loop.run();
  } catch (const ioa::Error& error) {
    std::fprintf(stderr, "line_client_callbacks: %s\n", error.what());
    return 1;
  }
}

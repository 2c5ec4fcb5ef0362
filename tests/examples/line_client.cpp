// Connects to a host and service, sends a first line, and prints each line that it receives:
//     line_client HOST SERVICE
// This is done as a coroutine: operations one after the other, and what fails throws.
// line_client_callbacks does the same with callbacks. Choose by taste; the pieces mix.
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
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

ioa::Future<> talk(ioa::Loop& loop, ioa::Connector& connector, ioa::ConnectRequest request) {
  ioa::Connection connection = co_await connector.connect(std::move(request));
  auto& stream = loop.add(std::make_unique<ioa::Stream>(std::move(connection.fd)));
  stream.write(kFirstLine);
  for (;;) {
    std::optional<std::string> line = co_await stream.read_line();
    if (!line) break;
    print_line(*line);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: line_client HOST SERVICE\n");
    return 64;
  }
  ioa::Loop loop(ioa::LibeventBackend::create());
  ioa::Resolver resolver(loop);
  ioa::Connector connector(loop, resolver);
  ioa::ConnectRequest request;
  request.host = argv[1];
  request.service = argv[2];
  try {
    loop.run(talk(loop, connector, std::move(request)));
  } catch (const ioa::Error& error) {
    std::fprintf(stderr, "line_client: %s\n", error.what());
    return 1;
  }
}

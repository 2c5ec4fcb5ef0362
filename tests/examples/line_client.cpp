// Connects to a host and service, sends a first line, and prints each line that it receives:
//     line_client [--callbacks | --coroutine] HOST SERVICE
// The same twice: with callbacks, and as a coroutine. Choose by taste; the pieces mix.
#include <cstdio>
#include <exception>
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

/// Says what went wrong and returns the exit status for it.
int report(const ioa::Error& error) {
  if (error.operation() == "resolve") {
    std::fprintf(stderr, "Cannot resolve %s - %s\n", error.subject().c_str(),
                 error.reason().c_str());
    return 2;
  }
  if (dynamic_cast<const ioa::ConnectError*>(&error) != nullptr) {
    std::fprintf(stderr, "Cannot connect - %s\n", error.what());
    return 3;
  }
  std::fprintf(stderr, "Lost the connection - %s\n", error.what());
  return 4;
}

// --- As a coroutine: operations one after the other; what fails throws. -------------------------

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

// --- With callbacks: a notifier owns the attempt and then the stream, and handles what fails. ---

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
  const bool has_option = argc > 1 && std::string_view(argv[1]).starts_with("--");
  const std::string_view option = has_option ? argv[1] : "--coroutine";
  if (argc != (has_option ? 4 : 3) || (option != "--callbacks" && option != "--coroutine")) {
    std::fprintf(stderr, "usage: line_client [--callbacks | --coroutine] HOST SERVICE\n");
    return 64;
  }
  ioa::Loop loop(ioa::LibeventBackend::create());
  ioa::Resolver resolver(loop);
  ioa::Connector connector(loop, resolver);
  ioa::ConnectRequest request;
  request.host = argv[argc - 2];
  request.service = argv[argc - 1];
  try {
    if (option == "--callbacks") {
      start_client(loop, connector, std::move(request));
      loop.run();
    } else {
      loop.run(talk(loop, connector, std::move(request)));
    }
  } catch (const ioa::Error& error) {
    return report(error);
  }
  return 0;
}

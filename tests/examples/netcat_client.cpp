// Joins standard input and output to a server of lines:
//     netcat_client HOST SERVICE
// What is typed ends with LF and is sent with CRLF, as most protocols of lines want it; what comes
// back loses its CR. The end of the input is passed on, and the end of the server ends it.
#include <csignal>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "ioa/io/inherited_stream.hpp"
#include "ioa/libevent/libevent_backend.hpp"
#include "ioa/loop/loop.hpp"
#include "ioa/net/connector.hpp"
#include "ioa/net/resolver.hpp"

namespace {

ioa::Future<> send_lines(ioa::Stream& user, ioa::Stream& server) {
  for (;;) {
    std::optional<std::string> line = co_await user.read_line();
    if (!line) break;
    line->append("\r\n");
    co_await server.write_done(*line);
  }
  server.shutdown_write();
  co_await server.flushed();
}

ioa::Future<> print_lines(ioa::Stream& server, ioa::Stream& user) {
  for (;;) {
    std::optional<std::string> line = co_await server.read_line();
    if (!line) break;
    if (line->ends_with('\r')) line->pop_back();
    line->push_back('\n');
    co_await user.write_done(*line);
  }
}

ioa::Future<> talk(ioa::Loop& loop, ioa::Connector& connector, ioa::ConnectRequest request) {
  ioa::Connection connection = co_await connector.connect(std::move(request));
  auto& server = loop.add(std::make_unique<ioa::Stream>(std::move(connection.fd)));
  auto& user = loop.add(ioa::standard_io());
  for (ioa::Stream* each : {&server, &user}) {
    each->set_close_on_read_eof(false);  // the other direction goes on
    each->set_leaves_when_closed(false);
  }
  // Dropped when the server has ended: nobody would get what is typed then.
  ioa::Future<> sending = send_lines(user, server);
  co_await print_lines(server, user);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: netcat_client HOST SERVICE\n");
    return 64;
  }
  std::signal(SIGPIPE, SIG_IGN);  // whoever reads our output may leave: that is an error as any
  ioa::Loop loop(ioa::LibeventBackend::create());
  ioa::Resolver resolver(loop);
  ioa::Connector connector(loop, resolver);
  ioa::ConnectRequest request;
  request.host = argv[1];
  request.service = argv[2];
  try {
    loop.run(talk(loop, connector, std::move(request)));
  } catch (const ioa::Error& error) {
    std::fprintf(stderr, "netcat_client: %s\n", error.what());
    return 1;
  }
}

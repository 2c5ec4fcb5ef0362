// Sends the lines of a file to a server as they are written, and goes on through rotation of the
// file and restarts of the server:
//     log_follower FILE HOST SERVICE
// While nobody listens the lines wait in the file.
#include <chrono>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>

#include "ioa/file/file_stream.hpp"
#include "ioa/io/stream.hpp"
#include "ioa/libevent/libevent_backend.hpp"
#include "ioa/loop/loop.hpp"
#include "ioa/loop/timeout.hpp"
#include "ioa/net/connector.hpp"
#include "ioa/net/resolver.hpp"

namespace {

struct Server {
  ioa::Loop& loop;
  ioa::Connector& connector;
  std::string host;
  std::string service;
  ioa::Stream* stream = nullptr;
};

ioa::Future<> connect(Server& server) {
  ioa::ConnectRequest request;
  request.host = server.host;
  request.service = server.service;
  ioa::Connection connection = co_await server.connector.connect(std::move(request));
  auto& stream = server.loop.add(std::make_unique<ioa::Stream>(std::move(connection.fd)));
  stream.set_leaves_when_closed(false);
  stream.on_read([](ioa::Stream&, ioa::ByteBuffer& in, bool) { in.clear(); });
  server.stream = &stream;
}

/// Until the kernel has it, which it keeps for as long as the connection lives.
ioa::Future<> send(Server& server, std::string line) {
  for (;;) {
    try {
      if (server.stream == nullptr) co_await connect(server);
      co_await server.stream->write_done(line);
      co_return;
    } catch (const ioa::Error& error) {
      std::fprintf(stderr, "log_follower: %s\n", error.what());
      if (server.stream != nullptr) std::exchange(server.stream, nullptr)->remove();
    }
    co_await ioa::sleep_for(server.loop, std::chrono::milliseconds(50));
  }
}

ioa::Future<> follow(ioa::FileStream& log, Server& server) {
  for (;;) {
    std::string line = co_await log.read_line();
    co_await send(server, line + "\n");
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: log_follower FILE HOST SERVICE\n");
    return 64;
  }
  ioa::Loop loop(ioa::LibeventBackend::create());
  ioa::Resolver resolver(loop);
  ioa::Connector connector(loop, resolver);
  Server server{loop, connector, argv[2], argv[3]};
  auto& files = loop.add(std::make_unique<ioa::FileWatcher>());
  auto& log = loop.add(std::make_unique<ioa::FileStream>(files, argv[1]));
  loop.run(follow(log, server));
}

// Sends back whatever its peers send, until they end:
//     echo_server [PORT]
#include <cstdio>
#include <memory>
#include <utility>

#include "ioa/io/stream.hpp"
#include "ioa/libevent/libevent_backend.hpp"
#include "ioa/loop/loop.hpp"
#include "ioa/net/listener.hpp"
#include "ioa/net/resolver.hpp"

namespace {

void echo(ioa::Stream& peer, ioa::ByteBuffer& in, bool) {
  peer.write(in.view());
  in.clear();
  // Who sends and does not read has to wait, or what he has sent would pile up here.
  if (!peer.is_writable()) peer.pause_reading();
}

// At the end of file, and when the connection breaks, a Stream closes and removes itself.
void serve(ioa::Listener& listener, ioa::AcceptedConnection connection) {
  std::printf("%s has come\n", connection.peer.to_string().c_str());
  auto& peer = listener.add_child(std::make_unique<ioa::Stream>(std::move(connection.fd)));
  peer.on_read(echo);
  peer.on_writable([](ioa::Stream& self) { self.resume_reading(); });
  peer.on_closed([address = connection.peer](ioa::Stream&) {
    std::printf("%s has gone\n", address.to_string().c_str());
  });
}

}  // namespace

int main(int argc, char** argv) {
  std::setvbuf(stdout, nullptr, _IOLBF, BUFSIZ);
  ioa::Loop loop(ioa::LibeventBackend::create());
  ioa::Resolver resolver(loop);
  ioa::ListenRequest request;
  request.service = argc > 1 ? argv[1] : "12345";
  try {
    ioa::ListenSockets opened = loop.run(ioa::open_listen_sockets(resolver, std::move(request)));
    auto& listener = loop.add(std::make_unique<ioa::Listener>(std::move(opened.sockets)));
    for (const auto& address : listener.addresses())
      std::printf("listening on %s\n", address.to_string().c_str());
    listener.on_accept(serve);
    loop.run();
  } catch (const ioa::Error& error) {
    std::fprintf(stderr, "echo_server: %s\n", error.what());
    return 1;
  }
}

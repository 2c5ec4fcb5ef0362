// Tells everybody who connects who he is, by name if his address has one:
//     whoami_server [PORT]
#include <cstdio>
#include <memory>
#include <string>
#include <utility>

#include "ioa/io/stream.hpp"
#include "ioa/libevent/libevent_backend.hpp"
#include "ioa/loop/loop.hpp"
#include "ioa/net/listener.hpp"
#include "ioa/net/resolver.hpp"

namespace {

using namespace std::chrono_literals;

/// The peer owns this: if it goes away, the look-up is called off.
ioa::Future<> tell(ioa::Resolver& resolver, ioa::Stream& peer, ioa::SocketAddress address) {
  ioa::NameRequest request;
  request.address = address;
  request.numeric_service = true;
  request.timeout = 5s;
  std::string host = address.host();
  try {
    ioa::NameResult name = co_await resolver.resolve_name(std::move(request));
    host = name.host;
  } catch (const ioa::Error& error) {
    std::fprintf(stderr, "whoami_server: %s\n", error.what());
  }
  peer.write("You are " + host + " port " + std::to_string(address.port()) + "\n");
  peer.close();  // once it is written
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
    listener.on_accept([&resolver](ioa::Listener& self, ioa::AcceptedConnection accepted) {
      auto& peer = self.add_child(std::make_unique<ioa::Stream>(std::move(accepted.fd)));
      peer.adopt(tell(resolver, peer, accepted.peer));
    });
    loop.run();
  } catch (const ioa::Error& error) {
    std::fprintf(stderr, "whoami_server: %s\n", error.what());
    return 1;
  }
}

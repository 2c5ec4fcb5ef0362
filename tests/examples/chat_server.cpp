// Passes each line that somebody sends on to everybody else:
//     chat_server [PORT]
#include <cstdio>
#include <memory>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "ioa/io/stream.hpp"
#include "ioa/libevent/libevent_backend.hpp"
#include "ioa/loop/loop.hpp"
#include "ioa/net/listener.hpp"
#include "ioa/net/resolver.hpp"

namespace {

class Chat {
 public:
  void join(ioa::Listener& listener, ioa::AcceptedConnection connection) {
    auto& peer = listener.add_child(std::make_unique<ioa::Stream>(std::move(connection.fd)));
    peers_.insert(&peer);
    peer.on_read([this](ioa::Stream& self, ioa::ByteBuffer& in, bool eof) { hear(self, in, eof); });
    peer.on_closed([this](ioa::Stream& self) { peers_.erase(&self); });
  }

 private:
  // Who does not read what the others say is sent away, so that nobody waits for him.
  static constexpr std::size_t kMaxUnsent = std::size_t{1} << 20;
  static constexpr std::size_t kMaxLine = std::size_t{64} << 10;

  /// Whole lines only, so that those of two people do not mix.
  void hear(const ioa::Stream& from, ioa::ByteBuffer& in, bool eof) {
    const bool takes_all = eof || in.size() > kMaxLine;
    const std::size_t end = takes_all ? in.size() : in.view().rfind('\n') + 1;
    tell(from, in.view().substr(0, end));
    in.consume(end);
  }

  void tell(const ioa::Stream& from, std::string_view text) {
    const std::vector<ioa::Stream*> all(peers_.begin(), peers_.end());  // closing changes the set
    for (ioa::Stream* peer : all) {
      if (peer == &from) continue;
      peer->write(text);
      if (peer->pending_bytes() > kMaxUnsent) peer->close_now();
    }
  }

  std::set<ioa::Stream*> peers_;
};

}  // namespace

int main(int argc, char** argv) {
  std::setvbuf(stdout, nullptr, _IOLBF, BUFSIZ);
  Chat chat;
  ioa::Loop loop(ioa::LibeventBackend::create());
  ioa::Resolver resolver(loop);
  ioa::ListenRequest request;
  request.service = argc > 1 ? argv[1] : "12345";
  try {
    ioa::ListenSockets opened = loop.run(ioa::open_listen_sockets(resolver, std::move(request)));
    auto& listener = loop.add(std::make_unique<ioa::Listener>(std::move(opened.sockets)));
    for (const auto& address : listener.addresses())
      std::printf("listening on %s\n", address.to_string().c_str());
    listener.on_accept([&chat](ioa::Listener& self, ioa::AcceptedConnection connection) {
      chat.join(self, std::move(connection));
    });
    loop.run();
  } catch (const ioa::Error& error) {
    std::fprintf(stderr, "chat_server: %s\n", error.what());
    return 1;
  }
}

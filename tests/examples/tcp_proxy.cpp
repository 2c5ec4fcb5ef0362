// Joins each peer to a connection of its own to HOST SERVICE, both ways:
//     tcp_proxy PORT HOST SERVICE
#include <cstdio>
#include <memory>
#include <optional>
#include <utility>

#include "ioa/future/combine.hpp"
#include "ioa/io/stream.hpp"
#include "ioa/libevent/libevent_backend.hpp"
#include "ioa/loop/loop.hpp"
#include "ioa/net/connector.hpp"
#include "ioa/net/listener.hpp"
#include "ioa/net/resolver.hpp"

namespace {

ioa::Stream& add_stream(ioa::Notifier& parent, ioa::UniqueFd fd) {
  auto& stream = parent.add_child(std::make_unique<ioa::Stream>(std::move(fd)));
  stream.set_close_on_read_eof(false);  // the other direction goes on
  stream.set_leaves_when_closed(false);
  return stream;
}

/// One direction: nothing is read while bytes wait to be written, so memory is bounded.
ioa::Future<> pass_on(ioa::Stream& from, ioa::Stream& to) {
  constexpr std::size_t kPiece = std::size_t{64} << 10;
  for (;;) {
    std::optional<ioa::Bytes> bytes = co_await from.read_some(kPiece);
    if (!bytes) break;
    co_await to.write_done(*bytes);
  }
  to.shutdown_write();
  co_await to.flushed();
}

/// A session owns both streams; it ends with this.
ioa::Future<> join(ioa::Notifier& session, ioa::Connector& connector, ioa::ConnectRequest request,
                   ioa::UniqueFd accepted) {
  try {
    ioa::Connection connection = co_await connector.connect(std::move(request));
    ioa::Stream& near = add_stream(session, std::move(accepted));
    ioa::Stream& far = add_stream(session, std::move(connection.fd));
    co_await ioa::all(pass_on(near, far), pass_on(far, near));
  } catch (const ioa::Error& error) {
    std::fprintf(stderr, "tcp_proxy: %s\n", error.what());
  }
  session.remove();
}

}  // namespace

int main(int argc, char** argv) {
  std::setvbuf(stdout, nullptr, _IOLBF, BUFSIZ);
  if (argc != 4) return std::fprintf(stderr, "usage: tcp_proxy PORT HOST SERVICE\n"), 64;
  ioa::Loop loop(ioa::LibeventBackend::create());
  ioa::Resolver resolver(loop);
  ioa::Connector connector(loop, resolver);
  ioa::ListenRequest request;
  request.service = argv[1];
  try {
    ioa::ListenSockets opened = loop.run(ioa::open_listen_sockets(resolver, std::move(request)));
    auto& listener = loop.add(std::make_unique<ioa::Listener>(std::move(opened.sockets)));
    for (const auto& address : listener.addresses())
      std::printf("listening on %s\n", address.to_string().c_str());
    listener.on_accept([&, argv](ioa::Listener& self, ioa::AcceptedConnection accepted) {
      auto& session = self.add_child(std::make_unique<ioa::Notifier>());
      ioa::ConnectRequest target;
      target.host = argv[2];
      target.service = argv[3];
      self.adopt(join(session, connector, std::move(target), std::move(accepted.fd)));
    });
    loop.run();
  } catch (const ioa::Error& error) {
    std::fprintf(stderr, "tcp_proxy: %s\n", error.what());
    return 1;
  }
}

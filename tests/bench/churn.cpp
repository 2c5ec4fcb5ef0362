// churn: connections over loopback TCP, 16 in flight: the acceptor closes each at once, the client
// sees the end of file and resets its own end.
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <exception>
#include <memory>
#include <optional>
#include <utility>

#include "ioa/io/stream.hpp"
#include "ioa/libevent/libevent_backend.hpp"
#include "ioa/loop/loop.hpp"
#include "ioa/loop/watch.hpp"
#include "ioa/net/connector.hpp"
#include "ioa/net/resolver.hpp"
#include "tests/bench/bench.hpp"

namespace {

struct Work {
  ioa::Loop& loop;
  ioa::Connector& connector;
  ioa::SocketAddress address;
  long left;  // to be begun
  long n;
  long done = 0;
};

ioa::Future<> connect_again_and_again(Work& work) {
  while (work.left > 0) {
    --work.left;
    ioa::ConnectRequest request;
    request.addresses.push_back(work.address);
    ioa::Connection connection = co_await work.connector.connect(std::move(request));
    auto& stream = work.loop.add(std::make_unique<ioa::Stream>(std::move(connection.fd)));
    stream.set_close_on_read_eof(false);
    std::optional<ioa::Bytes> bytes = co_await stream.read_some();
    if (bytes) bench::die("read");
    bench::reset_on_close(stream.read_fd());
    stream.close_now();
    if (++work.done == work.n) work.loop.stop();
  }
}

void accept_all(int fd) {
  for (;;) {
    const ioa::UniqueFd accepted(::accept4(fd, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (accepted) continue;
    if (errno == EAGAIN) return;
    bench::die("accept");
  }
}

}  // namespace

int main(int argc, char** argv) {
  const bench::Arguments arguments = bench::parse(argc, argv, {10'000, 16});
  const bench::ListeningSocket listener;
  ioa::Loop loop(ioa::LibeventBackend::create());
  ioa::Resolver resolver(loop);
  ioa::Connector connector(loop, resolver);
  Work work{loop, connector, *ioa::SocketAddress::from_numeric("127.0.0.1", listener.port),
            arguments.n, arguments.n};
  ioa::IoWatch acceptor(loop);
  acceptor.set_callback([&](ioa::IoEvent) { accept_all(listener.fd.get()); });
  acceptor.start(listener.fd.get(), ioa::IoEvent::read);
  auto& clients = loop.add(std::make_unique<ioa::Notifier>());
  bench::StopWatch watch;
  watch.start();
  for (long i = 0; i < arguments.window; ++i) clients.adopt(connect_again_and_again(work));
  loop.run();
  watch.stop();
  const bench::Report report(arguments, watch);
  return 0;
}

// Every kind of Stream, on every method of libevent.
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>

#include "ioa/base/error.hpp"
#include "tests/conformance/stream_conformance.hpp"
#include "tests/support/socket_pair.hpp"
#include "tests/support/temp_dir.hpp"

namespace ioa::test {
namespace {

StreamPair streams_on(SocketPair ends) {
  return {std::make_unique<Stream>(std::move(ends.first)),
          std::make_unique<Stream>(std::move(ends.second))};
}

StreamPair socketpair_streams() { return streams_on(unix_pair()); }
StreamPair tcp_streams() { return streams_on(tcp_pair()); }

/// Each Stream has two descriptors: the ends of two pipes.
StreamPair pipe_streams() {
  SocketPair there = pipe_pair();
  SocketPair back = pipe_pair();
  return {std::make_unique<Stream>(std::move(back.first), std::move(there.second)),
          std::make_unique<Stream>(std::move(there.first), std::move(back.second))};
}

/// Connected by name.
StreamPair unix_streams() {
  const TempDir dir;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  (dir / "socket").copy(address.sun_path, sizeof address.sun_path - 1);
  const auto* generic = reinterpret_cast<const sockaddr*>(&address);
  const UniqueFd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  UniqueFd client(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (::bind(listener.get(), generic, sizeof address) != 0 || ::listen(listener.get(), 1) != 0 ||
      ::connect(client.get(), generic, sizeof address) != 0)
    throw Error::from_errno(errno, "connect", dir / "socket");
  UniqueFd server(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  return streams_on({std::move(client), std::move(server)});
}

INSTANTIATE_TEST_SUITE_P(EveryKind, StreamConformance,
                         ::testing::Combine(::testing::Values(StreamKind{"SocketPair",
                                                                         &socketpair_streams},
                                                              StreamKind{"Pipes", &pipe_streams},
                                                              StreamKind{"Tcp", &tcp_streams},
                                                              StreamKind{"Unix", &unix_streams}),
                                            ::testing::ValuesIn(LibeventBackend::methods())),
                         StreamConformance::name_of);

}  // namespace
}  // namespace ioa::test

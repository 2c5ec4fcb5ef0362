#include "ioa/net/bind_socket.hpp"

#include <fcntl.h>
#include <sys/socket.h>

#include <cerrno>

#include "ioa/base/error.hpp"
#include "ioa/io/stream.hpp"
#include "ioa/net/connector.hpp"
#include "ioa/net/socket.hpp"
#include "tests/support/loop_fixture.hpp"
#include "tests/support/socket_pair.hpp"

namespace ioa::test {
namespace {

class BindSocketTest : public RealLoopTest {
 protected:
  Resolver resolver{loop};
};

ResolvedAddress datagram(const SocketAddress& address) { return {address, SOCK_DGRAM, 0}; }

TEST_F(BindSocketTest, PortZeroGetsAPort) {
  const UniqueFd fd = open_bound_socket(*SocketAddress::from_numeric("127.0.0.1", 0));
  EXPECT_NE(SocketAddress::local_of(fd.get()).port(), 0);
  EXPECT_TRUE(::fcntl(fd.get(), F_GETFD) & FD_CLOEXEC);
  EXPECT_TRUE(::fcntl(fd.get(), F_GETFL) & O_NONBLOCK);
}

TEST_F(BindSocketTest, TriesEachAddressUntilOneBinds) {
  const UniqueFd taken = open_bound_socket(*SocketAddress::from_numeric("127.0.0.1", 0));
  const SocketAddress in_use = SocketAddress::local_of(taken.get());
  const SocketAddress foreign = *SocketAddress::from_numeric("192.0.2.1", 1);
  const std::vector<ResolvedAddress> addresses = {
      datagram(foreign), datagram(in_use), datagram(*SocketAddress::from_numeric("127.0.0.1", 0))};
  const UniqueFd fd = open_bound_socket(addresses);
  EXPECT_EQ(SocketAddress::local_of(fd.get()).host(), "127.0.0.1");
  EXPECT_NE(SocketAddress::local_of(fd.get()).port(), in_use.port());
}

TEST_F(BindSocketTest, IfNoneBindsTheLastFailureIsTold) {
  const UniqueFd taken = open_bound_socket(*SocketAddress::from_numeric("127.0.0.1", 0));
  const SocketAddress in_use = SocketAddress::local_of(taken.get());
  const std::vector<ResolvedAddress> addresses = {
      datagram(*SocketAddress::from_numeric("192.0.2.1", 1)), datagram(in_use)};
  try {
    open_bound_socket(addresses);
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_EQ(error.what(), "bind " + in_use.to_string() + ": Address already in use (EADDRINUSE)");
  }
  try {
    open_bound_socket(std::span<const ResolvedAddress>());
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_EQ(error.code().value(), EADDRNOTAVAIL);
  }
}

TEST_F(BindSocketTest, BindsByName) {
  BindRequest request;
  request.host = "127.0.0.1";
  UniqueFd fd = run(bind_by_name(resolver, std::move(request)));
  EXPECT_NE(SocketAddress::local_of(fd.get()).port(), 0);
  BindRequest everywhere;
  everywhere.family = Family::ipv4;
  fd = run(bind_by_name(resolver, std::move(everywhere)));
  EXPECT_EQ(SocketAddress::local_of(fd.get()).host(), "0.0.0.0") << "not passive";
}

TEST_F(BindSocketTest, OptionsAreSetBeforeBinding) {
  SocketOptions options;
  options.broadcast = true;
  const UniqueFd fd =
      open_bound_socket(*SocketAddress::from_numeric("127.0.0.1", 0), SOCK_DGRAM, options);
  int value = 0;
  socklen_t size = sizeof value;
  ::getsockopt(fd.get(), SOL_SOCKET, SO_BROADCAST, &value, &size);
  EXPECT_EQ(value, 1);
}

TEST_F(BindSocketTest, AHandleMayGetItsSocketLate) {
  Socket& socket = loop.add(std::make_unique<Socket>());
  Future<std::optional<ReceivedDatagram>> next = socket.receive();
  EXPECT_FALSE(settles(next));
  socket.set_handle(open_bound_socket(*SocketAddress::from_numeric("127.0.0.1", 0)));
  const SocketAddress own = SocketAddress::local_of(socket.read_fd());
  socket.send("to myself", own);
  EXPECT_EQ(run(std::move(next))->bytes, "to myself");
}

TEST_F(BindSocketTest, AHandleMayBeConnectedLate) {
  const UniqueFd listener =
      open_bound_socket(*SocketAddress::from_numeric("127.0.0.1", 0), SOCK_STREAM);
  ASSERT_EQ(::listen(listener.get(), 1), 0);
  Stream& stream = loop.add(std::make_unique<Stream>());
  stream.write("hello");
  Connector connector(loop, resolver);
  ConnectRequest request;
  request.addresses = {SocketAddress::local_of(listener.get())};
  Connection connection = run(connector.connect(std::move(request)));
  stream.set_handle(std::move(connection.fd));
  const UniqueFd accepted(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  std::string got;
  turn_until(
      loop,
      [&] {
        got += read_available(accepted.get());
        return got == "hello";
      },
      "the bytes");
}

}  // namespace
}  // namespace ioa::test

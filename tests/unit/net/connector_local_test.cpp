// The Connector on real sockets of this host.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>
#include <string>
#include <vector>

#include "ioa/net/connector.hpp"
#include "ioa/net/resolver.hpp"
#include "tests/support/loop_fixture.hpp"
#include "tests/support/temp_dir.hpp"

namespace ioa {
namespace {

using namespace std::chrono_literals;
using ::testing::SizeIs;

SocketAddress numeric(const char* host, std::uint16_t port = 0) {
  return SocketAddress::from_numeric(host, port).value();
}

UniqueFd socket_of(const SocketAddress& address, int type = SOCK_STREAM) {
  return UniqueFd(::socket(address.family(), type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
}

constexpr int kNotListening = -1;

/// A socket that is bound and, if it is a stream, listens; one that does not refuses whoever comes.
struct Server {
  explicit Server(const SocketAddress& wanted, int backlog = 8, int type = SOCK_STREAM)
      : fd(socket_of(wanted, type)) {
    is_up = fd && ::bind(fd.get(), wanted.data(), wanted.size()) == 0 &&
            (type == SOCK_DGRAM || backlog == kNotListening || ::listen(fd.get(), backlog) == 0);
    if (is_up) address = SocketAddress::local_of(fd.get());
  }
  UniqueFd accept() const { return UniqueFd(::accept4(fd.get(), nullptr, nullptr, SOCK_CLOEXEC)); }

  UniqueFd fd;
  bool is_up = false;
  SocketAddress address;
};

/// Connects to a server until its backlog is full: further attempts get no answer.
std::vector<UniqueFd> fill_backlog(const Server& server) {
  std::vector<UniqueFd> fillers;
  for (;;) {
    const UniqueFd& fd = fillers.emplace_back(socket_of(server.address));
    const auto connect = [&] {
      return ::connect(fd.get(), server.address.data(), server.address.size()) == 0 ? 0 : errno;
    };
    int error = connect();
    if (error == EINPROGRESS) error = connect();
    if (error == EALREADY || error == EAGAIN) return fillers;
    EXPECT_EQ(error, 0);
  }
}

class ConnectorLocalTest : public test::RealLoopTest {
 protected:
  static ConnectRequest to(std::vector<SocketAddress> addresses) {
    ConnectRequest request;
    request.addresses = std::move(addresses);
    return request;
  }
  Future<Connection> connect(ConnectRequest request) {
    return connector_.connect(std::move(request));
  }
  Error error_of(Future<Connection> future) {
    try {
      run(std::move(future));
    } catch (const Error& error) {
      return error;
    }
    ADD_FAILURE() << "no failure";
    return Error(ErrorKind::failed, {}, "none");
  }
  /// An address of this host that is free.
  static SocketAddress free_address() { return Server(numeric("127.0.0.1")).address; }

  Resolver resolver_{loop};
  Connector connector_{loop, resolver_};
};

TEST_F(ConnectorLocalTest, ConnectsToThisHostWithoutATurnOrAThread) {
  const Server server(numeric("127.0.0.1"));
  ConnectRequest request;
  request.host = "127.0.0.1";
  request.service = std::to_string(server.address.port());
  auto future = connect(std::move(request));
  ASSERT_TRUE(future.ready());
  const Connection connection = future.get();
  EXPECT_EQ(connection.peer, server.address);
  EXPECT_EQ(connection.local, SocketAddress::local_of(connection.fd.get()));
  EXPECT_EQ(SocketAddress::peer_of(connection.fd.get()), server.address);
  EXPECT_TRUE(server.accept());
  EXPECT_EQ(resolver_.threads().threads(), 0u);
}

TEST_F(ConnectorLocalTest, GivesADescriptorThatIsNonBlockingAndClosedOnExec) {
  const Server server(numeric("127.0.0.1"));
  const Connection connection = run(connect(to({server.address})));
  EXPECT_NE(::fcntl(connection.fd.get(), F_GETFL) & O_NONBLOCK, 0);
  EXPECT_NE(::fcntl(connection.fd.get(), F_GETFD) & FD_CLOEXEC, 0);
}

TEST_F(ConnectorLocalTest, ConnectsOverIpv6) {
  const Server server(numeric("::1"));
  if (!server.is_up) GTEST_SKIP() << "no IPv6 here";
  EXPECT_EQ(run(connect(to({server.address}))).peer, server.address);
}

TEST_F(ConnectorLocalTest, NoticesARefusalWithoutATurn) {
  const Server nobody(numeric("127.0.0.1"), kNotListening);
  auto future = connect(to({nobody.address}));
  ASSERT_TRUE(future.has_failed());
  EXPECT_EQ(std::string(error_of(std::move(future)).what()),
            "connect " + nobody.address.to_string() + ": Connection refused (ECONNREFUSED)");
}

TEST_F(ConnectorLocalTest, ConnectsToANameOfThisHost) {
  const Server server(numeric("127.0.0.1"));
  ConnectRequest request;
  request.host = "localhost";
  request.service = std::to_string(server.address.port());
  EXPECT_EQ(run(connect(std::move(request))).peer, server.address);
}

TEST_F(ConnectorLocalTest, ReachesAGoodAddressBehindOneThatDoesNotAnswer) {
  const Server silent(numeric("127.0.0.1"), 0);
  const auto fillers = fill_backlog(silent);
  const Server good(numeric("127.0.0.1"));
  auto request = to({silent.address, good.address});
  request.attempt_delay = 10ms;
  const Connection connection = run(connect(std::move(request)));
  EXPECT_EQ(connection.peer, good.address);
  EXPECT_GE(connection.duration, 10ms);
}

TEST_F(ConnectorLocalTest, WaitsForAnAnswerThatComesLate) {
  const Server slow(numeric("127.0.0.1"), 0);
  const auto fillers = fill_backlog(slow);
  auto future = connect(to({slow.address}));
  EXPECT_FALSE(settles(future));
  while (slow.accept()) continue;
  // The kernel sends its next SYN after a second.
  EXPECT_EQ(run(std::move(future)).peer, slow.address);
}

TEST_F(ConnectorLocalTest, EndsAtItsTimeLimitWhereNobodyAnswers) {
  const Server silent(numeric("127.0.0.1"), 0);
  const auto fillers = fill_backlog(silent);
  auto request = to({silent.address});
  request.timeout = 20ms;
  const std::string text = silent.address.to_string();
  EXPECT_EQ(std::string(error_of(connect(std::move(request))).what()),
            "connect " + text + ": timed out after 20ms, no answer from " + text);
}

TEST_F(ConnectorLocalTest, ConnectsToUnixSocketsWithoutATurn) {
  const test::TempDir dir;
  for (const std::string& path : {dir / "socket", "@ioa-test-" + dir.path().filename().string()}) {
    const Server server(SocketAddress::unix_path(path));
    auto future = connect(to({server.address}));
    ASSERT_TRUE(future.ready()) << path;
    const Connection connection = future.get();
    EXPECT_EQ(connection.peer.host(), path);
    EXPECT_TRUE(connection.local.is_unix());
  }
}

TEST_F(ConnectorLocalTest, SaysWhyAUnixSocketCannotBeReached) {
  const test::TempDir dir;
  const auto missing = SocketAddress::unix_path(dir / "missing");
  EXPECT_EQ(error_name(error_of(connect(to({missing}))).code()), "ENOENT");
  const auto left_over = SocketAddress::unix_path(dir / "left-over");
  { const Server server(left_over); }
  EXPECT_EQ(error_name(error_of(connect(to({left_over}))).code()), "ECONNREFUSED");
}

TEST_F(ConnectorLocalTest, WaitsForRoomInAUnixBacklog) {
  const test::TempDir dir;
  const Server server(SocketAddress::unix_path(dir / "socket"), 0);
  const auto fillers = fill_backlog(server);
  auto future = connect(to({server.address}));
  EXPECT_FALSE(settles(future));
  EXPECT_TRUE(server.accept());
  EXPECT_TRUE(run(std::move(future)).fd);
}

TEST_F(ConnectorLocalTest, ConnectsFromTheLocalAddressThatWasAsked) {
  const Server server(numeric("127.0.0.1"));
  auto request = to({server.address});
  request.local_addresses = {numeric("127.0.0.2")};
  const Connection connection = run(connect(std::move(request)));
  EXPECT_EQ(connection.local.host(), "127.0.0.2");
  EXPECT_NE(connection.local.port(), 0);
}

TEST_F(ConnectorLocalTest, TriesTheNextLocalAddressWhereOneCannotBeBound) {
  const Server server(numeric("127.0.0.1"));
  auto request = to({server.address});
  request.local_addresses = {numeric("192.0.2.1"), numeric("127.0.0.3")};
  const Connection connection = run(connect(std::move(request)));
  EXPECT_EQ(connection.local.host(), "127.0.0.3");
  ASSERT_THAT(connection.failures, SizeIs(1));
  EXPECT_EQ(connection.failures[0].syscall, "bind");
  EXPECT_EQ(connection.failures[0].error_number, EADDRNOTAVAIL);
}

TEST_F(ConnectorLocalTest, UsesOneSourcePortForBothFamilies) {
  const Server server(numeric("127.0.0.1"));
  const std::uint16_t port = free_address().port();
  auto request = to({numeric("::1", server.address.port()), server.address});
  request.local_addresses = {SocketAddress::any(AF_INET6, port), SocketAddress::any(AF_INET, port)};
  const Connection connection = run(connect(std::move(request)));
  EXPECT_EQ(connection.local.port(), port);
  EXPECT_EQ(connection.local.family(), AF_INET);
}

TEST_F(ConnectorLocalTest, TakesASocketThatHasMetItselfForRefused) {
  const SocketAddress itself = free_address();
  auto request = to({itself});
  request.local_addresses = {itself};
  const Error error = error_of(connect(std::move(request)));
  EXPECT_EQ(error_name(error.code()), "ECONNREFUSED");
  EXPECT_EQ(error.operation(), "connect");
}

TEST_F(ConnectorLocalTest, ConnectsDatagramSockets) {
  const Server server(numeric("127.0.0.1"), 0, SOCK_DGRAM);
  auto request = to({server.address});
  request.socktype = SOCK_DGRAM;
  const Connection connection = run(connect(std::move(request)));
  ASSERT_EQ(::send(connection.fd.get(), "x", 1, 0), 1);
  char byte = 0;
  EXPECT_EQ(::recv(server.fd.get(), &byte, 1, 0), 1);
  EXPECT_EQ(byte, 'x');
}

TEST_F(ConnectorLocalTest, SetsOptionsBeforeItConnects) {
  const Server server(numeric("127.0.0.1"));
  auto request = to({server.address});
  request.options.nodelay = true;
  request.options.ttl = 9;
  const Connection connection = run(connect(std::move(request)));
  int value = 0;
  socklen_t size = sizeof value;
  ::getsockopt(connection.fd.get(), IPPROTO_TCP, TCP_NODELAY, &value, &size);
  EXPECT_EQ(value, 1);
  ::getsockopt(connection.fd.get(), IPPROTO_IP, IP_TTL, &value, &size);
  EXPECT_EQ(value, 9);
}

TEST_F(ConnectorLocalTest, ConnectsByMultipathTcpOrWithoutIt) {
  const Server server(numeric("127.0.0.1"));
  auto request = to({server.address});
  request.multipath = true;
  EXPECT_EQ(run(connect(std::move(request))).peer, server.address);
}

TEST_F(ConnectorLocalTest, ConnectsWithFastOpen) {
  const Server server(numeric("127.0.0.1"));
  auto request = to({server.address});
  request.options.fast_open = true;
  EXPECT_EQ(run(connect(std::move(request))).peer, server.address);
}

TEST_F(ConnectorLocalTest, FailsInTurnThroughClosedPorts) {
  const Server first(numeric("127.0.0.1"), kNotListening);
  const Server second(numeric("127.0.0.1"), kNotListening);
  const Server server(numeric("127.0.0.1"));
  auto request = to({first.address, second.address, server.address});
  request.strategy = ConnectStrategy::in_turn;
  EXPECT_THAT(run(connect(std::move(request))).failures, SizeIs(2));
}

}  // namespace
}  // namespace ioa

// Opening sockets that listen, on real sockets of this host.
#include "ioa/net/listen_socket.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <functional>
#include <string>
#include <vector>

#include "ioa/net/resolver.hpp"
#include "ioa/net/socket_calls.hpp"
#include "tests/support/fake_names.hpp"
#include "tests/support/loop_fixture.hpp"

namespace ioa {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

SocketAddress numeric(const char* host, std::uint16_t port = 0) {
  return SocketAddress::from_numeric(host, port).value();
}

/// The real calls, save those that the test fails: each returns an errno value, 0 for none.
class FailingCalls final : public SocketCalls {
 public:
  UniqueFd socket(int family, int socktype, int protocol) override {
    if (const int error = on_socket(family)) {
      errno = error;
      return {};
    }
    return SocketCalls::socket(family, socktype, protocol);
  }
  int bind(int fd, const SocketAddress& address) override {
    const int error = on_bind(address);
    return error == 0 ? SocketCalls::bind(fd, address) : (errno = error, -1);
  }
  int listen(int fd, int backlog) override {
    last_backlog = backlog;
    const int error = on_listen();
    return error == 0 ? SocketCalls::listen(fd, backlog) : (errno = error, -1);
  }

  std::function<int(int)> on_socket = [](int) { return 0; };
  std::function<int(const SocketAddress&)> on_bind = [](const SocketAddress&) { return 0; };
  std::function<int()> on_listen = [] { return 0; };
  int last_backlog = 0;
};

class ListenSocketTest : public test::RealLoopTest {
 protected:
  static ListenRequest at(std::vector<SocketAddress> addresses) {
    ListenRequest request;
    request.addresses = std::move(addresses);
    return request;
  }
  static ListenRequest host_and_service(std::string host, std::string service) {
    ListenRequest request;
    request.host = std::move(host);
    request.service = std::move(service);
    return request;
  }
  ListenSockets open(ListenRequest request) {
    return run(open_listen_sockets(resolver_, std::move(request), &calls_));
  }
  ListenError error_of(ListenRequest request) {
    try {
      open(std::move(request));
    } catch (const ListenError& error) {
      return error;
    }
    ADD_FAILURE() << "no failure";
    return {Error(ErrorKind::failed, {}, "none"), {}};
  }
  static int option(const ListenSocket& socket, int level, int name) {
    int value = -1;
    socklen_t size = sizeof value;
    ::getsockopt(socket.fd.get(), level, name, &value, &size);
    return value;
  }
  /// Whether somebody can connect.
  static bool answers(const SocketAddress& address) {
    const SocketAddress target = address.to_reach();
    const UniqueFd fd(::socket(target.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
    return ::connect(fd.get(), target.data(), target.size()) == 0;
  }
  bool has_ipv6() {
    const UniqueFd fd(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const SocketAddress loopback = numeric("::1");
    return fd && ::bind(fd.get(), loopback.data(), loopback.size()) == 0;
  }

  test::FakeNames names_;
  Resolver resolver_{loop, names_.calls()};
  FailingCalls calls_;
};

TEST_F(ListenSocketTest, OpensASocketAtAGivenAddressWithoutATurn) {
  auto future = open_listen_sockets(resolver_, at({numeric("127.0.0.1")}));
  ASSERT_TRUE(future.ready());
  const ListenSockets opened = future.get();
  ASSERT_THAT(opened.sockets, SizeIs(1));
  const ListenSocket& socket = opened.sockets[0];
  EXPECT_NE(socket.address.port(), 0);
  EXPECT_TRUE(answers(socket.address));
  EXPECT_NE(::fcntl(socket.fd.get(), F_GETFL) & O_NONBLOCK, 0);
  EXPECT_NE(::fcntl(socket.fd.get(), F_GETFD) & FD_CLOEXEC, 0);
  EXPECT_EQ(option(socket, SOL_SOCKET, SO_REUSEADDR), 1);
  EXPECT_EQ(option(socket, SOL_SOCKET, SO_REUSEPORT), 0);
}

TEST_F(ListenSocketTest, ListensWithALargeBacklogUnlessAnotherIsAsked) {
  open(at({numeric("127.0.0.1")}));
  EXPECT_EQ(calls_.last_backlog, SOMAXCONN);
  auto request = at({numeric("127.0.0.1")});
  request.backlog = 7;
  open(std::move(request));
  EXPECT_EQ(calls_.last_backlog, 7);
}

TEST_F(ListenSocketTest, WithoutAHostListensAtEveryAddressWithOnePort) {
  for (const char* service : {"", "0"}) {
    const ListenSockets opened = open(host_and_service("", service));
    if (!has_ipv6()) GTEST_SKIP() << "no IPv6 here";
    ASSERT_THAT(opened.sockets, SizeIs(2));
    EXPECT_NE(opened.sockets[0].address.family(), opened.sockets[1].address.family());
    EXPECT_NE(opened.sockets[0].address.port(), 0);
    EXPECT_EQ(opened.sockets[0].address.port(), opened.sockets[1].address.port());
    for (const ListenSocket& socket : opened.sockets) EXPECT_TRUE(answers(socket.address));
  }
}

TEST_F(ListenSocketTest, ListensAtAllAddressesOfAName) {
  names_.set("here", {"127.0.0.1", "127.0.0.2", "127.0.0.3"});
  const ListenSockets opened = open(host_and_service("here", "0"));
  ASSERT_THAT(opened.sockets, SizeIs(3));
  for (const ListenSocket& socket : opened.sockets)
    EXPECT_EQ(socket.address.port(), opened.sockets[0].address.port());
  EXPECT_EQ(opened.sockets[2].address.host(), "127.0.0.3");
  EXPECT_NE(names_.asked().at(0).flags & AI_PASSIVE, 0);
}

TEST_F(ListenSocketTest, TriesAnotherPortWhereTheChosenOneIsTakenForAnother) {
  names_.set("here", {"127.0.0.1", "127.0.0.2"});
  int refusals = 3;
  std::vector<std::uint16_t> ports;
  calls_.on_bind = [&](const SocketAddress& address) {
    if (address.port() == 0) return 0;
    ports.push_back(address.port());
    return refusals-- > 0 ? EADDRINUSE : 0;
  };
  const ListenSockets opened = open(host_and_service("here", "0"));
  EXPECT_THAT(opened.failures, IsEmpty());
  ASSERT_THAT(opened.sockets, SizeIs(2));
  EXPECT_EQ(opened.sockets[0].address.port(), opened.sockets[1].address.port());
  EXPECT_THAT(ports, SizeIs(4));
}

TEST_F(ListenSocketTest, GivesUpAfterAWhileWhereNoPortIsFreeForAll) {
  names_.set("here", {"127.0.0.1", "127.0.0.2"});
  calls_.on_bind = [&](const SocketAddress& address) {
    return address.port() == 0 ? 0 : EADDRINUSE;
  };
  const ListenSockets opened = open(host_and_service("here", "0"));
  EXPECT_THAT(opened.sockets, SizeIs(1));
  ASSERT_THAT(opened.failures, SizeIs(1));
  EXPECT_EQ(opened.failures[0].to_error().operation(), "bind");
}

TEST_F(ListenSocketTest, GivenAddressesHavePortsOfTheirOwn) {
  const ListenSockets opened = open(at({numeric("127.0.0.1"), numeric("127.0.0.1")}));
  ASSERT_THAT(opened.sockets, SizeIs(2));
  EXPECT_NE(opened.sockets[0].address.port(), opened.sockets[1].address.port());
}

TEST_F(ListenSocketTest, SaysOfEveryIpv6SocketWhetherItCarriesIpv4) {
  if (!has_ipv6()) GTEST_SKIP() << "no IPv6 here";
  const ListenSockets apart = open(at({numeric("::")}));
  EXPECT_EQ(option(apart.sockets.at(0), IPPROTO_IPV6, IPV6_V6ONLY), 1);
  auto request = host_and_service("", "0");
  request.dual_stack = true;
  const ListenSockets both = open(std::move(request));
  ASSERT_THAT(both.sockets, SizeIs(1));
  EXPECT_EQ(option(both.sockets[0], IPPROTO_IPV6, IPV6_V6ONLY), 0);
  EXPECT_TRUE(answers(numeric("127.0.0.1", both.sockets[0].address.port())));
}

TEST_F(ListenSocketTest, WithoutIpv6DualStackListensOnIpv4) {
  calls_.on_socket = [](int family) { return family == AF_INET6 ? EAFNOSUPPORT : 0; };
  auto request = host_and_service("", "0");
  request.dual_stack = true;
  const ListenSockets opened = open(std::move(request));
  ASSERT_THAT(opened.sockets, SizeIs(1));
  EXPECT_EQ(opened.sockets[0].address.family(), AF_INET);
  ASSERT_THAT(opened.failures, SizeIs(1));
  EXPECT_EQ(opened.failures[0].syscall, "socket");
  EXPECT_EQ(opened.failures[0].error_number, EAFNOSUPPORT);
}

TEST_F(ListenSocketTest, SharesAPortWhereThatIsAsked) {
  auto request = at({numeric("127.0.0.1")});
  request.options.reuse_port = true;
  const ListenSockets first = open(std::move(request));
  auto again = at({first.sockets[0].address});
  again.options.reuse_port = true;
  EXPECT_THAT(open(std::move(again)).sockets, SizeIs(1));
  EXPECT_EQ(error_name(error_of(at({first.sockets[0].address})).code()), "EADDRINUSE");
}

TEST_F(ListenSocketTest, SaysWhatFailedAndWhere) {
  const ListenSockets taken = open(at({numeric("127.0.0.1")}));
  const SocketAddress address = taken.sockets[0].address;
  EXPECT_STREQ(error_of(at({address})).what(),
               ("bind " + address.to_string() + ": Address already in use (EADDRINUSE)").c_str());
}

TEST_F(ListenSocketTest, CountsListenMoreThanBindMoreThanOptionMoreThanSocket) {
  const std::vector<SocketAddress> four{numeric("127.0.0.1"), numeric("127.0.0.2"),
                                        numeric("127.0.0.3"), numeric("127.0.0.4")};
  int sockets = 0;
  calls_.on_socket = [&](int) { return ++sockets == 4 ? EMFILE : 0; };
  calls_.on_bind = [](const SocketAddress& a) { return a.host() == "127.0.0.3" ? EACCES : 0; };
  calls_.on_listen = [] { return EOPNOTSUPP; };
  const ListenError worst = error_of(at(four));
  EXPECT_EQ(worst.operation(), "listen");
  EXPECT_EQ(error_name(worst.code()), "EOPNOTSUPP");
  ASSERT_THAT(worst.attempts(), SizeIs(4));
  EXPECT_NE(worst.detail().find("127.0.0.4:0 (socket EMFILE)"), std::string::npos)
      << worst.detail();

  sockets = 2;
  const ListenError second = error_of(at({four[2], four[3]}));
  EXPECT_EQ(second.operation(), "bind");

  sockets = 2;
  auto request = at({four[0], four[3]});
  request.options.interface = "ioa-none";
  const ListenError third = error_of(std::move(request));
  EXPECT_EQ(third.operation(), "setsockopt");
  EXPECT_EQ(third.attempts()[0].to_error().subject(), "SO_BINDTODEVICE ioa-none");
}

TEST_F(ListenSocketTest, NoAddressAtAllIsAnError) {
  const ListenError error = error_of(at({}));
  EXPECT_STREQ(error.what(), "listen: no address to listen at");
  EXPECT_THAT(error.attempts(), IsEmpty());
}

TEST_F(ListenSocketTest, AFailedLookUpIsAnErrorOfTheResolver) {
  try {
    open(host_and_service("nosuch", "80"));
    FAIL() << "no failure";
  } catch (const Error& error) {
    EXPECT_EQ(error.operation(), "resolve");
    EXPECT_EQ(error_name(error.code()), "EAI_NONAME");
  }
}

TEST_F(ListenSocketTest, BindsDatagramSocketsOnly) {
  auto request = at({numeric("127.0.0.1")});
  request.socktype = SOCK_DGRAM;
  const ListenSockets opened = open(std::move(request));
  EXPECT_NE(opened.sockets.at(0).address.port(), 0);
  EXPECT_EQ(calls_.last_backlog, 0);
  EXPECT_EQ(option(opened.sockets[0], SOL_SOCKET, SO_REUSEADDR), 0);
}

TEST_F(ListenSocketTest, AdoptsADescriptorThatListens) {
  ListenSockets opened = open(at({numeric("127.0.0.1")}));
  ListenSocket& source = opened.sockets[0];
  ::fcntl(source.fd.get(), F_SETFL, 0);
  const SocketAddress address = source.address;
  const ListenSocket adopted = ListenSocket::adopt(std::move(source.fd));
  EXPECT_EQ(adopted.address, address);
  EXPECT_EQ(adopted.socktype, SOCK_STREAM);
  EXPECT_NE(::fcntl(adopted.fd.get(), F_GETFL) & O_NONBLOCK, 0);
}

TEST_F(ListenSocketTest, AdoptsNothingThatDoesNotListen) {
  const auto error_of_adopting = [](UniqueFd fd) {
    try {
      ListenSocket::adopt(std::move(fd));
    } catch (const Error& error) {
      return error_name(error.code());
    }
    return std::string("none");
  };
  EXPECT_EQ(error_of_adopting(UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0))),
            "EINVAL");
  EXPECT_EQ(error_of_adopting(UniqueFd(::open("/dev/null", O_RDONLY | O_CLOEXEC))), "ENOTSOCK");
}

}  // namespace
}  // namespace ioa

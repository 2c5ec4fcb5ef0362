#include "ioa/net/socket_options.hpp"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "ioa/base/error.hpp"
#include "ioa/base/unique_fd.hpp"
#include "tests/support/socket_pair.hpp"

namespace ioa {
namespace {

using namespace std::chrono_literals;

UniqueFd tcp_socket(int family = AF_INET) {
  return UniqueFd(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

int value_of(const UniqueFd& fd, int level, int name) {
  int value = -1;
  socklen_t size = sizeof value;
  EXPECT_EQ(::getsockopt(fd.get(), level, name, &value, &size), 0);
  return value;
}

std::string failure_of(const SocketOptions& options, int fd, int family) {
  try {
    options.apply(fd, family);
  } catch (const Error& error) {
    EXPECT_EQ(error.operation(), "setsockopt");
    return error.what();
  }
  return "no failure";
}

TEST(SocketOptionsTest, LeavesEverythingAsItIsByDefault) {
  const auto fd = tcp_socket();
  const auto untouched = tcp_socket();
  SocketOptions().apply(fd.get(), AF_INET);
  for (const int name : {SO_KEEPALIVE, SO_SNDBUF, SO_RCVBUF, SO_BROADCAST})
    EXPECT_EQ(value_of(fd, SOL_SOCKET, name), value_of(untouched, SOL_SOCKET, name));
  EXPECT_EQ(value_of(fd, IPPROTO_TCP, TCP_NODELAY), 0);
}

TEST(SocketOptionsTest, SetsOptionsOfTcp) {
  const auto fd = tcp_socket();
  SocketOptions options;
  options.nodelay = true;
  options.keepalive = 90s;
  options.fast_open = true;
  options.apply(fd.get(), AF_INET);
  EXPECT_EQ(value_of(fd, IPPROTO_TCP, TCP_NODELAY), 1);
  EXPECT_EQ(value_of(fd, SOL_SOCKET, SO_KEEPALIVE), 1);
  EXPECT_EQ(value_of(fd, IPPROTO_TCP, TCP_KEEPIDLE), 90);
  EXPECT_EQ(value_of(fd, IPPROTO_TCP, TCP_KEEPINTVL), 90);
  EXPECT_EQ(value_of(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT), 1);
}

TEST(SocketOptionsTest, RoundsTheKeepaliveTimeUpAndHoldsItInBounds) {
  const auto fd = tcp_socket();
  for (const auto& [interval, seconds] :
       {std::pair<Duration, int>{1ms, 1}, {1001ms, 2}, {1000h, 32767}, {0s, 1}}) {
    SocketOptions options;
    options.keepalive = interval;
    options.apply(fd.get(), AF_INET);
    EXPECT_EQ(value_of(fd, IPPROTO_TCP, TCP_KEEPIDLE), seconds);
  }
}

TEST(SocketOptionsTest, SetsTheSizesOfBuffers) {
  const auto fd = tcp_socket();
  SocketOptions options;
  options.send_buffer = 20000;
  options.receive_buffer = 30000;
  options.apply(fd.get(), AF_INET);
  EXPECT_EQ(value_of(fd, SOL_SOCKET, SO_SNDBUF), 40000);
  EXPECT_EQ(value_of(fd, SOL_SOCKET, SO_RCVBUF), 60000);
}

TEST(SocketOptionsTest, SetsTtlAndTosByFamily) {
  SocketOptions options;
  options.ttl = 5;
  options.tos = 0x10;
  const auto ipv4 = tcp_socket(AF_INET);
  options.apply(ipv4.get(), AF_INET);
  EXPECT_EQ(value_of(ipv4, IPPROTO_IP, IP_TTL), 5);
  EXPECT_EQ(value_of(ipv4, IPPROTO_IP, IP_TOS), 0x10);
  const auto ipv6 = tcp_socket(AF_INET6);
  if (!ipv6) GTEST_SKIP() << "no IPv6 here";
  options.apply(ipv6.get(), AF_INET6);
  EXPECT_EQ(value_of(ipv6, IPPROTO_IPV6, IPV6_UNICAST_HOPS), 5);
  EXPECT_EQ(value_of(ipv6, IPPROTO_IPV6, IPV6_TCLASS), 0x10);
  EXPECT_EQ(value_of(ipv6, IPPROTO_IP, IP_TTL), 5) << "for an IPv4 peer of this socket";
}

TEST(SocketOptionsTest, SetsBroadcastOnDatagramSockets) {
  const UniqueFd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  SocketOptions options;
  options.broadcast = true;
  options.apply(fd.get(), AF_INET);
  EXPECT_EQ(value_of(fd, SOL_SOCKET, SO_BROADCAST), 1);
}

TEST(SocketOptionsTest, NamesTheOptionThatFails) {
  const auto fd = tcp_socket();
  SocketOptions options;
  options.ttl = 999;
  EXPECT_EQ(failure_of(options, fd.get(), AF_INET),
            "setsockopt IP_TTL 999: Invalid argument (EINVAL)");
}

TEST(SocketOptionsTest, NamesTheInterfaceThatDoesNotExist) {
  const auto fd = tcp_socket();
  SocketOptions options;
  options.interface = "nosuch0";
  EXPECT_EQ(failure_of(options, fd.get(), AF_INET),
            "setsockopt SO_BINDTODEVICE nosuch0: No such device (ENODEV)");
}

TEST(SocketOptionsTest, DoesNotCutTheNameOfAnInterface) {
  const auto fd = tcp_socket();
  SocketOptions options;
  options.interface = "an-interface-name-too-long";
  EXPECT_NE(failure_of(options, fd.get(), AF_INET).find("ENODEV"), std::string::npos);
}

TEST(SocketOptionsTest, RefusesOptionsOfTcpOnOtherSockets) {
  const auto pair = test::unix_pair();
  SocketOptions options;
  options.nodelay = true;
  EXPECT_NE(failure_of(options, pair.first.get(), AF_UNIX).find("TCP_NODELAY 1"),
            std::string::npos);
}

}  // namespace
}  // namespace ioa

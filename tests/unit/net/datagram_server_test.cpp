#include "ioa/net/datagram_server.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <unistd.h>

#include <array>
#include <cstring>

#include "tests/unit/net/datagram_server_fixture.hpp"

namespace ioa::test {
namespace {

using namespace std::chrono_literals;

TEST_F(DatagramServerTest, EveryAddressHasAConversation) {
  start();
  echo();
  const UniqueFd one = loopback_socket();
  const UniqueFd two = loopback_socket();
  say(one, "1a");
  say(two, "2a");
  say(one, "1b");
  settle();
  EXPECT_EQ(heard(one), "1a");
  EXPECT_EQ(heard(one), "1b");
  EXPECT_EQ(heard(two), "2a");
  EXPECT_EQ(heard(two), "nothing");
  ASSERT_EQ(began.size(), 2U);
  EXPECT_EQ(server->conversations(), 2U);
  EXPECT_EQ(began[0]->peer(), SocketAddress::local_of(one.get()));
  EXPECT_EQ(began[0]->local(), server->address());
  EXPECT_EQ(began[0]->datagrams_received(), 2U);
  EXPECT_EQ(began[0]->bytes_received(), 4U);
  EXPECT_EQ(began[0]->datagrams_sent(), 2U);
  EXPECT_EQ(began[0]->bytes_sent(), 4U);
  EXPECT_EQ(began[1]->datagrams_received(), 1U);
}

TEST_F(DatagramServerTest, AnEmptyDatagramIsOneLikeOthers) {
  start();
  echo();
  const UniqueFd client = loopback_socket();
  say(client, "");
  settle();
  ASSERT_EQ(began.size(), 1U);
  EXPECT_EQ(began[0]->datagrams_received(), 1U);
  EXPECT_EQ(heard(client), "");
}

TEST_F(DatagramServerTest, TheLongestDatagramComesBackWhole) {
  start();
  echo();
  const UniqueFd client = loopback_socket();
  constexpr std::size_t kLongest = 65507;  // IPv4
  const std::string bytes(kLongest, 'x');
  say(client, bytes);
  settle();
  EXPECT_EQ(heard(client), bytes);
}

TEST_F(DatagramServerTest, ADatagramThatIsTooLongIsCounted) {
  start();
  server->set_receive_size(4);
  note();
  const UniqueFd client = loopback_socket();
  say(client, "12345");
  say(client, "1234");
  settle();
  EXPECT_THAT(calls, ElementsAre("1234", "1234"));
  EXPECT_EQ(began.at(0)->truncated(), 1U);
}

// --- Where replies come from ----------------------------------------------------------------

/// A wildcard socket, that would send from the address of the way to the peer.
TEST_F(DatagramServerTest, RepliesComeFromTheAddressThatWasAddressed) {
  start("0.0.0.0");
  echo();
  const UniqueFd client = loopback_socket();
  for (const char* host : {"127.0.0.2", "127.0.0.3"}) {
    say(client.get(), host, numeric(host, port()));
    settle();
    const std::optional<Heard> reply = hear(client);
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->from, numeric(host, port())) << reply->from.to_string();
  }
}

TEST_F(DatagramServerTest, OnePeerAtTwoOfOurAddressesHasTwoConversations) {
  start("0.0.0.0");
  note();
  const UniqueFd client = loopback_socket();
  for (const char* host : {"127.0.0.2", "127.0.0.3"})
    say(client.get(), host, numeric(host, port()));
  settle();
  ASSERT_EQ(began.size(), 2U);
  EXPECT_EQ(began[1]->local(), numeric("127.0.0.3", port()));
  began[0]->send("from 2");
  began[1]->send("from 3");
  EXPECT_EQ(hear(client)->from.host(), "127.0.0.2");
  EXPECT_EQ(hear(client)->from.host(), "127.0.0.3");
}

/// The kernel says less of a datagram that came before it was asked.
TEST_F(DatagramServerTest, RepliesToWhatCameBeforeTheServerComeFromThereToo) {
  ListenSocket socket = bound(numeric("0.0.0.0"));
  const UniqueFd client = loopback_socket();
  say(client.get(), "x", numeric("127.0.0.2", socket.address.port()));
  start(std::move(socket));
  echo();
  settle();
  const std::optional<Heard> reply = hear(client);
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->from.host(), "127.0.0.2");
}

TEST_F(DatagramServerTest, QueuedRepliesComeFromThereToo) {
  start("0.0.0.0");
  server->on_conversation(
      [this](DatagramServer&, Conversation& begun) { began.push_back(&begun); });
  const UniqueFd client = loopback_socket();
  say(client.get(), "x", numeric("127.0.0.2", port()));
  settle();
  // The send buffer of one datagram: the rest has to wait.
  const std::string bytes(60'000, 'x');
  for (int i = 0; i < 20; ++i) began.at(0)->send(bytes);
  for (int i = 0; i < 20; ++i) {
    std::optional<Heard> reply = hear(client);
    for (int turns = 0; !reply && turns < 100; ++turns) {
      settle();
      reply = hear(client);
    }
    if (!reply) break;  // a small receive buffer has dropped them
    EXPECT_EQ(reply->from.host(), "127.0.0.2");
  }
}

TEST_F(DatagramServerTest, ASocketOfBothFamiliesRepliesFromThereToo) {
  ListenSocket dual;
  try {
    SocketOptions options;
    options.v6only = false;
    dual.fd = open_bound_socket(SocketAddress::any(AF_INET6, 0), SOCK_DGRAM, options);
  } catch (const Error&) {
    GTEST_SKIP() << "no IPv6";
  }
  dual.address = SocketAddress::local_of(dual.fd.get());
  dual.socktype = SOCK_DGRAM;
  start(std::move(dual));
  echo();
  const UniqueFd ipv4 = loopback_socket();
  say(ipv4.get(), "x", numeric("127.0.0.2", port()));
  const UniqueFd ipv6 = loopback_socket(AF_INET6);
  say(ipv6.get(), "x", numeric("::1", port()));
  settle();
  const std::optional<Heard> reply = hear(ipv4);
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->from.host(), "127.0.0.2");
  EXPECT_EQ(heard(ipv6), "x");
}

TEST_F(DatagramServerTest, ABroadcastIsAnsweredFromAnAddressOfOurs) {
  start("0.0.0.0");
  echo();
  const UniqueFd client = loopback_socket();
  const int on = 1;
  ASSERT_EQ(::setsockopt(client.get(), SOL_SOCKET, SO_BROADCAST, &on, sizeof on), 0);
  say(client.get(), "x", numeric("127.255.255.255", port()));
  settle();
  const std::optional<Heard> reply = hear(client);
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->from.host(), "127.0.0.1");
  EXPECT_EQ(began.at(0)->local().host(), "127.255.255.255");
}

// --- Ends -----------------------------------------------------------------------------------

TEST_F(DatagramServerTest, ASilentConversationEndsAndItsPeerMayBeginAnother) {
  start();
  server->set_idle_timeout(10s);
  note();
  const UniqueFd one = loopback_socket();
  const UniqueFd two = loopback_socket();
  say(one, "one");
  settle();
  pass(4s);
  say(two, "two");
  settle();
  calls.clear();
  pass(5s);
  began.at(0)->send("what is sent counts");  // at 9 s
  pass(5s);                                  // 14 s
  EXPECT_THAT(calls, ElementsAre("idle " + name_of(two)));
  EXPECT_EQ(server->conversations(), 1U);
  pass(5s - 1ns);
  EXPECT_EQ(server->conversations(), 1U);
  pass(1ns);
  EXPECT_EQ(server->conversations(), 0U);
  say(one, "again");
  settle();
  EXPECT_EQ(began.size(), 3U);
}

TEST_F(DatagramServerTest, AllConversationsHaveOneTimer) {
  start();
  server->set_idle_timeout(10s);
  note();
  std::vector<UniqueFd> clients;
  for (int i = 0; i < 20; ++i) clients.push_back(loopback_socket());
  for (const UniqueFd& client : clients) say(client, "x");
  settle();
  EXPECT_EQ(server->conversations(), 20U);
  EXPECT_EQ(loop.timers().size(), 1U);
  calls.clear();
  pass(10s);
  EXPECT_EQ(calls.size(), 20U);
  EXPECT_EQ(loop.timers().size(), 0U);
}

TEST_F(DatagramServerTest, WithoutAnIdleTimeNothingEnds) {
  start();
  note();
  const UniqueFd client = loopback_socket();
  say(client, "x");
  settle();
  pass(24h);
  EXPECT_EQ(server->conversations(), 1U);
}

TEST_F(DatagramServerTest, HoldsItsLimitAndTellsWhoCannotBegin) {
  start();
  server->set_max_conversations(1);
  note();
  server->on_overflow([this](DatagramServer&, const Datagram& datagram) {
    calls.push_back("overflow " + std::string(datagram.bytes));
  });
  const UniqueFd one = loopback_socket();
  const UniqueFd two = loopback_socket();
  say(one, "1a");
  say(two, "2a");
  say(one, "1b");
  settle();
  EXPECT_THAT(calls, ElementsAre("1a", "overflow 2a", "1b"));
  began.at(0)->remove();
  say(two, "2b");
  settle();
  EXPECT_EQ(calls.back(), "2b");
}

TEST_F(DatagramServerTest, AsksWhoMayBegin) {
  start();
  server->set_max_conversations(1);
  note();
  const UniqueFd one = loopback_socket();
  const UniqueFd two = loopback_socket();
  server->on_admit([&](DatagramServer&, const Datagram& datagram) {
    calls.emplace_back("asked");
    return datagram.from == SocketAddress::local_of(two.get());
  });
  server->on_overflow([this](DatagramServer&, const Datagram&) { calls.emplace_back("overflow"); });
  say(one, "1a");
  say(two, "2a");
  say(two, "2b");
  say(one, "1b");
  settle();
  EXPECT_THAT(calls, ElementsAre("asked", "asked", "2a", "2b", "asked"))
      << "who may not begin is no overflow";
}

// --- Errors ---------------------------------------------------------------------------------

TEST_F(DatagramServerTest, AnIcmpErrorBelongsToTheConversationItIsAbout) {
  start();
  note();
  UniqueFd gone = loopback_socket();
  const std::string gone_name = name_of(gone);
  const UniqueFd alive = loopback_socket();
  say(gone, "x");
  say(alive, "y");
  settle();
  gone.reset();
  calls.clear();
  for (int i = 0; i < 3; ++i) {
    began.at(0)->send("to nobody");
    began.at(1)->send("to somebody");
    settle();
    EXPECT_EQ(heard(alive), "to somebody");
  }
  EXPECT_THAT(calls, ElementsAre(gone_name + " ICMP ECONNREFUSED", gone_name + " ICMP ECONNREFUSED",
                                 gone_name + " ICMP ECONNREFUSED"));
  EXPECT_EQ(began.at(0)->undelivered(), 3U);
  EXPECT_EQ(began.at(1)->undelivered(), 0U);
  EXPECT_EQ(loop.turn(Duration::zero()), 0U) << "it spins";
  say(alive, "still there");
  settle();
  EXPECT_EQ(calls.back(), "still there");
}

TEST_F(DatagramServerTest, ManyIcmpErrorsCostNobodyADatagram) {
  start();
  note();
  const UniqueFd alive = loopback_socket();
  say(alive, "y");
  std::vector<UniqueFd> gone;
  for (int i = 0; i < 50; ++i) gone.push_back(loopback_socket());
  for (const UniqueFd& client : gone) say(client, "x");
  settle();
  gone.clear();
  calls.clear();
  for (std::size_t i = 1; i < began.size(); ++i) {
    began[i]->send("to nobody");
    began[0]->send("to somebody");
  }
  for (int i = 0; i < 10; ++i) settle();  // an error a turn, where they come at once
  EXPECT_EQ(calls.size(), 50U);
  for (int i = 0; i < 50; ++i) ASSERT_EQ(heard(alive), "to somebody") << i;
  EXPECT_EQ(began[0]->undelivered(), 0U);
}

TEST_F(DatagramServerTest, AnIcmpErrorOfAnIpv6PeerIsToldToo) {
  UniqueFd gone;
  try {
    start("::1");
    gone = loopback_socket(AF_INET6);
  } catch (const Error&) {
    GTEST_SKIP() << "no IPv6";
  }
  note();
  const std::string gone_name = name_of(gone);
  say(gone, "x");
  settle();
  gone.reset();
  calls.clear();
  began.at(0)->send("to nobody");
  settle();
  EXPECT_THAT(calls, ElementsAre(gone_name + " ICMP ECONNREFUSED"));
}

TEST_F(DatagramServerTest, WhatIsTooLongToBeSentIsToldAndTheNextFollows) {
  start();
  note();
  const UniqueFd client = loopback_socket();
  say(client, "x");
  settle();
  calls.clear();
  began.at(0)->send(std::string(70'000, 'x'));
  began.at(0)->send("short");
  settle();
  EXPECT_THAT(calls, ElementsAre(name_of(client) + " EMSGSIZE"));
  EXPECT_EQ(heard(client), "short");
  EXPECT_EQ(began.at(0)->datagrams_sent(), 1U);
  EXPECT_EQ(began.at(0)->bytes_sent(), 5U);
}

// --- Who cannot be answered -----------------------------------------------------------------

/// A datagram from 127.0.0.1, port `from`, to 127.0.0.1, port `to`; false if that is not allowed.
bool forge(std::uint16_t from, std::uint16_t to) {
  const UniqueFd raw(::socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_UDP));
  if (!raw) return false;
  udphdr header{};
  header.source = htons(from);
  header.dest = htons(to);
  header.len = htons(sizeof header + 1);
  std::array<char, sizeof header + 1> packet{};
  std::memcpy(packet.data(), &header, sizeof header);
  packet.back() = 'x';
  const SocketAddress address = *SocketAddress::from_numeric("127.0.0.1", 0);
  return ::sendto(raw.get(), packet.data(), packet.size(), 0, address.data(), address.size()) ==
         static_cast<ssize_t>(packet.size());
}

TEST_F(DatagramServerTest, IgnoresPortZeroAndItsOwnAddress) {
  for (const char* host : {"127.0.0.1", "0.0.0.0"}) {
    start(host);
    echo();
    if (!forge(0, port()) || !forge(port(), port())) GTEST_SKIP() << "no raw sockets";
    settle();
    EXPECT_EQ(server->ignored(), 2U);
    EXPECT_TRUE(began.empty());
    server->remove();
  }
  server = nullptr;
}

TEST_F(DatagramServerTest, UnixPeersWithoutANameAreHeardAndNotAnswered) {
  start(bound(SocketAddress::unix_path("@ioa-datagram-server-test")));
  echo();
  const UniqueFd nameless(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const UniqueFd named = open_bound_socket(SocketAddress::unix_path("@ioa-datagram-client-test"));
  say(nameless, "x");
  say(named, "y");
  settle();
  ASSERT_EQ(began.size(), 2U);
  EXPECT_FALSE(began[0]->is_answerable());
  EXPECT_EQ(began[0]->datagrams_received(), 1U);
  EXPECT_EQ(began[0]->datagrams_sent(), 0U);
  EXPECT_EQ(began[0]->undelivered(), 1U);
  EXPECT_TRUE(began[1]->is_answerable());
  EXPECT_EQ(heard(named), "y");
}

// --- The socket -----------------------------------------------------------------------------

TEST_F(DatagramServerTest, TakesAnInheritedSocketAsItIs) {
  UniqueFd fd(::socket(AF_INET, SOCK_DGRAM, 0));
  const SocketAddress any = numeric("127.0.0.1");
  ASSERT_EQ(::bind(fd.get(), any.data(), any.size()), 0);
  const int number = fd.get();
  start(ListenSocket::adopt(std::move(fd)));
  echo();
  EXPECT_EQ(::fcntl(number, F_GETFL) & O_NONBLOCK, 0) << "its other users would see that";
  EXPECT_EQ(::fcntl(number, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
  const UniqueFd client = loopback_socket();
  say(client, "x");
  settle();
  EXPECT_EQ(heard(client), "x");
}

TEST_F(DatagramServerTest, RefusesASocketOfAnotherType) {
  ListenSocket stream;
  stream.fd = UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  EXPECT_THROW(DatagramServer made(std::move(stream)), Error);
}

TEST_F(DatagramServerTest, RemovesTheFileOfAUnixSocket) {
  const std::string path =
      ::testing::TempDir() + "ioa-datagram-server-" + std::to_string(::getpid());
  ListenSocket socket = bound(SocketAddress::unix_path(path));
  socket.file = UnixSocketFile(socket.address);
  start(std::move(socket));
  EXPECT_EQ(::access(path.c_str(), F_OK), 0);
  server->remove();
  server = nullptr;
  settle();
  EXPECT_NE(::access(path.c_str(), F_OK), 0);
}

}  // namespace
}  // namespace ioa::test

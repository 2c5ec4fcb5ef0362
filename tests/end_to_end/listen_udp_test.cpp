// listen -u: one socket for all peers, of whom each is a conversation.
#include "tests/end_to_end/listen_udp.hpp"

#include <csignal>

#include "tests/support/events.hpp"

namespace ioa::test {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;

// --- One conversation -----------------------------------------------------------------------

TEST_F(ListenUdpTest, JoinsTheFirstSenderToStandardInputAndOutput) {
  start({});
  DatagramPeer first = client();
  DatagramPeer second = client();
  first.send("question");
  ASSERT_TRUE(process->wait_for_out("question"));
  second.send("not served");
  process->write("answer");
  EXPECT_EQ(first.receive(), "answer");
  EXPECT_EQ(first.from(), address);
  first.send("\n");
  expect_success(process->wait(), "question\n");
  EXPECT_TRUE(second.is_empty());
}

TEST_F(ListenUdpTest, ASecondOfSilenceAfterTheInputIsTheEnd) {
  start({});
  process->close_stdin();
  DatagramPeer peer = client();
  peer.send("x");
  const RunResult result = process->wait();
  expect_success(result, "x");
  EXPECT_GE(result.duration, 1s);
}

TEST_F(ListenUdpTest, SilenceEndsTheOneConversationAsALimit) {
  start({"-i", "300ms"});
  DatagramPeer peer = client();
  peer.send("x");
  const RunResult result = process->wait_with_open_stdin();
  EXPECT_EQ(result.out, "x");
  EXPECT_EQ(result.status, 124);
  EXPECT_EQ(result.err,
            "ioa listen: --idle-timeout 300ms reached: 0 bytes sent, 1 received (0 datagrams sent, "
            "1 received)\n");
}

TEST_F(ListenUdpTest, TheInputIsCutIntoDatagramsForThePeer) {
  start({"--frame", "line", "-q", "0"});
  DatagramPeer peer = client();
  peer.send("x");
  process->write("one\n\nthree");
  process->close_stdin();
  EXPECT_EQ(peer.receive(), "one\n");
  EXPECT_EQ(peer.receive(), "\n");
  EXPECT_EQ(peer.receive(), "three");
  expect_success(process->wait(), "x");
}

TEST_F(ListenUdpTest, WhatIsReceivedIsFramedForItsReader) {
  start({"--frame", "len32", "--recv-only", "-i", "300ms"});
  DatagramPeer peer = client();
  peer.send("abc");
  peer.send("");
  const RunResult result = process->wait_with_open_stdin();
  EXPECT_EQ(result.out, "\0\0\0\3abc\0\0\0\0"s);
}

TEST_F(ListenUdpTest, AnIcmpErrorIsAFailure) {
  start({});
  {
    DatagramPeer peer = client();
    peer.send("x");
    ASSERT_TRUE(process->wait_for_out("x"));
  }
  process->write("to nobody");
  const RunResult result = process->wait_with_open_stdin();
  EXPECT_EQ(result.status, 1);
  EXPECT_NE(result.err.find("Connection refused (ECONNREFUSED)"), std::string::npos) << result.err;
}

TEST_F(ListenUdpTest, ASignalEndsItWithItsStatus) {
  start({});
  EXPECT_EQ(stop(SIGTERM).status, 128 + SIGTERM);
  start({});
  DatagramPeer peer = client();
  peer.send("x");
  ASSERT_TRUE(process->wait_for_out("x"));
  const RunResult served = stop(SIGINT);
  EXPECT_EQ(served.status, 128 + SIGINT);
  EXPECT_EQ(served.out, "x");
}

TEST_F(ListenUdpTest, WithoutAPeerItsLimitsHold) {
  expect_failure(run_ioa({"listen", "-u", "--accept-timeout", "50ms", "127.0.0.1", "0"}), 124,
                 "--accept-timeout 50ms reached");
  expect_failure(run_ioa({"listen", "-u", "--timeout", "50ms", "127.0.0.1", "0"}), 124,
                 "--timeout 50ms reached");
}

TEST_F(ListenUdpTest, AnEchoServesOnePeerToo) {
  start({"--echo", "-i", "300ms"});
  DatagramPeer peer = client();
  peer.send("x");
  EXPECT_EQ(peer.receive(), "x");
  expect_failure(process->wait_with_open_stdin(), 124,
                 "--idle-timeout 300ms reached: 1 bytes sent, 1 received");
}

// --- All peers ------------------------------------------------------------------------------

TEST_F(ListenUdpTest, EchoesEachDatagramAsItCame) {
  start({"-k", "--echo"});
  std::vector<DatagramPeer> peers;
  for (int i = 0; i < 8; ++i) peers.push_back(client());
  for (const std::string& bytes : {"one"s, ""s, std::string("\0\xff", 2)}) {
    for (DatagramPeer& peer : peers) peer.send(bytes);
    for (DatagramPeer& peer : peers) EXPECT_EQ(peer.receive(), bytes);
  }
  const std::string longest(65507, 'x');
  for (DatagramPeer& peer : peers) {
    peer.send(longest);  // one at a time: the system has no room for eight
    EXPECT_EQ(peer.receive(), longest);
  }
  expect_success(stop(), "");
}

TEST_F(ListenUdpTest, DiscardsWithoutAnAnswer) {
  start({"-k", "--discard", "--events", dir / "events"});
  DatagramPeer peer = client();
  for (int i = 0; i < 5; ++i) peer.send("12345");
  wait_until([&] { return dir.read("events").find("accepted") != std::string::npos; }, "the peer");
  expect_success(stop(), "");
  EXPECT_TRUE(peer.is_empty());
  EXPECT_EQ(Events(dir.read("events")).first("closed").number("datagrams_sent"), 0);
}

TEST_F(ListenUdpTest, StandardInputGoesToTheLastSender) {
  start({"-k"});
  DatagramPeer one = client();
  DatagramPeer two = client();
  process->write("early ");  // waits for somebody
  one.send("1");
  EXPECT_EQ(one.receive(), "early ");
  two.send("2");
  ASSERT_TRUE(process->wait_for_out("12"));
  process->write("to two");
  EXPECT_EQ(two.receive(), "to two");
  one.send("3");
  ASSERT_TRUE(process->wait_for_out("123"));
  process->write("to one");
  EXPECT_EQ(one.receive(), "to one");
  process->close_stdin();
  two.send("4");  // the end of the input is not the end
  ASSERT_TRUE(process->wait_for_out("1234"));
  expect_success(stop(), "1234");
  EXPECT_TRUE(two.is_empty());
}

TEST_F(ListenUdpTest, ASenderThatHasLeftEndsItsConversationOnly) {
  start({"-k"});
  DatagramPeer stays = client();
  {
    DatagramPeer leaves = client();
    stays.send("1");
    leaves.send("2");
    ASSERT_TRUE(process->wait_for_out("12"));
  }
  process->write("to nobody");
  ASSERT_TRUE(process->wait_for_err("Connection refused (ECONNREFUSED)"));
  stays.send("3");
  ASSERT_TRUE(process->wait_for_out("123"));
  process->write("answer");
  EXPECT_EQ(stays.receive(), "answer");
  EXPECT_EQ(stop().status, 0);
}

TEST_F(ListenUdpTest, AReaderThatLeavesEndsItQuietly) {
  start({"-k"});
  process->stop_reading_output();
  DatagramPeer peer = client();
  peer.send("x");
  const RunResult result = process->wait_with_open_stdin();
  EXPECT_EQ(result.status, 141);
  EXPECT_EQ(result.err, "");
}

TEST_F(ListenUdpTest, ASilentConversationIsForgottenWithoutAWord) {
  start({"-k", "--echo", "-i", "200ms", "--events", dir / "events"});
  DatagramPeer peer = client();
  peer.send("x");
  EXPECT_EQ(peer.receive(), "x");
  wait_until([&] { return dir.read("events").find("closed") != std::string::npos; }, "the end");
  peer.send("y");
  EXPECT_EQ(peer.receive(), "y");
  expect_success(stop(), "");
  const Events events(dir.read("events"));
  EXPECT_EQ(events.names(), "listening accepted closed accepted closed exit");
  const JsonObject& closed = events.first("closed");
  EXPECT_EQ(closed.text("reason"), "idle-timeout");
  EXPECT_EQ(closed.number("conn"), 1);
  EXPECT_EQ(closed.number("bytes_sent"), 1);
  EXPECT_EQ(closed.number("bytes_received"), 1);
  EXPECT_EQ(closed.number("datagrams_sent"), 1);
  EXPECT_EQ(closed.number("datagrams_received"), 1);
  EXPECT_GE(closed.number("duration_ms"), 200);
}

TEST_F(ListenUdpTest, AtTheLimitNewSendersAreDroppedAndThatIsSaidOnce) {
  start({"-k", "--echo", "-m", "1", "-i", "300ms"});
  DatagramPeer one = client();
  DatagramPeer two = client();
  one.send("1");
  EXPECT_EQ(one.receive(), "1");
  for (int i = 0; i < 3; ++i) two.send("2");
  ASSERT_TRUE(process->wait_for_err("1 peers, the limit of --max-conns"));
  one.send("again");
  EXPECT_EQ(one.receive(), "again");
  EXPECT_TRUE(two.is_empty());
  std::this_thread::sleep_for(600ms);
  two.send("now");
  EXPECT_EQ(two.receive(), "now");
  const RunResult result = stop();
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(line_count(result.err), 1U) << result.err;
}

TEST_F(ListenUdpTest, WhoIsRefusedIsToldOfOnceAndNotServed) {
  start({"-k", "--echo", "--deny", "127.0.0.0/8", "--events", dir / "events"});
  DatagramPeer peer = client();
  for (int i = 0; i < 3; ++i) peer.send("x");
  ASSERT_TRUE(process->wait_for_err("refused 127.0.0.1:" + peer.port() + ": denied"));
  const RunResult result = stop();
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(line_count(result.err), 1U) << result.err;
  EXPECT_TRUE(peer.is_empty());
  EXPECT_EQ(Events(dir.read("events")).names(), "listening rejected exit");
}

TEST_F(ListenUdpTest, ConversationsOfOneHostCanBeLimited) {
  start({"-k", "--echo", "--max-per-ip", "1", "-i", "300ms"});
  DatagramPeer one = client();
  DatagramPeer two = client();
  one.send("1");
  EXPECT_EQ(one.receive(), "1");
  two.send("2");
  ASSERT_TRUE(process->wait_for_err("refused 127.0.0.1:" + two.port()));
  std::this_thread::sleep_for(600ms);
  two.send("now");
  EXPECT_EQ(two.receive(), "now");
  EXPECT_EQ(stop().status, 0);
}

TEST_F(ListenUdpTest, TheCountersCanBeAskedFor) {
  start({"-k", "--echo"});
  DatagramPeer peer = client();
  peer.send("12345");
  EXPECT_EQ(peer.receive(), "12345");
  process->signal(SIGUSR1);
  EXPECT_TRUE(process->wait_for_err("1 connection served, 1 open, 5 bytes sent, 5 received"));
  EXPECT_EQ(stop().status, 0);
}

TEST_F(ListenUdpTest, EveryLocalAddressOfBothFamiliesIsServed) {
  start_at({"-k", "--echo", "0"});
  DatagramPeer ipv4;
  ipv4.speak_to(*SocketAddress::from_numeric("127.0.0.3", address.port()));
  ipv4.send("4");
  EXPECT_EQ(ipv4.receive(), "4");
  EXPECT_EQ(ipv4.from().host(), "127.0.0.3") << "the answer comes from where the question went";
  try {
    DatagramPeer ipv6(true);
    ipv6.speak_to(*SocketAddress::from_numeric("::1", address.port()));
    ipv6.send("6");
    EXPECT_EQ(ipv6.receive(), "6");
  } catch (const Error&) {  // a host without IPv6
  }
  EXPECT_EQ(stop().status, 0);
}

TEST_F(ListenUdpTest, WhatMakesNoSenseIsSaidBeforeAnythingIsBound) {
  const std::vector<std::pair<std::vector<std::string>, std::string>> cases{
      {{"-u", "0", "--workers", "2"}, "--workers"},
      {{"-u", "0", "--nodelay"}, "cannot be used with datagrams"},
      {{"-u", "0", "--backlog", "5"}, "cannot be used with datagrams"},
      {{"-u", "0", "--on-peer-eof", "exit"}, "cannot be used with datagrams"},
      {{"-u", "0", "--broker"}, "--broker"},
      {{"-u", "tcp:0"}, "-u"},
      {{"-u", "unix:/x"}, "unix-dgram:PATH"},
      {{"0", "--frame", "line"}, "--frame"},
      {{"0", "--to", "udp:127.0.0.1:53"}, "streams"},
      {{"-u", "0", "--echo", "--frame", "line"}, "--frame"},
      {{"-u", "0", "--to", "127.0.0.1:53", "--sha256"}, "--sha256"},
      {{"-u", "0", "--mtu", "0"}, "--mtu"},
      {{"-u", "0", "--frame", "word"}, "--frame"},
      {{"unix-seqpacket:/x", "--echo", "--frame", "line"}, "--frame"},
      {{"unix-seqpacket:/x", "-k", "--mtu", "100"}, "--mtu"},
  };
  for (auto [arguments, text] : cases) {
    arguments.insert(arguments.begin(), "listen");
    expect_failure(run_ioa(arguments), 2, text);
  }
}

TEST_F(ListenUdpTest, AnAddressThatIsTakenIsSaid) {
  DatagramPeer taken;
  expect_failure(run_ioa({"listen", "-u", "127.0.0.1", taken.port()}), 4,
                 "127.0.0.1:" + taken.port());
}

}  // namespace
}  // namespace ioa::test

#include "ioa/net/conversation_side.hpp"

#include "ioa/net/datagram_pump.hpp"
#include "tests/unit/net/datagram_server_fixture.hpp"

namespace ioa::test {
namespace {

using namespace std::chrono_literals;

/// Notes what it is told; may do something each time.
class NotingUser final : public DatagramSide::User {
 public:
  void received(const Datagram& datagram) override { note(std::string(datagram.bytes)); }
  void peer_has_ended() override { note("ended"); }
  void receiving_failed(const Error& error) override { note("ICMP " + error_name(error.code())); }
  void sending_failed(const Error& error) override { note("send " + error_name(error.code())); }
  void writable() override { note("writable"); }
  void all_sent() override { note("sent"); }

  std::vector<std::string> told;
  std::function<void()> deed;

 private:
  void note(std::string what) {
    told.push_back(std::move(what));
    if (deed) deed();
  }
};

class ConversationSideTest : public DatagramServerTest {
 protected:
  void start_side(const char* first = "first") {
    start();
    server->on_conversation([this](DatagramServer&, Conversation& conversation) {
      side = std::make_unique<ConversationSide>(conversation);
    });
    say(client, first);
    settle();
    ASSERT_TRUE(side);
  }

  UniqueFd client = loopback_socket();
  NotingUser user;
  std::unique_ptr<ConversationSide> side;
};

TEST_F(ConversationSideTest, KeepsWhatComesBeforeItIsStarted) {
  start_side();
  say(client, "second");
  settle();
  EXPECT_TRUE(user.told.empty());
  side->start(user);
  EXPECT_TRUE(user.told.empty()) << "called inside a call";
  say(client, "third");
  settle();
  EXPECT_THAT(user.told, ElementsAre("first", "second", "third"));
}

TEST_F(ConversationSideTest, WhatItKeepsIsBounded) {
  start_side();
  for (std::size_t i = 0; i < 3 * ConversationSide::kMostKept; ++i) {
    say(client, "x");
    settle();
  }
  EXPECT_TRUE(side->conversation()->is_paused());
  EXPECT_EQ(side->conversation()->datagrams_received(), ConversationSide::kMostKept);
  side->start(user);
  for (int i = 0; i < 20; ++i) settle();
  EXPECT_EQ(user.told.size(), 1 + 3 * ConversationSide::kMostKept);
}

TEST_F(ConversationSideTest, PausedItIsToldNothingAndLosesNothing) {
  start_side();
  side->start(user);
  user.deed = [this] { side->pause_receiving(); };
  for (const char* bytes : {"1", "2", "3"}) say(client, bytes);
  settle();
  EXPECT_THAT(user.told, ElementsAre("first"));
  side->resume_receiving();
  settle();
  EXPECT_THAT(user.told, ElementsAre("first", "1"));
  user.deed = nullptr;
  side->resume_receiving();
  settle();
  EXPECT_THAT(user.told, ElementsAre("first", "1", "2", "3"));
}

TEST_F(ConversationSideTest, WhatItKeepsWhilePausedDoesNotHoldOthers) {
  start();
  server->set_drops_when_paused(true);
  server->on_conversation([this](DatagramServer&, Conversation& conversation) {
    if (side) {
      conversation.on_receive(
          [this](Conversation&, const Datagram& datagram) { calls.emplace_back(datagram.bytes); });
      return;
    }
    side = std::make_unique<ConversationSide>(conversation);
    side->keep_up_to(3000);
  });
  say(client, "first");
  settle();
  side->start(user);
  settle();
  side->pause_receiving();
  for (int i = 0; i < 10; ++i) say(client, std::string(1000, static_cast<char>('0' + i)));
  const UniqueFd other = loopback_socket();
  say(other, "other");
  settle();
  EXPECT_THAT(calls, ElementsAre("other"));
  EXPECT_THAT(user.told, ElementsAre("first"));
  const std::size_t kept = side->kept();
  EXPECT_GE(kept, 2U);
  EXPECT_LE(kept, 3U) << "the datagrams and what they cost in memory";
  EXPECT_EQ(side->thrown_away(), 10 - kept);
  EXPECT_EQ(side->conversation()->datagrams_received(), 1 + kept);
  side->resume_receiving();
  settle();
  ASSERT_EQ(user.told.size(), 1 + kept);
  EXPECT_EQ(user.told.back(), std::string(1000, static_cast<char>('0' + kept - 1)));
  say(client, "again");
  settle();
  EXPECT_EQ(user.told.back(), "again");
  EXPECT_EQ(side->kept(), 0U);
}

TEST_F(ConversationSideTest, AsSoonAsThereIsRoomMoreIsKept) {
  start();
  server->set_drops_when_paused(true);
  server->on_conversation([this](DatagramServer&, Conversation& conversation) {
    side = std::make_unique<ConversationSide>(conversation);
    side->keep_up_to(1);
  });
  say(client, "first");
  settle();
  EXPECT_EQ(side->kept(), 1U) << "one is kept, however small the bound";
  say(client, "lost");
  settle();
  EXPECT_EQ(side->thrown_away(), 1U);
  const std::optional<ReceivedDatagram> taken = side->take_kept();
  ASSERT_TRUE(taken);
  EXPECT_EQ(taken->bytes, "first");
  EXPECT_FALSE(side->take_kept());
  side->start(user);
  side->pause_receiving();
  say(client, "second");
  say(client, "lost");
  settle();
  EXPECT_EQ(side->kept(), 1U);
  side->resume_receiving();
  settle();
  EXPECT_THAT(user.told, ElementsAre("second"));
}

TEST_F(ConversationSideTest, APumpThatIsInterruptedWritesWhatWasKept) {
  start_side("1");
  server->set_drops_when_paused(true);
  side->keep_up_to(1 << 20);
  SocketPair in = pipe_pair();
  SocketPair out = pipe_pair();
  DatagramPumpOptions options;
  options.rate = 1;  // one datagram, and then a pause
  auto& pump = loop.add(std::make_unique<DatagramPump>(ByteEnd::own(std::move(in.first)),
                                                       ByteEnd::own(std::move(out.second)),
                                                       std::move(side), std::move(options)));
  Future<DatagramPumpResult> future = pump.result();
  say(client, "2");
  say(client, "3");
  settle();
  pump.interrupt();
  const DatagramPumpResult result = run(std::move(future));
  EXPECT_EQ(result.end, PumpEnd::interrupted);
  EXPECT_EQ(read_available(out.first.get()), "123");
  EXPECT_EQ(result.received, 3U);
  EXPECT_EQ(result.kept, 0U);
}

TEST_F(ConversationSideTest, ErrorsSayWhatTheyAreAbout) {
  start_side();
  side->start(user);
  settle();
  side->send(std::string(70'000, 'x'));
  client.reset();
  side->send("to nobody");
  settle();
  EXPECT_THAT(user.told, ElementsAre("first", "send EMSGSIZE", "sent", "ICMP ECONNREFUSED"));
}

TEST_F(ConversationSideTest, TheUserMayDestroyItInAnyCallback) {
  for (const int step : {1, 2, 3, 4}) {
    NotingUser fresh;
    start_side();
    fresh.deed = [&] {
      if (static_cast<int>(fresh.told.size()) == step) side.reset();
    };
    side->start(fresh);
    settle();
    if (side) side->send(std::string(70'000, 'x'));
    settle();
    if (side) {
      client.reset();
      side->send("to nobody");
    }
    settle();
    EXPECT_EQ(fresh.told.size(), static_cast<std::size_t>(step));
    EXPECT_EQ(server->conversations(), 0U) << "the conversation ends with it";
    client = loopback_socket();
    server->remove();
    settle();
  }
  server = nullptr;
}

TEST_F(ConversationSideTest, OutlivesTheServer) {
  start_side();
  side->start(user);
  settle();
  server->remove();
  settle();
  EXPECT_EQ(side->conversation(), nullptr);
  side->send("x");
  side->pause_receiving();
  side->resume_receiving();
  EXPECT_FALSE(side->is_writable());
  EXPECT_EQ(side->pending_datagrams(), 0U);
  side.reset();
  server = nullptr;
}

TEST_F(ConversationSideTest, APumpJoinsItToANearSide) {
  start_side("question\n");
  SocketPair in = pipe_pair();
  SocketPair out = pipe_pair();
  DatagramPumpOptions options;
  options.framing = DatagramFraming::line;
  options.quit_after = 1s;
  options.far_name = "the peer";
  auto& pump = loop.add(std::make_unique<DatagramPump>(ByteEnd::own(std::move(in.first)),
                                                       ByteEnd::own(std::move(out.second)),
                                                       std::move(side), std::move(options)));
  Future<DatagramPumpResult> future = pump.result();
  write_all(in.second.get(), "one\ntwo\n");
  settle();
  EXPECT_EQ(heard(client), "one\n");
  EXPECT_EQ(heard(client), "two\n");
  EXPECT_EQ(read_available(out.first.get()), "question\n");
  in.second.reset();
  settle();
  const DatagramPumpResult result = run(std::move(future));
  EXPECT_EQ(result.end, PumpEnd::quit);
  EXPECT_EQ(result.datagrams_sent, 2U);
  EXPECT_EQ(result.datagrams_received, 1U);
  EXPECT_EQ(server->conversations(), 0U);
}

TEST_F(ConversationSideTest, APumpEndsByAnIcmpErrorOfItsPeer) {
  start_side("x");
  SocketPair in = pipe_pair();
  SocketPair out = pipe_pair();
  DatagramPumpOptions options;
  options.far_name = "the peer";
  auto& pump = loop.add(std::make_unique<DatagramPump>(ByteEnd::own(std::move(in.first)),
                                                       ByteEnd::own(std::move(out.second)),
                                                       std::move(side), std::move(options)));
  Future<DatagramPumpResult> future = pump.result();
  settle();
  client.reset();
  write_all(in.second.get(), "to nobody");
  const DatagramPumpResult result = run(std::move(future));
  EXPECT_EQ(result.end, PumpEnd::far_failed);
  EXPECT_STREQ(result.error->what(), "receive the peer: Connection refused (ECONNREFUSED)");
  EXPECT_EQ(server->conversations(), 0U);
}

}  // namespace
}  // namespace ioa::test

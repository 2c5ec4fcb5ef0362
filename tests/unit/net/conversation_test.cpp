#include "ioa/net/conversation.hpp"

#include "tests/unit/net/datagram_server_fixture.hpp"

namespace ioa::test {
namespace {

using namespace std::chrono_literals;

class ConversationTest : public DatagramServerTest {
 protected:
  /// An abstract name that no other run of these tests has.
  static SocketAddress name(const std::string& what) {
    return SocketAddress::unix_path("@ioa-conversation-" + what + std::to_string(::getpid()));
  }
  /// A server at a Unix address, where nothing gets lost that nobody has thrown away.
  void start_unix() {
    start(bound(name("server")));
    client = open_bound_socket(name("client"));
  }
  /// As many datagrams as the kernel takes; how many.
  int flood() {
    int count = 0;
    const SocketAddress to = server->address();
    while (::sendto(client.get(), "x", 1, MSG_DONTWAIT, to.data(), to.size()) == 1) ++count;
    return count;
  }

  UniqueFd client;
};

TEST_F(ConversationTest, NothingIsDroppedWhileTheKernelTakesNoMore) {
  start_unix();
  echo();
  server->set_send_marks(16 << 10, 32 << 10);
  int sent = 0, answered = 0;
  for (int round = 0; round < 100; ++round) {
    sent += flood();
    settle();  // the answers do not fit into the client's queue
    fake.advance(5ms);
  }
  EXPECT_LT(server->pending_datagrams(), 300U) << "the queue has no bound";
  EXPECT_EQ(flood(), 0) << "it receives more than it can answer";
  while (answered < sent) {
    const int before = answered;
    while (hear(client)) ++answered;
    pass(5ms);
    if (answered == before && !hear(client)) break;
  }
  while (hear(client)) ++answered;
  EXPECT_EQ(answered, sent);
  EXPECT_GT(sent, 100);
}

TEST_F(ConversationTest, TellsWhatHasHadToWaitAndWhenItIsSent) {
  start_unix();
  server->set_send_marks(1 << 10, 4 << 10);
  server->on_conversation([this](DatagramServer&, Conversation& begun) {
    begun.on_sent([this](Conversation&) { calls.emplace_back("sent"); });
    begun.on_writable([this](Conversation&) { calls.emplace_back("writable"); });
    began.push_back(&begun);
  });
  say(client, "x");
  settle();
  Conversation& conversation = *began.at(0);
  std::size_t given = 0;
  for (; conversation.is_writable(); ++given) conversation.send("12345");
  const std::size_t waiting = conversation.pending_datagrams();
  EXPECT_GT(waiting, 0U);
  EXPECT_EQ(conversation.pending_bytes(), 5 * waiting);
  EXPECT_EQ(conversation.datagrams_sent(), given - waiting);
  EXPECT_EQ(conversation.bytes_sent(), 5 * (given - waiting));
  settle();
  EXPECT_THAT(calls, ElementsAre());
  std::size_t arrived = 0;
  while (arrived < given) {
    while (hear(client)) ++arrived;
    pass(5ms);
  }
  EXPECT_THAT(calls, ElementsAre("writable", "sent"));
  EXPECT_EQ(conversation.pending_datagrams(), 0U);
  EXPECT_EQ(conversation.datagrams_sent(), given);
}

TEST_F(ConversationTest, RemovedItsQueueIsSentOnBehalfOfNobody) {
  start_unix();
  server->on_conversation(
      [this](DatagramServer&, Conversation& begun) { began.push_back(&begun); });
  say(client, "x");
  settle();
  for (int i = 0; i < 1000; ++i) began.at(0)->send("x");
  began.at(0)->remove();
  client.reset();  // and now they fail
  for (int i = 0; i < 100; ++i) pass(5ms);
  EXPECT_EQ(server->pending_datagrams(), 0U);
}

TEST_F(ConversationTest, APausedOneHoldsAll) {
  start_unix();
  note();
  say(client, "one");
  settle();
  began.at(0)->pause();
  say(client, "two");
  const UniqueFd other = open_bound_socket(name("other"));
  say(other, "three");
  settle();
  EXPECT_THAT(calls, ElementsAre("one"));
  began.at(0)->resume();
  settle();
  EXPECT_THAT(calls, ElementsAre("one", "two", "three"));
  began.at(0)->pause();
  say(other, "four");
  settle();
  EXPECT_EQ(calls.back(), "three");
  began.at(0)->remove();
  settle();
  EXPECT_EQ(calls.back(), "four") << "one that has gone is paused no longer";
}

TEST_F(ConversationTest, WhatComesForAPausedOneMayBeDropped) {
  start_unix();
  note();
  server->set_drops_when_paused(true);
  say(client, "one");
  settle();
  began.at(0)->on_dropped([this](Conversation&) { calls.emplace_back("dropped"); });
  began.at(0)->pause();
  say(client, "two");
  const UniqueFd other = open_bound_socket(name("other"));
  say(other, "three");
  settle();
  EXPECT_THAT(calls, ElementsAre("one", "dropped", "three"));
  EXPECT_EQ(began.at(0)->dropped(), 1U);
  EXPECT_EQ(began.at(0)->datagrams_received(), 1U);
}

TEST_F(ConversationTest, APausedServerReceivesNothingAndGoesOnSending) {
  start_unix();
  note();
  say(client, "one");
  settle();
  server->pause();
  say(client, "two");
  began.at(0)->send("answer");
  settle();
  EXPECT_THAT(calls, ElementsAre("one"));
  EXPECT_EQ(heard(client), "answer");
  server->resume();
  settle();
  EXPECT_THAT(calls, ElementsAre("one", "two"));
}

TEST_F(ConversationTest, AUnixPeerThatHasGoneIsToldAsUndelivered) {
  start_unix();
  note();
  say(client, "one");
  settle();
  client.reset();
  began.at(0)->send("x");
  settle();
  ASSERT_EQ(calls.size(), 2U);
  EXPECT_THAT(calls.back(), ::testing::HasSubstr("ECONNREFUSED"));
}

/// Every callback may end the conversation, or the server.
TEST_F(ConversationTest, CallbacksMayRemoveTheConversationOrTheServer) {
  enum Event { begins, receives, undelivered, idles, sent, kEvents };
  for (int event = begins; event < kEvents; ++event) {
    for (const bool whole : {false, true}) {
      start();
      const WeakRef<DatagramServer> alive(*server);
      server->set_idle_timeout(1s);
      const auto deed = [this, event, whole](Event now, Conversation& self) {
        if (now != event) return;
        calls.emplace_back("removed");
        if (whole)
          server->remove();
        else
          self.remove();
        self.send("into the void");
        EXPECT_EQ(self.loop(), nullptr);
      };
      server->on_conversation([&](DatagramServer&, Conversation& begun) {
        begun.on_receive([&](Conversation& self, const Datagram&) {
          self.send(std::string(70'000, 'x'));  // waits, and cannot be sent
          deed(receives, self);
        });
        begun.on_undelivered(
            [&](Conversation& self, const UndeliveredDatagram&) { deed(undelivered, self); });
        begun.on_idle([&](Conversation& self) { deed(idles, self); });
        begun.on_sent([&](Conversation& self) { deed(sent, self); });
        deed(begins, begun);
      });
      const UniqueFd one = loopback_socket();
      const UniqueFd two = loopback_socket();
      for (const UniqueFd* each : {&one, &two, &one}) say(*each, "x");
      settle();
      pass(2s);
      EXPECT_FALSE(calls.empty()) << event;
      calls.clear();
      if (alive.get() != nullptr) server->remove();
      settle();
    }
  }
  server = nullptr;
}

TEST_F(ConversationTest, WhatServesThePeerGoesWithIt) {
  start();
  server->on_conversation([this](DatagramServer&, Conversation& begun) {
    begun.add_child(std::make_unique<Socket>(loopback_socket()));
    began.push_back(&begun);
  });
  client = loopback_socket();
  say(client, "x");
  settle();
  began.at(0)->remove();
  settle();
}  // the fixture counts descriptors

}  // namespace
}  // namespace ioa::test

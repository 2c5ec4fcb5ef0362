#include "cli/commands/listen/hub.hpp"

#include <gtest/gtest.h>

#include "tests/unit/cli/hub_fixture.hpp"

namespace ioa::cli {
namespace {

using namespace std::chrono_literals;

HubPlan broker() {
  HubPlan plan;
  plan.kind = HubKind::broker;
  return plan;
}

HubPlan chat() {
  HubPlan plan;
  plan.kind = HubKind::chat;
  return plan;
}

TEST_F(HubTest, TheSourceGoesToEveryPeerAndEveryPeerToTheSink) {
  start({});
  for (int i = 0; i < 3; ++i) join();
  type("hello\n");
  for (std::size_t i = 0; i < 3; ++i) wait_to_hear(i, "hello\n");
  say(1, "from two");
  wait_for_stdout("from two");
  say(0, ", from one");
  wait_for_stdout("from two, from one");
  EXPECT_EQ(hears(2), "hello\n");
}

TEST_F(HubTest, TheSourceWaitsForThereToBeSomebody) {
  start({});
  type("early");
  settle();
  EXPECT_EQ(unread_stdin(), 5U);
  join();
  wait_to_hear(0, "early");
  shut_down(0);
  peers[0].reset();
  type("late");
  wait([&] { return ended.size() == 1; });
  type("later");
  settle();
  join();
  wait([&] { return hears(1).ends_with("later"); });
}

TEST_F(HubTest, TheSourcesEndIsPassedOnAndPeersAreHeardToTheirs) {
  start({});
  join();
  type("bye");
  stdin_writer.reset();
  wait_for_end_of(0);
  EXPECT_EQ(heard[0], "bye");
  EXPECT_TRUE(source_has_ended);
  join();
  wait_for_end_of(1);
  say(0, "one");
  say(1, "two");
  shut_down(0);
  shut_down(1);
  wait([&] { return ended.size() == 2; });
  EXPECT_EQ(stdout_gets().size(), 6U);
  EXPECT_EQ(ended[0].end, HubEnd::complete);
  EXPECT_EQ(ended[0].undelivered, 0U);
  EXPECT_EQ(hub->peers(), 0U);
}

TEST_F(HubTest, APeerThatHasEndedItsSideStillGetsWhatIsSaid) {
  start({});
  join();
  shut_down(0);
  wait([&] { return eofs.size() == 1; });
  type("the answer");
  wait_to_hear(0, "the answer");
  EXPECT_TRUE(ended.empty());
  stdin_writer.reset();
  wait([&] { return ended.size() == 1; });
  EXPECT_EQ(ended[0].sent, 10U);
}

TEST_F(HubTest, APeerThatGoesAfterItsEndIsNoticedAtOnce) {
  start(broker(), false);
  join();
  join();
  shut_down(0);
  wait([&] { return eofs.size() == 1; });
  settle();
  EXPECT_TRUE(ended.empty()) << "it may still listen";
  peers[0].reset();
  wait([&] { return ended.size() == 1; });
  EXPECT_EQ(ended[0].number, 1);
  EXPECT_EQ(ended[0].end, HubEnd::complete);
  peers[1].reset();
  wait([&] { return ended.size() == 2; });
}

TEST_F(HubTest, OverTcpItIsNoticedWithTheFirstWord) {
  start(broker(), false);
  join(test::tcp_pair());
  join();
  peers[0].reset();
  wait([&] { return eofs.size() == 1; });
  settle();
  EXPECT_TRUE(ended.empty()) << "nobody can know";
  say(1, "anybody there?");
  wait([&] { return ended.size() == 1; });
  EXPECT_EQ(ended[0].number, 1);
  EXPECT_EQ(ended[0].end, HubEnd::failed);
  EXPECT_EQ(ended[0].undelivered, 14U);
}

TEST_F(HubTest, ThatBothSidesHaveEndedIsNoFailure) {
  start({});
  join(test::tcp_pair());
  shut_down(0);
  wait([&] { return eofs.size() == 1; });
  type("the answer");
  wait_to_hear(0, "the answer");
  stdin_writer.reset();
  wait([&] { return ended.size() == 1; });
  EXPECT_EQ(ended[0].end, HubEnd::complete);
  EXPECT_EQ(ended[0].undelivered, 0U);
}

TEST_F(HubTest, WhereThatIsNotWantedItGetsWhatIsReadyAndGoes) {
  HubPlan plan;
  plan.finishes = false;
  start(plan);
  join();
  join();
  type("ready");
  shut_down(0);
  wait([&] { return ended.size() == 1; });
  EXPECT_EQ(hears(0), "ready");
  EXPECT_EQ(ended[0].number, 1);
  type(" more");
  wait_to_hear(1, "ready more");
}

TEST_F(HubTest, AClosingSourceClosesThePeers) {
  HubPlan plan;
  plan.on_source_eof = OnStdinEof::close;
  start(plan);
  join(test::tcp_pair());
  type("all");
  stdin_writer.reset();
  wait([&] { return ended.size() == 1; });
  EXPECT_EQ(hears(0), "all");
  EXPECT_EQ(ended[0].end, HubEnd::complete);
}

TEST_F(HubTest, AKeptWriteSideStaysOpenToTheEndOfThePeer) {
  HubPlan plan;
  plan.on_source_eof = OnStdinEof::keep;
  start(plan);
  join();
  stdin_writer.reset();
  wait([&] { return source_has_ended; });
  settle();
  hears(0);
  EXPECT_FALSE(saw_end[0]);
  shut_down(0);
  wait([&] { return ended.size() == 1; });
}

TEST_F(HubTest, AfterReplyAPeerIsShutDownOnceItHasSpoken) {
  HubPlan plan;
  plan.on_source_eof = OnStdinEof::after_reply;
  start(plan);
  join();
  stdin_writer.reset();
  wait([&] { return source_has_ended; });
  settle();
  hears(0);
  EXPECT_FALSE(saw_end[0]);
  say(0, "reply");
  wait_for_end_of(0);
}

TEST_F(HubTest, QuitAfterClosesAPeerThatHasEverything) {
  HubPlan plan;
  plan.quit_after = 0ns;
  start(plan);
  join(test::tcp_pair());
  type("x");
  stdin_writer.reset();
  wait([&] { return ended.size() == 1; });
  EXPECT_EQ(hears(0), "x");
  join();
  wait([&] { return ended.size() == 2; });
}

TEST_F(HubTest, ReceivingOnlyReadsNoSourceAndEndsWithThePeer) {
  HubPlan plan;
  plan.direction = Direction::receive_only;
  start(plan);
  join();
  type("unread");
  say(0, "said");
  shut_down(0);
  wait([&] { return ended.size() == 1; });
  EXPECT_EQ(stdout_gets(), "said");
  EXPECT_EQ(unread_stdin(), 6U);
}

TEST_F(HubTest, SendingOnlyThrowsAwayWhatPeersSayAndEndsWithTheSource) {
  HubPlan plan;
  plan.direction = Direction::send_only;
  start(plan);
  join();
  say(0, "lost");
  type("sent");
  stdin_writer.reset();
  wait([&] { return ended.size() == 1; });
  EXPECT_EQ(hears(0), "sent");
  EXPECT_EQ(stdout_gets(), "");
}

TEST_F(HubTest, ABrokerGivesEachPeersBytesToEveryOther) {
  start(broker(), false);
  for (int i = 0; i < 3; ++i) join();
  say(0, "a");
  wait_to_hear(1, "a");
  wait_to_hear(2, "a");
  say(2, "b");
  wait_to_hear(0, "b");
  wait_to_hear(1, "ab");
  settle();
  EXPECT_EQ(hears(0), "b");
}

TEST_F(HubTest, WhoIsAloneInABrokerIsHeardOnceThereIsAnother) {
  start(broker(), false);
  join();
  say(0, "anybody there?");
  settle();
  EXPECT_EQ(hub->received(), 0U);
  join();
  wait_to_hear(1, "anybody there?");
}

TEST_F(HubTest, WhoComesInTheSameTurnHearsWhatIsSaidInIt) {
  start(broker(), false);
  join();
  join();
  say(0, "x");
  loop.later([this] { join(); });
  loop.turn(0ms);
  wait_to_hear(1, "x");
}

TEST_F(HubTest, NothingIsReadWhileMorePeersComeButNotForEver) {
  start(broker(), false);
  join();
  join();
  say(0, "x");
  for (int i = 0; i < 10; ++i) {
    join();
    loop.turn(0ms);
  }
  for (std::size_t i = 1; i < peers.size(); ++i) wait_to_hear(i, "x");
  say(0, "y");
  for (int i = 0; i < 100; ++i) {
    join();
    loop.turn(0ms);
  }
  EXPECT_EQ(hears(1), "xy");
}

TEST_F(HubTest, AChatTellsWhoSpeaks) {
  start(chat(), false);
  for (int i = 0; i < 3; ++i) join();
  say(0, "hel");
  settle();
  EXPECT_EQ(hears(1), "");
  say(0, "lo\nworld\n");
  wait_to_hear(1, "<user1> hello\n<user1> world\n");
  say(2, "hi\r\n");
  wait_to_hear(0, "<user3> hi\r\n");
  wait_to_hear(1, "<user1> hello\n<user1> world\n<user3> hi\r\n");
}

TEST_F(HubTest, TheLastLineOfAChatGetsTheEndThatItLacks) {
  start(chat(), false);
  join();
  join(test::tcp_pair());
  say(0, "bye");
  shut_down(0);
  wait_to_hear(1, "<user1> bye\n");
  say(1, "wait");
  wait([&] { return hub->received() == 7; });
  reset(1);
  wait([&] { return ended.size() == 1; });
  wait_to_hear(0, "<user2> wait\n");
}

TEST_F(HubTest, LineEndsAreTranslatedForEachSpeaker) {
  HubPlan plan = broker();
  plan.crlf = true;
  start(plan, false);
  join();
  join();
  say(0, "a\r");
  wait_to_hear(1, "a\r");
  say(1, "b\n");
  wait_to_hear(0, "b\r\n");
  say(0, "\nc\n");
  wait_to_hear(1, "a\r\nc\r\n");
}

TEST_F(HubTest, TaggedLinesAreNotMixed) {
  HubPlan plan;
  plan.tags = true;
  start(plan);
  join();
  join();
  say(0, "one ");
  say(1, "other\n");
  wait_for_stdout("<user2> other\n");
  say(0, "line\nlast");
  wait_for_stdout("<user2> other\n<user1> one line\n");
  shut_down(0);
  wait_for_stdout("<user2> other\n<user1> one line\n<user1> last");
  say(1, "more\n");
  wait_for_stdout("<user2> other\n<user1> one line\n<user1> last\n<user2> more\n");
}

TEST_F(HubTest, APeerThatBreaksIsToldAndTheOthersGoOn) {
  start({});
  join(test::tcp_pair());
  join();
  say(0, "heard");
  wait_for_stdout("heard");
  reset(0);
  wait([&] { return ended.size() == 1; });
  EXPECT_EQ(ended[0].end, HubEnd::failed);
  EXPECT_EQ(ended[0].number, 1);
  EXPECT_EQ(ended[0].received, 5U);
  ASSERT_TRUE(ended[0].error);
  EXPECT_EQ(ended[0].error->code().value(), ECONNRESET);
  type("on");
  wait_to_hear(1, "on");
}

TEST_F(HubTest, InterruptedItDeliversWhatItHasRead) {
  start({});
  join(test::tcp_pair());
  type("last words");
  wait([&] { return hub->sent() == 10; });
  hub->interrupt();
  wait([&] { return ended.size() == 1; });
  EXPECT_EQ(ended[0].end, HubEnd::interrupted);
  EXPECT_EQ(hears(0), "last words");
  EXPECT_EQ(ended[0].undelivered, 0U);
}

TEST_F(HubTest, CutOffItSaysWhatWasLost) {
  start({});
  join();
  const std::string much(1 << 20, 'x');
  std::size_t written = 0;
  wait([&] {
    const ssize_t size = ::write(stdin_writer.get(), much.data(), much.size());
    if (size > 0) written += static_cast<std::size_t>(size);
    return size < 0 && unread_stdin() > 0 && written > 300'000;
  });
  hub->cut_off();
  wait([&] { return ended.size() == 1; });
  EXPECT_EQ(ended[0].end, HubEnd::cut_off);
  EXPECT_GT(ended[0].undelivered, 0U);
  EXPECT_EQ(ended[0].sent + ended[0].undelivered, hub->read_from_source());
}

TEST_F(HubTest, ASlowSinkPausesThePeersAndLosesNothing) {
  start({});
  join();
  const std::string much(4 << 20, 'y');
  std::size_t said = 0;
  for (int quiet = 0; quiet < 20;) {
    const ssize_t size =
        ::send(peers[0].get(), much.data() + said, much.size() - said, MSG_DONTWAIT);
    if (size > 0) said += static_cast<std::size_t>(size);
    quiet = size > 0 ? 0 : quiet + 1;
    loop.turn(1ms);
  }
  EXPECT_LT(said, much.size());
  EXPECT_LT(hub->received(), 1U << 20);
  wait([&] {
    const ssize_t size =
        ::send(peers[0].get(), much.data() + said, much.size() - said, MSG_DONTWAIT);
    if (size > 0) said += static_cast<std::size_t>(size);
    return stdout_gets().size() == much.size();
  });
  EXPECT_EQ(at_stdout, much);
}

TEST_F(HubTest, APeerIsOverOnlyOnceTheSinkHasItsBytes) {
  start({});
  join();
  const std::string much(100'000, 'z');
  say(0, much);
  shut_down(0);
  stdin_writer.reset();
  settle();
  EXPECT_TRUE(ended.empty());
  wait([&] { return stdout_gets().size() == much.size() && ended.size() == 1; });
}

TEST_F(HubTest, ASinkWhoseReaderLeavesIsTold) {
  start({});
  join();
  stdout_reader.reset();
  say(0, "x");
  wait([&] { return !failure.empty(); });
  EXPECT_EQ(failure, "write standard output: Broken pipe (EPIPE) (sink)");
}

TEST_F(HubTest, ASourceThatCannotBeReadIsTold) {
  Hub::Ends ends;
  ends.source = ByteEnd::borrow(-1);
  start({}, std::move(ends));
  join();
  wait([&] { return !failure.empty(); });
  EXPECT_EQ(failure, "read standard input: Bad file descriptor (EBADF) (source)");
}

TEST_F(HubTest, EveryCallbackMayRemoveIt) {
  for (int which = 0; which < 4; ++which) {
    start({});
    join();
    join();
    bool is_removed = false;
    const auto remove = [this, &is_removed] {
      hub->remove();
      is_removed = true;
    };
    if (which == 0) hub->on_source_eof(remove);
    if (which == 1) hub->on_peer_eof([remove](std::int64_t) { remove(); });
    if (which == 2) hub->on_peer_end([remove](const HubPeerEnd&) { remove(); });
    if (which == 3) hub->on_failure([remove](const Error&, bool) { remove(); });
    stdout_reader.reset();
    if (which == 3) say(0, "x");
    if (which == 0 || which == 2) stdin_writer.reset();
    if (which == 1 || which == 2) shut_down(0), shut_down(1);
    wait([&] { return is_removed; });
    test::turn_while_busy(loop);
    hub = nullptr;
    peers.clear();
    heard.clear();
    saw_end.clear();
  }
}

TEST_F(HubTest, RemovedWithPeersItClosesThemAndSaysNothing) {
  start({});
  join();
  type("x");
  wait_to_hear(0, "x");
  hub->remove();
  hub = nullptr;
  test::turn_while_busy(loop);
  wait_for_end_of(0);
  EXPECT_TRUE(ended.empty());
}

}  // namespace
}  // namespace ioa::cli

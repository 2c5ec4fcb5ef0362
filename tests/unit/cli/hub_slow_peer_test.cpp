#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>

#include "cli/commands/listen/hub.hpp"
#include "tests/unit/cli/hub_fixture.hpp"

namespace ioa::cli {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kBuffer = std::size_t{64} << 10;
constexpr std::size_t kReadSize = std::size_t{64} << 10;

std::string many_lines(std::size_t size) {
  std::string text;
  for (int i = 0; text.size() < size; ++i) text += "line " + std::to_string(i) + "\n";
  return text;
}

/// One peer that reads nothing, for as long as the test says, and one that reads all.
class HubSlowPeerTest : public HubTest {
 protected:
  void start(SlowPeer policy, HubKind kind = HubKind::stdio) {
    HubPlan plan;
    plan.kind = kind;
    plan.slow_peer = policy;
    plan.buffer = kBuffer;
    HubTest::start(plan, kind == HubKind::stdio);
    slow = join();
    fast = join();
  }
  /// Writes as much of `text` to the source as it takes, with the fast peer reading, until nothing
  /// moves any more or `done()`.
  void type_until_stuck(const std::function<bool()>& done) {
    for (int quiet = 0; quiet < 30 && !done();) {
      const ssize_t size =
          ::write(stdin_writer.get(), text.data() + typed, std::min(text.size() - typed, kBuffer));
      if (size > 0) typed += static_cast<std::size_t>(size);
      const std::size_t before = heard[fast].size();
      hears(fast);
      quiet = size > 0 || heard[fast].size() > before ? 0 : quiet + 1;
      loop.turn(1ms);
    }
  }

  std::string text = many_lines(4 << 20);
  std::size_t typed = 0;
  std::size_t slow = 0;
  std::size_t fast = 0;
};

TEST_F(HubSlowPeerTest, PausesTheSourceAndNobodyLosesAnything) {
  start(SlowPeer::pause);
  type_until_stuck([] { return false; });
  ASSERT_LT(typed, text.size());
  // What the slow peer's kernel has taken, its buffer here, and one read.
  const std::size_t in_kernel = hub->read_from_source() - kBuffer;
  EXPECT_LE(hub->read_from_source(), in_kernel + kBuffer + kReadSize);
  EXPECT_EQ(hears(fast).size(), hub->read_from_source());
  type_until_stuck([&] { return hears(slow).size() == text.size(); });
  EXPECT_EQ(heard[slow], text);
  wait([&] { return hears(fast).size() == text.size(); });
  EXPECT_EQ(heard[fast], text);
}

TEST_F(HubSlowPeerTest, APausedSourceGoesOnOnceTheSlowOneHasGone) {
  start(SlowPeer::pause);
  type_until_stuck([] { return false; });
  ASSERT_LT(typed, text.size());
  peers[slow].reset();
  type_until_stuck([&] { return heard[fast].size() == text.size(); });
  EXPECT_EQ(heard[fast], text);
  ASSERT_EQ(ended.size(), 1U);
  EXPECT_EQ(ended[0].end, HubEnd::failed);
  EXPECT_GT(ended[0].undelivered, 0U);
}

TEST_F(HubSlowPeerTest, DropsForTheSlowOneWhatDoesNotFit) {
  start(SlowPeer::drop);
  type_until_stuck([&] { return heard[fast].size() == text.size(); });
  EXPECT_EQ(heard[fast], text);
  EXPECT_TRUE(ended.empty());
  stdin_writer.reset();
  shut_down(slow);
  wait([&] { return hears(slow), ended.size() == 1; });
  EXPECT_EQ(ended[0].end, HubEnd::complete);
  EXPECT_GT(ended[0].dropped, text.size() / 4);
  EXPECT_EQ(ended[0].sent + ended[0].dropped, text.size());
  EXPECT_EQ(heard[slow].size(), ended[0].sent);
}

TEST_F(HubSlowPeerTest, AfterADropItGetsWhatIsSaidLater) {
  start(SlowPeer::drop);
  type_until_stuck([&] { return heard[fast].size() == text.size(); });
  wait([&] {
    const std::size_t before = hears(slow).size();
    loop.turn(1ms);
    return before == hears(slow).size() && before > 0;
  });
  type("the end");
  wait([&] { return hears(slow).ends_with("the end"); });
}

TEST_F(HubSlowPeerTest, DisconnectsTheSlowOneAndTheOthersGoOn) {
  start(SlowPeer::disconnect);
  type_until_stuck([&] { return heard[fast].size() == text.size(); });
  EXPECT_EQ(heard[fast], text);
  ASSERT_EQ(ended.size(), 1U);
  EXPECT_EQ(ended[0].number, static_cast<std::int64_t>(slow) + 1);
  EXPECT_EQ(ended[0].end, HubEnd::slow);
  EXPECT_GT(ended[0].undelivered, 0U);
  wait_for_end_of(slow);
  EXPECT_EQ(text.substr(0, heard[slow].size()), heard[slow]);
}

TEST_F(HubSlowPeerTest, WhoIsAloneIsNotSlow) {
  for (const SlowPeer policy : {SlowPeer::drop, SlowPeer::disconnect}) {
    start(policy);
    peers[fast].reset();
    type_until_stuck([] { return false; });
    ASSERT_LT(typed, text.size());
    // It begins to read only now, and loses nothing.
    type_until_stuck([&] { return hears(slow).size() == text.size(); });
    EXPECT_EQ(heard[slow], text);
    ASSERT_EQ(ended.size(), 1U);
    EXPECT_EQ(ended[0].number, static_cast<std::int64_t>(fast) + 1);
    std::exchange(hub, nullptr)->remove();
    test::turn_while_busy(loop);
    peers.clear(), heard.clear(), saw_end.clear(), ended.clear();
    typed = 0;
  }
}

TEST_F(HubSlowPeerTest, WhoIsGivenNothingMoreHoldsNobody) {
  HubPlan plan;
  plan.kind = HubKind::broker;
  plan.buffer = kBuffer;
  plan.finishes = false;
  HubTest::start(plan, false);
  slow = join();
  fast = join();
  const std::size_t speaker = join();
  std::size_t said = 0;
  const auto speak_until_stuck = [&] {
    for (int quiet = 0; quiet < 30 && said < text.size();) {
      const ssize_t size =
          ::send(peers[speaker].get(), text.data() + said, text.size() - said, MSG_DONTWAIT);
      if (size > 0) said += static_cast<std::size_t>(size);
      const std::size_t before = heard[fast].size();
      hears(fast);
      quiet = size > 0 || heard[fast].size() > before ? 0 : quiet + 1;
      loop.turn(1ms);
    }
  };
  speak_until_stuck();
  ASSERT_LT(said, text.size());
  // It gets what it has been given, and nobody waits until it has read that.
  shut_down(slow);
  speak_until_stuck();
  wait_to_hear(fast, text);
}

TEST_F(HubSlowPeerTest, InABrokerTheSlowOneMaySpeakWhileOthersWaitForIt) {
  start(SlowPeer::pause, HubKind::broker);
  std::size_t said = 0;
  for (int quiet = 0; quiet < 30;) {
    const ssize_t size =
        ::send(peers[fast].get(), text.data() + said, text.size() - said, MSG_DONTWAIT);
    if (size > 0) said += static_cast<std::size_t>(size);
    quiet = size > 0 ? 0 : quiet + 1;
    loop.turn(1ms);
  }
  ASSERT_LT(said, text.size());
  say(slow, "I am slow");
  wait_to_hear(fast, "I am slow");
  wait([&] {
    const ssize_t size =
        ::send(peers[fast].get(), text.data() + said, text.size() - said, MSG_DONTWAIT);
    if (size > 0) said += static_cast<std::size_t>(size);
    return hears(slow).size() == text.size();
  });
  EXPECT_EQ(heard[slow], text);
}

TEST_F(HubSlowPeerTest, AThousandPeersShareWhatWaitsForThem) {
  HubPlan plan;
  plan.slow_peer = SlowPeer::drop;
  plan.buffer = kBuffer;
  HubTest::start(plan);
  constexpr int kPeers = 200;
  for (int i = 0; i < kPeers; ++i) join();
  type_until_stuck([&] { return hub->read_from_source() == text.size(); });
  EXPECT_EQ(hub->read_from_source(), text.size());
  hub->cut_off();
  wait([&] { return ended.size() == kPeers; });
}

TEST_F(HubSlowPeerTest, SmallPiecesAreNotFree) {
  start(SlowPeer::disconnect);
  // What the kernel takes of tiny pieces is little; each that waits here has its cost.
  for (int i = 0; i < 100'000 && ended.empty(); ++i) {
    type("x");
    loop.turn(0ms);
    if (i % 100 == 0) hears(fast);
  }
  ASSERT_EQ(ended.size(), 1U) << hub->sent() << ' ' << heard[fast].size();
  EXPECT_LE(ended[0].undelivered, kBuffer / SharedQueue::kCostOfPiece + 1);
}

}  // namespace
}  // namespace ioa::cli

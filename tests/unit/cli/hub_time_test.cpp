#include <gtest/gtest.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "cli/commands/listen/hub.hpp"
#include "tests/support/loop_fixture.hpp"
#include "tests/support/socket_pair.hpp"

namespace ioa::cli {
namespace {

using namespace std::chrono_literals;

/// A Hub whose time the test moves.
class HubTimeTest : public test::FakeLoopTest {
 protected:
  void start(const HubPlan& plan) {
    fake.set_autojump(false);
    fake.set_real_descriptors(true);
    test::SocketPair in = test::pipe_pair();
    typist = std::move(in.second);
    Hub::Ends ends;
    ends.source = ByteEnd::own(std::move(in.first));
    ends.sink = ByteEnd::discard();
    hub = &loop.add(std::make_unique<Hub>(plan, std::move(ends)));
    hub->on_peer_end([this](const HubPeerEnd& end) { ended.push_back(end); });
  }
  void join() {
    test::SocketPair pair = test::unix_pair();
    peers.push_back(std::move(pair.second));
    hub->add_peer(std::move(pair.first), {static_cast<std::int64_t>(peers.size()), ""});
    test::turn_while_busy(loop);
  }
  void say(std::size_t peer, std::string_view text) {
    test::write_all(peers[peer].get(), text);
    test::turn_while_busy(loop);
  }
  void pass(Duration time) {
    fake.advance(time);
    test::turn_while_busy(loop);
  }
  ~HubTimeTest() override {
    if (hub != nullptr) hub->remove();
    test::turn_while_busy(loop);
  }

  UniqueFd typist;
  std::vector<UniqueFd> peers;
  std::vector<HubPeerEnd> ended;
  Hub* hub = nullptr;
};

TEST_F(HubTimeTest, ASilentPeerIsClosedAndTheOthersAreNot) {
  HubPlan plan;
  plan.idle_timeout = 10s;
  start(plan);
  join();
  join();
  pass(6s);
  say(1, "here");
  pass(5s);
  ASSERT_EQ(ended.size(), 1U);
  EXPECT_EQ(ended[0].number, 1);
  EXPECT_EQ(ended[0].end, HubEnd::idle_timeout);
  pass(6s);
  ASSERT_EQ(ended.size(), 2U);
  EXPECT_EQ(ended[1].received, 4U);
}

TEST_F(HubTimeTest, QuitAfterCountsFromTheEndOfTheSource) {
  HubPlan plan;
  plan.quit_after = 3s;
  start(plan);
  join();
  typist.reset();
  test::turn_while_busy(loop);
  pass(2s);
  EXPECT_TRUE(ended.empty());
  pass(2s);
  ASSERT_EQ(ended.size(), 1U);
  EXPECT_EQ(ended[0].end, HubEnd::complete);
}

TEST_F(HubTimeTest, EachSpeakerIsHeldToTheRate) {
  HubPlan plan;
  plan.rate = 1000;
  start(plan);
  join();
  test::write_all(peers[0].get(), std::string(5000, 'x'));
  for (int i = 0; i < 200; ++i) pass(10ms);
  EXPECT_GE(hub->received(), 1900U);
  EXPECT_LE(hub->received(), 2200U);
}

TEST_F(HubTimeTest, WhereNobodyReadsEverybodyWaitsHoweverLong) {
  for (const SlowPeer policy : {SlowPeer::drop, SlowPeer::disconnect}) {
    HubPlan plan;
    plan.slow_peer = policy;
    start(plan);
    join();
    join();
    const std::string piece(32 << 10, 'x');
    const auto type = [&] {
      const ssize_t size = ::write(typist.get(), piece.data(), piece.size());
      test::turn_while_busy(loop);
      return size > 0;
    };
    while (type()) {
    }
    const std::uint64_t before = hub->read_from_source();
    pass(24h);
    EXPECT_FALSE(type());
    EXPECT_EQ(hub->read_from_source(), before);
    EXPECT_TRUE(ended.empty());
    // One of them reads: that one is waited for, and the other one is slow.
    std::uint64_t heard = 0;
    for (int i = 0; i < 100; ++i) {
      heard += test::read_available(peers[1].get()).size();
      test::turn_while_busy(loop);
      type();
    }
    EXPECT_GT(heard, before + 50 * piece.size());
    EXPECT_EQ(ended.size(), policy == SlowPeer::disconnect ? 1U : 0U);
    hub->remove();
    hub = nullptr;
    peers.clear();
    ended.clear();
    test::turn_while_busy(loop);
  }
}

}  // namespace
}  // namespace ioa::cli

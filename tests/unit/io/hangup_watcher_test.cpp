#include "ioa/io/hangup_watcher.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <memory>

#include "tests/support/loop_fixture.hpp"
#include "tests/support/socket_pair.hpp"

namespace ioa {
namespace {

class HangupWatcherTest : public test::RealLoopTest {
 protected:
  struct Target final : HangupTarget {
    void hung_up() override {
      ++told;
      if (then) then();
    }
    int told = 0;
    std::function<void()> then;
  };

  /// Has a socket reset by its peer.
  static void reset(UniqueFd& peer) {
    const linger at_once{1, 0};
    ::setsockopt(peer.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    peer.reset();
  }
  void turn_until_told(const Target& who) {
    test::turn_until(
        loop, [&] { return who.told > 0; }, "a hang-up");
  }

  test::SocketPair pair = test::tcp_pair();
  test::SocketPair other = test::tcp_pair();
  std::unique_ptr<HangupWatcher> watcher = std::make_unique<HangupWatcher>(loop);
  Target target;
  Target second;
};

TEST_F(HangupWatcherTest, TellsOfAResetOnce) {
  ASSERT_TRUE(watcher->add(pair.first.get(), target));
  reset(pair.second);
  turn_until_told(target);
  test::turn_while_busy(loop);
  EXPECT_EQ(target.told, 1);
}

TEST_F(HangupWatcherTest, NeitherBytesNorOneSidesEndAreAHangup) {
  ASSERT_TRUE(watcher->add(pair.first.get(), target));
  test::write_all(pair.second.get(), "bytes");
  ::shutdown(pair.second.get(), SHUT_WR);
  test::turn_while_busy(loop);
  EXPECT_EQ(target.told, 0);
  ::shutdown(pair.first.get(), SHUT_WR);
  turn_until_told(target);
}

TEST_F(HangupWatcherTest, AResetAfterThePeersEndIsTold) {
  ASSERT_TRUE(watcher->add(pair.first.get(), target));
  ::shutdown(pair.second.get(), SHUT_WR);
  test::turn_while_busy(loop);
  reset(pair.second);
  turn_until_told(target);
}

TEST_F(HangupWatcherTest, OneThatIsTakenOutIsNotTold) {
  ASSERT_TRUE(watcher->add(pair.first.get(), target));
  watcher->remove(pair.first.get());
  reset(pair.second);
  test::turn_while_busy(loop);
  EXPECT_EQ(target.told, 0);
}

TEST_F(HangupWatcherTest, ACallbackMayTakeOutOthersThatHaveHungUpToo) {
  ASSERT_TRUE(watcher->add(pair.first.get(), target));
  ASSERT_TRUE(watcher->add(other.first.get(), second));
  target.then = [&] { watcher->remove(other.first.get()); };
  second.then = [&] { watcher->remove(pair.first.get()); };
  reset(pair.second);
  reset(other.second);
  test::turn_until(
      loop, [&] { return target.told + second.told > 0; }, "a hang-up");
  test::turn_while_busy(loop);
  EXPECT_EQ(target.told + second.told, 1);
}

TEST_F(HangupWatcherTest, ACallbackMayDestroyIt) {
  ASSERT_TRUE(watcher->add(pair.first.get(), target));
  target.then = [&] { watcher.reset(); };
  reset(pair.second);
  turn_until_told(target);
  test::turn_while_busy(loop);
}

TEST_F(HangupWatcherTest, WhatCannotBeWatchedIsRefused) { EXPECT_FALSE(watcher->add(-1, target)); }

}  // namespace
}  // namespace ioa

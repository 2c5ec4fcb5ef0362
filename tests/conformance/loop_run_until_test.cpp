#include <gtest/gtest.h>
#include <signal.h>

#include <optional>
#include <stdexcept>
#include <string>

#include "tests/conformance/loop_conformance.hpp"

namespace ioa {
namespace {

class LoopRunUntilTest : public test::LoopConformance {};

TEST_P(LoopRunUntilTest, ReturnsTheSignalThatEndedIt) {
  loop.later([this] { raise_signal(SIGUSR2); });
  EXPECT_EQ(loop.run_until({SIGUSR1, SIGUSR2}), SIGUSR2);
  EXPECT_FALSE(loop.is_running());
}

TEST_P(LoopRunUntilTest, ReturnsNothingIfItIsStopped) {
  loop.later([this] {
    EXPECT_TRUE(loop.is_running());
    loop.stop();
  });
  EXPECT_EQ(loop.run_until({SIGUSR1}), std::nullopt);
  loop.stop();
  EXPECT_EQ(loop.run_until({SIGUSR1}), std::nullopt) << "a stop before it is remembered";
}

TEST_P(LoopRunUntilTest, WatchesTheSignalsForThatTimeOnly) {
  loop.later([this] {
    EXPECT_EQ(loop.backend().watched().signals, (std::vector<int>{SIGUSR1, SIGUSR2}));
    loop.stop();
  });
  loop.run_until({SIGUSR2, SIGUSR1});
  EXPECT_TRUE(loop.backend().watched().signals.empty());
  loop.later([] { throw std::runtime_error("no"); });
  EXPECT_THROW(loop.run_until({SIGUSR1}), std::runtime_error);
  EXPECT_TRUE(loop.backend().watched().signals.empty());
}

TEST_P(LoopRunUntilTest, LetsOthersHearOfTheSignalToo) {
  int calls = 0;
  const SignalWatch other(loop, SIGUSR1, [&] { ++calls; });
  loop.later([this] { raise_signal(SIGUSR1); });
  EXPECT_EQ(loop.run_until({SIGUSR1}), SIGUSR1);
  EXPECT_EQ(calls, 1);
}

TEST_P(LoopRunUntilTest, ARunNestedInACallbackEndsToo) {
  bool has_ended = false;
  loop.later([&] {
    loop.later([this] { raise_signal(SIGUSR1); });
    loop.run();
    has_ended = true;
  });
  EXPECT_EQ(loop.run_until({SIGUSR1}), SIGUSR1);
  EXPECT_TRUE(has_ended);
  loop.later([this] { loop.stop(); });
  loop.run();  // no stop is left over
}

TEST_P(LoopRunUntilTest, AllRunsNestedInItEndHoweverDeep) {
  std::string log;
  const auto nest = [&](auto&& self, int depth) -> void {
    loop.later([&, self, depth] {
      if (depth == 0) return raise_signal(SIGUSR1);
      self(self, depth - 1);
      if (depth == 2)
        EXPECT_EQ(loop.run_until({SIGUSR2}), std::nullopt);
      else
        loop.run();
      log += static_cast<char>('0' + depth);
    });
  };
  nest(nest, 3);
  EXPECT_EQ(loop.run_until({SIGUSR1}), SIGUSR1);
  EXPECT_EQ(log, "123");
  loop.later([&] {
    loop.later([this] { loop.stop(); });
    loop.run();  // is not ended by what is past
    log += 'x';
    loop.stop();
  });
  loop.run();
  EXPECT_EQ(log, "123x");
}

TEST_P(LoopRunUntilTest, OneInsideAnotherThatWaitForOneSignalBothReturnIt) {
  loop.later([&] {
    loop.later([this] { raise_signal(SIGUSR1); });
    EXPECT_EQ(loop.run_until({SIGUSR1}), SIGUSR1);
  });
  EXPECT_EQ(loop.run_until({SIGUSR1}), SIGUSR1);
  loop.later([this] { loop.stop(); });
  loop.run();
}

TEST_P(LoopRunUntilTest, AnInnerOneEndsOnlyWhatIsInsideIt) {
  std::string log;
  loop.later([&] {
    loop.later([&] {
      loop.later([this] { raise_signal(SIGUSR2); });
      loop.run();
      log += 'a';
    });
    EXPECT_EQ(loop.run_until({SIGUSR2}), SIGUSR2);
    log += 'b';
    loop.later([&] {
      log += 'c';
      raise_signal(SIGUSR1);
    });
  });
  EXPECT_EQ(loop.run_until({SIGUSR1}), SIGUSR1);
  EXPECT_EQ(log, "abc");
}

TEST_P(LoopRunUntilTest, LeavesNoStopOver) {
  loop.later([&] {
    raise_signal(SIGUSR1);
    loop.run(loop.next_turn());  // the signal comes inside, and this run ends by itself
  });
  EXPECT_EQ(loop.run_until({SIGUSR1}), SIGUSR1);
  int turns = 0;
  loop.later([&] {
    loop.later([&] {
      ++turns;
      loop.stop();
    });
  });
  loop.run();
  EXPECT_EQ(turns, 1);
}

class LoopRealRunUntilTest : public LoopRunUntilTest {};

TEST_P(LoopRealRunUntilTest, RefusesWhatCannotBeCaught) {
  EXPECT_THROW(loop.run_until({SIGUSR1, SIGKILL}), Error);
  EXPECT_FALSE(loop.is_running());
  EXPECT_TRUE(loop.backend().watched().signals.empty());
}

INSTANTIATE_TEST_SUITE_P(Backends, LoopRunUntilTest, ::testing::ValuesIn(test::all_backends()),
                         test::backend_name);

INSTANTIATE_TEST_SUITE_P(Backends, LoopRealRunUntilTest, ::testing::ValuesIn(test::real_backends()),
                         test::backend_name);

}  // namespace
}  // namespace ioa

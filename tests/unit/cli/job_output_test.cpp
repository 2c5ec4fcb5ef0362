#include "cli/commands/run_child/job_output.hpp"

#include <gtest/gtest.h>
#include <signal.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "tests/support/loop_fixture.hpp"
#include "tests/support/socket_pair.hpp"

namespace ioa::cli {
namespace {

using test::read_available;

/// Where all go is a pipe, whose other end the test reads.
class JobOutputTest : public test::GuardedTest {
 protected:
  JobOutputTest() { ::signal(SIGPIPE, SIG_IGN); }  // as the program does

  std::string written() const { return read_available(pipe_.first.get()); }

  Loop loop_{LibeventBackend::create()};
  test::SocketPair pipe_ = test::pipe_pair();
  PassedOutput to_{loop_, ByteEnd::own(std::move(pipe_.second)), "out", {}, [] {}};
  SpillRoom room_;
};

TEST_F(JobOutputTest, AWholeOutputWaitsForItsTurn) {
  WholeOutput output(to_, room_, {}, nullptr);
  output.take("a");
  output.take("b\n");
  EXPECT_FALSE(output.drain());
  EXPECT_EQ(written(), "");
  output.open();
  EXPECT_TRUE(output.drain());
  EXPECT_EQ(written(), "ab\n");
  output.take("c");
  EXPECT_EQ(written(), "c");
}

TEST_F(JobOutputTest, WhatComesStandsBehindWhatIsStored) {
  WholeOutput output(to_, room_, {}, nullptr);
  output.take("a");
  output.open();
  output.take("b");
  EXPECT_EQ(written(), "ab");
}

TEST_F(JobOutputTest, AnOpenOutputStoresWhatItsReaderDoesNotTake) {
  WholeOutput output(to_, room_, {}, nullptr);
  const std::string much(1 << 20, 'x');
  output.take(much);
  output.open();
  EXPECT_FALSE(output.drain());
  EXPECT_TRUE(output.is_behind());
  std::string all;
  while (!output.drain() || to_.pending() > 0) {
    all += written();
    loop_.turn(Duration::zero());
  }
  EXPECT_EQ(all + written(), much);
}

TEST_F(JobOutputTest, ALastLineWithoutAnEndGetsOneWithAPrefixOnly) {
  WholeOutput plain(to_, room_, {}, nullptr);
  WholeOutput tagged(to_, room_, {"t", false}, nullptr);
  for (WholeOutput* output : {&plain, &tagged}) {
    output->open();
    output->take("a");
    output->take("b");
    output->end_of_child();
    output->end_of_child();
  }
  EXPECT_EQ(written(), "abt\tab\n");
}

TEST_F(JobOutputTest, LinesGoOnAsTheyEnd) {
  LineTurn turn;
  LineOutput a(to_, turn, {}, nullptr);
  LineOutput b(to_, turn, {"b", false}, nullptr);
  a.take("a1");
  b.take("x\ny");
  a.take("\na2\na3");
  EXPECT_EQ(written(), "b\tx\na1\na2\n");
  b.end_of_child();
  a.end_of_child();
  a.end_of_child();
  EXPECT_EQ(written(), "b\ty\na3\n");
  EXPECT_TRUE(a.drain() && b.drain());
}

TEST_F(JobOutputTest, ALongLineMakesTheOthersWait) {
  LineTurn turn;
  int released = 0;
  turn.on_release = [&released] { ++released; };
  LineOutput a(to_, turn, {}, nullptr);
  LineOutput b(to_, turn, {}, nullptr);
  const std::string part(LineOutput::kLongLine, 'x');
  a.take(part);
  EXPECT_FALSE(b.is_behind());
  a.take("x");
  EXPECT_TRUE(b.is_behind());
  b.take("b\n");
  EXPECT_FALSE(b.drain());
  a.take("y\nz\n");
  EXPECT_EQ(released, 1);
  EXPECT_TRUE(b.drain());
  std::string all;
  while (to_.pending() > 0) {
    all += written();
    loop_.turn(Duration::zero());
  }
  EXPECT_EQ(all + written(), part + "xy\nz\nb\n");
}

TEST_F(JobOutputTest, ALongLineThatGoesAwayLeavesTheWay) {
  LineTurn turn;
  LineOutput b(to_, turn, {}, nullptr);
  {
    LineOutput a(to_, turn, {}, nullptr);
    a.take(std::string(LineOutput::kLongLine + 1, 'x'));
    EXPECT_TRUE(b.is_behind());
  }
  EXPECT_EQ(turn.holder, nullptr);
}

}  // namespace
}  // namespace ioa::cli

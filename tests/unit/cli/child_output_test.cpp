#include "cli/commands/run_child/child_output.hpp"

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

/// An output into a pipe, whose other end the test reads.
class PassedOutputTest : public test::GuardedTest {
 protected:
  PassedOutputTest() { ::signal(SIGPIPE, SIG_IGN); }  // as the program does

  PassedOutput& output(LinePrefix prefix = {}) {
    output_ = std::make_unique<PassedOutput>(loop_, ByteEnd::own(std::move(pipe_.second)), "out",
                                             std::move(prefix), [this] { ++changes_; });
    return *output_;
  }
  std::string written() const { return read_available(pipe_.first.get()); }

  Loop loop_{LibeventBackend::create()};
  test::SocketPair pipe_ = test::pipe_pair();
  std::unique_ptr<PassedOutput> output_;
  int changes_ = 0;
};

LinePrefix tag(std::string text) { return {std::move(text), false}; }

TEST_F(PassedOutputTest, PassesBytesOnAsTheyAre) {
  PassedOutput& out = output();
  out.take("a\nb");
  out.take("c");
  EXPECT_EQ(written(), "a\nbc");
  EXPECT_EQ(out.pending(), 0U);
}

TEST_F(PassedOutputTest, BeginsEachLineOnceHoweverItComes) {
  PassedOutput& out = output(tag("t"));
  for (const std::string_view piece : {"a", "b\n", "\n", "c\nd", "\n", "e"}) out.take(piece);
  EXPECT_EQ(written(), "t\tab\nt\t\nt\tc\nt\td\nt\te");
}

TEST_F(PassedOutputTest, AnotherChildBeginsALineOfItsOwn) {
  PassedOutput& out = output(tag("t"));
  out.take("no end");
  out.end_of_child();
  EXPECT_EQ(written(), "t\tno end");
  out.take("x\n");
  out.end_of_child();
  out.take("y");
  EXPECT_EQ(written(), "\nt\tx\nt\ty");
}

TEST_F(PassedOutputTest, ALineOfOursStandsAlone) {
  PassedOutput& out = output();
  out.add_line("{}\n");
  out.take("a");
  out.add_line("{}\n");
  EXPECT_EQ(written(), "{}\na\n{}\n");
}

TEST_F(PassedOutputTest, WaitsForASlowReaderAndKeepsTheOrder) {
  const std::size_t filled = test::fill(pipe_.second.get());
  PassedOutput& out = output();
  out.take("first ");
  EXPECT_TRUE(out.is_behind());
  out.take("second");
  EXPECT_EQ(out.pending(), 12U);
  std::string read = written();
  test::turn_until(
      loop_, [&] { return changes_ > 0; }, "room in the pipe");
  EXPECT_FALSE(out.is_behind());
  read += written();
  EXPECT_EQ(read.substr(filled), "first second");
}

TEST_F(PassedOutputTest, AReaderThatHasLeftIsAFailureToldOnce) {
  PassedOutput& out = output();
  pipe_.first.reset();
  out.take("x");
  EXPECT_EQ(out.error(), EPIPE);
  out.take("y");
  EXPECT_EQ(out.pending(), 0U);
  test::turn_while_busy(loop_);
  EXPECT_EQ(changes_, 1);
}

TEST_F(PassedOutputTest, MayBeDestroyedWhenItTells) {
  test::fill(pipe_.second.get());
  auto out = std::make_unique<PassedOutput>(loop_, ByteEnd::own(std::move(pipe_.second)), "out",
                                            LinePrefix{}, [&] {
                                              ++changes_;
                                              output_.reset();
                                            });
  output_ = std::move(out);
  output_->take("x");
  static_cast<void>(written());
  test::turn_until(
      loop_, [&] { return changes_ > 0; }, "room in the pipe");
}

TEST(KeptOutputTest, KeepsSoMuchAndSaysSo) {
  KeptOutput kept(4);
  kept.take("abc");
  EXPECT_FALSE(kept.release().is_truncated);
  kept.take("abcd");
  kept.take("e");
  const CapturedText text = kept.release();
  EXPECT_EQ(text.text, "abcd");
  EXPECT_TRUE(text.is_truncated);
  EXPECT_EQ(kept.release().text, "");
}

/// Reads from a pipe that the test writes into.
class OutputReaderTest : public test::GuardedTest {
 protected:
  void start() {
    reader_ = std::make_unique<OutputReader>(
        loop_, std::move(pipe_.first), kept_, [this] { ++pieces_; },
        [this] {
          ++ends_;
          if (destroys_) reader_.reset();
        });
  }

  Loop loop_{LibeventBackend::create()};
  test::SocketPair pipe_ = test::pipe_pair();
  KeptOutput kept_{1 << 20};
  std::unique_ptr<OutputReader> reader_;
  int pieces_ = 0;
  int ends_ = 0;
  bool destroys_ = false;
};

TEST_F(OutputReaderTest, ReadsToTheEnd) {
  start();
  test::write_all(pipe_.second.get(), "hello");
  test::turn_until(
      loop_, [&] { return pieces_ > 0; }, "bytes");
  pipe_.second.reset();
  test::turn_until(
      loop_, [&] { return ends_ > 0; }, "the end");
  EXPECT_EQ(kept_.release().text, "hello");
  EXPECT_TRUE(reader_->has_ended());
}

TEST_F(OutputReaderTest, ReadsWhatThereIsWhenItIsToFinish) {
  start();
  test::write_all(pipe_.second.get(), "hello");
  reader_->finish();
  EXPECT_EQ(kept_.release().text, "hello");
  EXPECT_EQ(ends_, 1);
  reader_->finish();
  reader_->abandon();
  EXPECT_EQ(ends_, 1);
}

TEST_F(OutputReaderTest, MayBeDestroyedAtTheEnd) {
  destroys_ = true;
  start();
  pipe_.second.reset();
  test::turn_until(
      loop_, [&] { return ends_ > 0; }, "the end");
  EXPECT_EQ(reader_, nullptr);
}

}  // namespace
}  // namespace ioa::cli

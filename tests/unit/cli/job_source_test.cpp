#include "cli/commands/run_child/job_source.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/support/loop_fixture.hpp"
#include "tests/support/socket_pair.hpp"

namespace ioa::cli {
namespace {

/// A source at a pipe that the test writes to.
class JobSourceTest : public test::GuardedTest {
 protected:
  JobSourceTest() { open('\n'); }

  void open(char separator) {
    pipe_ = test::pipe_pair();
    source_ = std::make_unique<JobSource>(loop_, ByteEnd::own(std::move(pipe_.first)), separator,
                                          [this] { is_changed_ = true; });
  }
  void write(std::string_view bytes) {
    // Of what does not fit, the rest goes once the source has read.
    while (!bytes.empty()) {
      const ssize_t size = ::write(pipe_.second.get(), bytes.data(), bytes.size());
      if (size > 0)
        bytes.remove_prefix(static_cast<std::size_t>(size));
      else
        take();
    }
  }
  /// Takes all there is.
  void take() {
    for (int turns = 0; turns < 3; ++turns) {
      while (auto item = source_->next()) items_.push_back(*std::move(item));
      if (source_->has_ended()) return;
      loop_.turn(Duration::zero());
    }
  }
  std::vector<std::string> texts() {
    take();
    std::vector<std::string> texts;
    for (const JobItem& item : items_) texts.push_back(item.text);
    return texts;
  }

  Loop loop_{LibeventBackend::create()};
  test::SocketPair pipe_;
  std::unique_ptr<JobSource> source_;
  std::vector<JobItem> items_;
  bool is_changed_ = false;
};

using Texts = std::vector<std::string>;

TEST_F(JobSourceTest, HasALineOnceItsEndIsThere) {
  write("a\nb");
  EXPECT_EQ(texts(), Texts({"a"}));
  write("c\n");
  EXPECT_EQ(texts(), Texts({"a", "bc"}));
  EXPECT_TRUE(is_changed_);
  EXPECT_FALSE(source_->has_ended());
}

TEST_F(JobSourceTest, KeepsEveryByteOfALine) {
  write(" a \r\n\n\tb");
  pipe_.second.reset();
  EXPECT_EQ(texts(), Texts({" a \r", "", "\tb"}));
  EXPECT_EQ(items_[2].number, 3U);
  EXPECT_TRUE(source_->has_ended());
}

TEST_F(JobSourceTest, MayBeSeparatedByNul) {
  open('\0');
  write(std::string_view("a\nb\0c", 5));
  pipe_.second.reset();
  EXPECT_EQ(texts(), Texts({"a\nb", "c"}));
}

TEST_F(JobSourceTest, SkipsALineThatIsTooLongAndCountsIt) {
  write(std::string(JobSource::kMaxLine, 'x') + "\n");
  write(std::string(JobSource::kMaxLine + 1, 'y') + "\n");
  write("a\n" + std::string(3 * JobSource::kMaxLine, 'z'));
  pipe_.second.reset();
  for (int i = 0; i < 30; ++i) take();
  ASSERT_EQ(items_.size(), 4U);
  EXPECT_EQ(items_[0].text.size(), JobSource::kMaxLine);
  EXPECT_TRUE(items_[1].is_too_long);
  EXPECT_EQ(items_[2].text, "a");
  EXPECT_EQ(items_[2].number, 3U);
  EXPECT_TRUE(items_[3].is_too_long);
  EXPECT_TRUE(source_->has_ended());
}

TEST_F(JobSourceTest, HasNothingMoreWhenItIsClosed) {
  write("a\nb\n");
  take();
  items_.clear();
  write("c\n");
  source_->close();
  EXPECT_TRUE(source_->has_ended());
  EXPECT_EQ(texts(), Texts());
}

TEST_F(JobSourceTest, AnEmptySourceHasNoLine) {
  pipe_.second.reset();
  EXPECT_EQ(texts(), Texts());
  EXPECT_TRUE(source_->has_ended());
  EXPECT_EQ(source_->error(), 0);
}

}  // namespace
}  // namespace ioa::cli

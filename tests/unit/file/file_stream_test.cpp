#include "ioa/file/file_stream.hpp"

#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "ioa/base/error.hpp"
#include "tests/support/loop_fixture.hpp"
#include "tests/support/temp_dir.hpp"

namespace ioa {
namespace {

class FileStreamTest : public test::RealLoopTest {
 protected:
  void write(const std::string& text, const char* name = "log") {
    std::ofstream(dir_ / name, std::ios::binary) << text;
  }
  void append(const std::string& text) {
    std::ofstream(dir_ / "log", std::ios::binary | std::ios::app) << text;
  }
  FileStream& start() {
    auto& stream = loop.add(std::make_unique<FileStream>(files_, dir_ / "log"));
    stream.on_read([this](FileStream&, ByteBuffer& in) {
      told_ += in.view();
      in.clear();
    });
    stream.on_initial([this](FileStream&, std::uint64_t size) {
      told_ += "<initial " + std::to_string(size) + ">";
    });
    stream.on_truncated([this](FileStream&) { told_ += "<truncated>"; });
    stream.on_replaced([this](FileStream&) { told_ += "<replaced>"; });
    stream.on_removed([this](FileStream&) { told_ += "<removed>"; });
    return stream;
  }
  /// Waits until what was told, since the last time, is this.
  void expect_told(const std::string& wanted) {
    try {
      test::turn_until(
          loop, [&] { return told_.size() >= wanted.size(); }, wanted);
    } catch (const std::exception&) {
      ADD_FAILURE() << "stalled";
    }
    test::turn_while_busy(loop);
    EXPECT_EQ(told_, wanted);
    told_.clear();
  }

  const test::TempDir dir_;
  FileWatcher& files_ = loop.add(std::make_unique<FileWatcher>());
  std::string told_;
};

TEST_F(FileStreamTest, ReadsWhatIsThereAndWhatFollows) {
  write("one\n");
  start();
  expect_told("<initial 4>one\n");
  append("two\n");
  expect_told("two\n");
  append("three\n");
  expect_told("three\n");
}

TEST_F(FileStreamTest, AFileThatIsNotThereIsWaitedFor) {
  start();
  test::turn_while_busy(loop);
  EXPECT_EQ(told_, "");
  write("now\n");
  test::turn_until(
      loop, [&] { return told_.find("now\n") != std::string::npos; }, "the file");
  EXPECT_TRUE(told_.starts_with("<initial ")) << told_;
}

TEST_F(FileStreamTest, TheRestOfTheOldFileComesBeforeTheNewOne) {
  write("first\n");
  start();
  expect_told("<initial 6>first\n");
  append("tail\n");
  std::filesystem::rename(dir_ / "log", dir_ / "log.1");
  write("head\n");
  expect_told("tail\n<replaced>head\n");
}

TEST_F(FileStreamTest, AFileOfTheSameSizeInItsPlaceIsNoticed) {
  write("aaaa\n");
  start();
  expect_told("<initial 5>aaaa\n");
  write("bbbb\n", "other");
  std::filesystem::rename(dir_ / "other", dir_ / "log");
  expect_told("<replaced>bbbb\n");
}

TEST_F(FileStreamTest, TruncationStartsItOver) {
  write("long text\n");
  start();
  expect_told("<initial 10>long text\n");
  write("short\n");
  expect_told("<truncated>short\n");
}

TEST_F(FileStreamTest, SoDoesWritingItAnewLongerThanBefore) {
  write("short\n");
  start();
  expect_told("<initial 6>short\n");
  write("a text that is longer\n");
  expect_told("<truncated>a text that is longer\n");
}

TEST_F(FileStreamTest, ADeletedFileIsToldAndItsSuccessorRead) {
  write("one\n");
  start();
  expect_told("<initial 4>one\n");
  std::filesystem::remove(dir_ / "log");
  expect_told("<removed>");
  write("two\n");
  expect_told("<replaced>two\n");
}

TEST_F(FileStreamTest, BeginsWhereItIsTold) {
  write("one\ntwo\nthree");
  bool has_found = false;
  start().on_initial([&](FileStream& self, std::uint64_t) { has_found = self.seek_to_last("\n"); });
  expect_told("three");
  EXPECT_TRUE(has_found);
  append(" more\n");
  expect_told(" more\n");
}

TEST_F(FileStreamTest, SeeksNoFurtherThanTheHorizon) {
  write("one\ntwo three");
  bool has_found = true;
  start().on_initial(
      [&](FileStream& self, std::uint64_t) { has_found = self.seek_to_last("\n", 5); });
  expect_told("three");
  EXPECT_FALSE(has_found);
}

TEST_F(FileStreamTest, FindsAPatternAcrossBlocks) {
  // The pattern lies across the border of the blocks that are searched.
  std::string text(200'000, '.');
  const std::size_t border = text.size() - (std::size_t{64} << 10);
  text.replace(border - 2, 4, "MARK");
  write(text);
  start().on_initial(
      [](FileStream& self, std::uint64_t) { EXPECT_TRUE(self.seek_to_last("MARK")); });
  test::turn_until(
      loop, [&] { return told_.size() >= text.size() - border - 2; }, "the rest");
  test::turn_while_busy(loop);
  EXPECT_EQ(told_, text.substr(border + 2));
}

TEST_F(FileStreamTest, WhatIsNotConsumedComesAgainWithMore) {
  write("ab");
  std::vector<std::string> seen;
  start().on_read([&](FileStream&, ByteBuffer& in) {
    seen.emplace_back(in.view());
    in.consume(1);
  });
  test::turn_until(
      loop, [&] { return seen.size() == 1; }, "bytes");
  append("cd");
  test::turn_until(
      loop, [&] { return seen.size() == 2; }, "more bytes");
  EXPECT_EQ(seen, (std::vector<std::string>{"ab", "bcd"}));
}

TEST_F(FileStreamTest, ReadsNothingWhileItIsPaused) {
  write("one\n");
  auto& stream = start();
  stream.pause_reading();
  test::turn_while_busy(loop);
  EXPECT_EQ(told_, "<initial 4>");
  append("two\n");
  test::turn_while_busy(loop);
  EXPECT_EQ(told_, "<initial 4>");
  stream.resume_reading();
  expect_told("<initial 4>one\ntwo\n");
}

TEST_F(FileStreamTest, GivesLinesToThoseWhoAskForThem) {
  write("one\ntwo\nhal");
  auto& stream = loop.add(std::make_unique<FileStream>(files_, dir_ / "log"));
  Future<std::string> first = stream.read_line();
  { Future<std::string> dropped = stream.read_line(); }
  Future<std::string> second = stream.read_line();
  EXPECT_EQ(run(std::move(first)), "one");
  EXPECT_EQ(run(std::move(second)), "two");
  Future<std::string> third = stream.read_line();
  EXPECT_FALSE(settles(third));
  append("f\nlong enough\n");
  EXPECT_EQ(run(std::move(third)), "half");
  EXPECT_THROW(run(stream.read_line(3)), Error);
  EXPECT_EQ(run(stream.read_line()), "long enough");
  Future<std::string> never = stream.read_line();
  stream.remove();
  EXPECT_THROW(run(std::move(never)), Error);
}

TEST_F(FileStreamTest, AFolderIsAnError) {
  std::filesystem::create_directory(dir_ / "log");
  int error = 0;
  start().on_error_reading(
      [&](FileStream&, const Error& caught) { error = caught.code().value(); });
  test::turn_until(
      loop, [&] { return error != 0; }, "an error");
  EXPECT_EQ(error, EISDIR);
}

TEST_F(FileStreamTest, AnyCallbackMayRemoveIt) {
  for (int which = 0; which < 4; ++which) {
    write("text\n");
    auto& stream = start();
    bool is_called = false;
    const auto remove = [&is_called](FileStream& self) {
      is_called = true;
      self.remove();
    };
    if (which == 0) stream.on_initial([&](FileStream& self, std::uint64_t) { remove(self); });
    if (which == 1) stream.on_read([&](FileStream& self, ByteBuffer&) { remove(self); });
    if (which == 2) stream.on_truncated([&](FileStream& self) { remove(self); });
    if (which == 3) stream.on_removed([&](FileStream& self) { remove(self); });
    test::turn_while_busy(loop);
    if (which == 2) write("t\n");
    if (which == 3) std::filesystem::remove(dir_ / "log");
    test::turn_until(
        loop, [&] { return is_called; }, "the call");
    test::turn_while_busy(loop);
  }
}

}  // namespace
}  // namespace ioa

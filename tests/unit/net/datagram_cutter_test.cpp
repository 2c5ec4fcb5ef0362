#include "ioa/net/datagram_cutter.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <string>
#include <string_view>
#include <vector>

#include "ioa/base/error.hpp"

namespace ioa {
namespace {

using namespace std::string_view_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Input = DatagramCutter::Input;
using Datagrams = std::vector<std::string>;

Datagrams take_all(DatagramCutter& cutter, Input input) {
  Datagrams all;
  while (const auto datagram = cutter.next(input)) all.emplace_back(*datagram);
  return all;
}

Datagrams cut(DatagramFraming framing, std::string_view text, Input input = Input::ended) {
  DatagramCutter cutter(framing, 4, 10);
  cutter.add(text);
  return take_all(cutter, input);
}

int errno_of(DatagramFraming framing, std::string_view text, Input input = Input::ended) {
  try {
    cut(framing, text, input);
  } catch (const Error& error) {
    return error.code().value();
  }
  return 0;
}

std::string joined(DatagramFraming framing, std::initializer_list<std::string_view> datagrams) {
  ByteBuffer out;
  for (const std::string_view datagram : datagrams) join_datagram(framing, datagram, out);
  return std::string(out.view());
}

TEST(DatagramCutterTest, ChunksAreFilledWhileThereIsMore) {
  EXPECT_THAT(cut(DatagramFraming::chunk, "abcdefghij", Input::more), ElementsAre("abcd", "efgh"));
  EXPECT_THAT(cut(DatagramFraming::chunk, "abc", Input::more), IsEmpty());
  EXPECT_THAT(cut(DatagramFraming::chunk, "abcdef", Input::waiting), ElementsAre("abcd", "ef"));
  EXPECT_THAT(cut(DatagramFraming::chunk, "abcd"), ElementsAre("abcd"));
  EXPECT_THAT(cut(DatagramFraming::chunk, ""), IsEmpty());
}

TEST(DatagramCutterTest, LinesKeepTheirEnd) {
  EXPECT_THAT(cut(DatagramFraming::line, "one\n\ntwo"), ElementsAre("one\n", "\n", "two"));
  EXPECT_THAT(cut(DatagramFraming::line, "one\ntwo", Input::waiting), ElementsAre("one\n"));
  EXPECT_THAT(cut(DatagramFraming::line, "one\r\n"), ElementsAre("one\r\n"));
}

TEST(DatagramCutterTest, NulsAreNoPartOfADatagram) {
  EXPECT_THAT(cut(DatagramFraming::nul, "a\0\0b\nc\0"sv), ElementsAre("a", "", "b\nc"));
  EXPECT_THAT(cut(DatagramFraming::nul, "a\0b"sv), ElementsAre("a", "b"));
  EXPECT_THAT(cut(DatagramFraming::nul, "a\0b"sv, Input::waiting), ElementsAre("a"));
}

TEST(DatagramCutterTest, LengthsMayBeZero) {
  EXPECT_THAT(cut(DatagramFraming::len32, "\0\0\0\1a\0\0\0\0\0\0\0\2bc"sv),
              ElementsAre("a", "", "bc"));
}

TEST(DatagramCutterTest, ADatagramThatComesInPiecesIsWhole) {
  for (const DatagramFraming framing : {DatagramFraming::line, DatagramFraming::len32}) {
    const std::string_view text =
        framing == DatagramFraming::line ? "abc\nd\n"sv : "\0\0\0\4abc\n\0\0\0\2d\n"sv;
    DatagramCutter cutter(framing, 4, 10);
    Datagrams all;
    for (const char byte : text) {
      cutter.add({&byte, 1});
      for (std::string& each : take_all(cutter, Input::waiting)) all.push_back(std::move(each));
    }
    EXPECT_THAT(all, ElementsAre("abc\n", "d\n"));
    EXPECT_EQ(cutter.pending(), 0U);
  }
}

TEST(DatagramCutterTest, ARecordThatIsTooLongIsAnError) {
  EXPECT_EQ(errno_of(DatagramFraming::line, "0123456789\n"), EMSGSIZE);
  EXPECT_EQ(errno_of(DatagramFraming::line, "012345678\n"), 0);
  EXPECT_EQ(errno_of(DatagramFraming::nul, "0123456789\0"sv), 0);
  EXPECT_EQ(errno_of(DatagramFraming::nul, "0123456789a", Input::more), EMSGSIZE);
  EXPECT_EQ(errno_of(DatagramFraming::len32, "\0\0\0\x0b"sv, Input::more), EMSGSIZE);
  EXPECT_EQ(errno_of(DatagramFraming::len32, "\xff\xff\xff\xff"sv, Input::more), EMSGSIZE);
}

TEST(DatagramCutterTest, AnInputThatEndsInsideALengthOrItsRecordIsAnError) {
  EXPECT_EQ(errno_of(DatagramFraming::len32, "\0\0\0\2a"sv), EBADMSG);
  EXPECT_EQ(errno_of(DatagramFraming::len32, "\0\0"sv), EBADMSG);
  EXPECT_EQ(errno_of(DatagramFraming::len32, "\0\0\0\2a"sv, Input::waiting), 0);
}

TEST(DatagramCutterTest, PendingIsWhatIsInNoDatagram) {
  DatagramCutter cutter(DatagramFraming::line, 4, 10);
  cutter.add("ab\ncd");
  EXPECT_EQ(cutter.pending(), 5U);
  EXPECT_EQ(cutter.next(Input::more), "ab\n");
  EXPECT_EQ(cutter.pending(), 2U);
}

TEST(DatagramCutterTest, WhatIsJoinedCanBeCutAgain) {
  EXPECT_EQ(joined(DatagramFraming::chunk, {"a", "", "b"}), "ab");
  EXPECT_EQ(joined(DatagramFraming::line, {"a\n", "b"}), "a\nb");
  EXPECT_EQ(joined(DatagramFraming::nul, {"a", "", "b"}), "a\0\0b\0"sv);
  EXPECT_EQ(joined(DatagramFraming::len32, {"a", "", "bc"}), "\0\0\0\1a\0\0\0\0\0\0\0\2bc"sv);
  EXPECT_EQ(joined(DatagramFraming::len32, {std::string(0x10203, 'x')}).substr(0, 4), "\0\1\2\3"sv);
}

}  // namespace
}  // namespace ioa

#include "ioa/worker/codec.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <future>
#include <limits>
#include <stdexcept>

#include "ioa/worker/frame.hpp"
#include "ioa/worker/json_codec.hpp"
#include "ioa/worker/worker_error.hpp"

namespace sample {
struct Point {
  int x = 0;
  int y = 0;
  bool operator==(const Point&) const = default;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Point, x, y)
}  // namespace sample

template <>
struct ioa::Codec<sample::Point> : ioa::JsonCodec<sample::Point> {};

namespace ioa {
namespace {

template <class T>
void expect_round_trip(const T& value) {
  const Bytes bytes = encode(value);
  EXPECT_EQ(decode<T>(bytes), value);
  if (!bytes.empty()) {
    EXPECT_THROW(decode<T>(std::string_view(bytes).substr(1)), std::exception);
  }
  EXPECT_THROW(decode<T>(bytes + "x"), Error);
}

TEST(CodecTest, ValuesComeBackAsTheyWere) {
  expect_round_trip(std::int64_t{-5});
  expect_round_trip(std::numeric_limits<double>::min());
  expect_round_trip(true);
  expect_round_trip(std::string("with \0 in it", 12));
  expect_round_trip(std::vector<std::string>{"a", "", "ccc"});
  expect_round_trip(std::optional<int>(7));
  expect_round_trip(std::optional<int>());
  expect_round_trip(std::tuple<int, std::string, std::pair<char, bool>>(1, "two", {'3', true}));
  expect_round_trip(std::monostate());
}

TEST(CodecTest, JsonDoesTheTypesOfOthers) {
  expect_round_trip(sample::Point{3, -4});
  expect_round_trip(nlohmann::json{{"list", {1, 2.5, "x"}}, {"none", nullptr}});
  EXPECT_THROW(decode<sample::Point>(encode(std::string("no CBOR"))), nlohmann::json::exception);
}

TEST(CodecTest, WhatALengthClaimsIsNotReserved) {
  Bytes huge = encode(std::numeric_limits<std::uint64_t>::max());
  EXPECT_THROW(decode<std::string>(huge), Error);
  EXPECT_THROW(decode<std::vector<int>>(huge), Error);
  EXPECT_THROW(decode<std::vector<std::monostate>>(huge), Error);
}

TEST(FrameTest, ComesBackAsItWasInPiecesToo) {
  Bytes bytes;
  detail::append_frame(bytes, 7, 0x0123456789ABCDEF, "payload", 100);
  detail::append_frame(bytes, 8, 1, "", 100);
  const std::size_t first = detail::kFrameHeaderSize + 7;
  for (std::size_t size = 0; size < first; ++size)
    EXPECT_FALSE(detail::parse_frame(std::string_view(bytes).substr(0, size), 100)) << size;
  const auto frame = detail::parse_frame(bytes, 100);
  ASSERT_TRUE(frame);
  EXPECT_EQ(frame->kind, 7);
  EXPECT_EQ(frame->number, 0x0123456789ABCDEFu);
  EXPECT_EQ(frame->payload, "payload");
  EXPECT_EQ(frame->size(), first);
  EXPECT_EQ(detail::parse_frame(std::string_view(bytes).substr(first), 100)->payload, "");
}

/// The errno value that parsing `bytes` fails with; 0 if it does not.
int parse_failure(std::string_view bytes, std::size_t limit = 100) {
  try {
    detail::parse_frame(bytes, limit);
  } catch (const Error& error) {
    return error.code().value();
  }
  return 0;
}

TEST(FrameTest, RefusesWhatIsNone) {
  Bytes bytes;
  detail::append_frame(bytes, 0, 0, "payload", 100);
  EXPECT_EQ(parse_failure("GET / HTTP/1.1\r\n"), EPROTO);
  EXPECT_EQ(parse_failure("G"), EPROTO);
  Bytes other_version = bytes;
  other_version[1] = 2;
  EXPECT_EQ(parse_failure(other_version), EPROTO);
  EXPECT_EQ(parse_failure(bytes, 6), EMSGSIZE);
  EXPECT_EQ(parse_failure(std::string_view(bytes).substr(0, detail::kFrameHeaderSize), 6),
            EMSGSIZE);
  EXPECT_EQ(parse_failure(bytes), 0);
  EXPECT_THROW(detail::append_frame(bytes, 0, 0, "1234567", 6), Error);
  EXPECT_THROW(detail::check_end_of_frames("x"), Error);
  EXPECT_NO_THROW(detail::check_end_of_frames(""));
}

template <class E>
WorkerError carried(const E& error) {
  return detail::decode_error(detail::encode_error(std::make_exception_ptr(error)));
}

TEST(WorkerErrorTest, AnErrorComesWithAllItsParts) {
  const WorkerError error = carried(Error::from_errno(ENOENT, "open", "/x", "again"));
  EXPECT_EQ(error.code(), std::error_code(ENOENT, std::system_category()));
  EXPECT_EQ(std::string(error.what()), Error::from_errno(ENOENT, "open", "/x", "again").what());
  EXPECT_EQ(carried(Error(ErrorKind::timeout, {}, "wait")).kind(), ErrorKind::timeout);
  const WorkerError own =
      carried(Error(ErrorKind::failed, std::make_error_code(std::future_errc::no_state), "ask"));
  EXPECT_FALSE(own.code());
  EXPECT_NE(own.detail(), "");
}

TEST(WorkerErrorTest, OfOtherExceptionsThereIsTheText) {
  EXPECT_STREQ(carried(std::runtime_error("no luck")).what(), "no luck");
  EXPECT_NE(std::string(carried(42).what()), "");
  EXPECT_THROW(detail::decode_error("rubbish"), Error);
}

}  // namespace
}  // namespace ioa

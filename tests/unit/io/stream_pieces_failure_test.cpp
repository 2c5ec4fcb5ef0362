// Futures and generators in the write queue that fail, or are never sent.
#include <cerrno>
#include <stdexcept>

#include "ioa/base/error.hpp"
#include "tests/support/lifetime_tracker.hpp"
#include "tests/unit/io/stream_pieces_fixture.hpp"

namespace ioa::test {
namespace {

using StreamPiecesFailureTest = StreamPiecesTest;

TEST_F(StreamPiecesFailureTest, AFutureThatFailsIsAFailureOfWriting) {
  Promise<Bytes> promise;
  stream.on_write_eof(note("on_write_eof"));
  stream.on_write_error([&](Stream&, const Error& error) { calls.emplace_back(error.what()); });
  stream.write("sent");
  stream.write(promise.future());
  Future<> flushed = stream.write_done("lost");
  promise.fail(Error::from_errno(EPIPE, "read", "somewhere else"));
  turn_some();
  EXPECT_THAT(calls, ElementsAre("read somewhere else: Broken pipe (EPIPE)"));
  EXPECT_TRUE(failure(std::move(flushed)));
  EXPECT_EQ(stream.pending_bytes(), 0U);
  EXPECT_EQ(received(), "sent");
  EXPECT_TRUE(stream.is_open());
  EXPECT_FALSE(stream.is_write_eof());
  EXPECT_TRUE(failure(stream.write_done("more")));
  EXPECT_EQ(loop.turn(Duration::zero()), 0U);
}

TEST_F(StreamPiecesFailureTest, BytesBeforeAFutureThatFailsAreSentFirst) {
  Promise<Bytes> first;
  Promise<Bytes> second;
  stream.on_write_error(note("error"));
  stream.write(first.future());
  stream.write("b");
  Future<> sent = stream.flushed();
  stream.write(second.future());
  second.fail(Error::from_errno(EIO, "read"));
  first.done("a");
  turn_some();
  EXPECT_EQ(received(), "ab");
  EXPECT_TRUE(sent.ready() && !sent.has_failed());
  EXPECT_THAT(calls, ElementsAre("error"));
}

TEST_F(StreamPiecesFailureTest, AFailureThatNobodyHandlesCloses) {
  Promise<Bytes> promise;
  stream.write(promise.future());
  Future<> closed = stream.closed();
  promise.fail(Error::from_errno(EIO, "read"));
  run(std::move(closed));
}

TEST_F(StreamPiecesFailureTest, AnAbandonedFutureIsAFailureToo) {
  std::optional<Promise<Bytes>> promise(std::in_place);
  std::optional<Error> told;
  stream.on_write_error([&](Stream&, const Error& error) { told = error; });
  stream.write(promise->future());
  promise.reset();
  turn_some();
  ASSERT_TRUE(told);
  EXPECT_EQ(told->kind(), ErrorKind::abandoned);
}

TEST_F(StreamPiecesFailureTest, AnExceptionFromAGeneratorIsAFailureOfWriting) {
  stream.on_write_error([&](Stream&, const Error& error) { calls.emplace_back(error.what()); });
  stream.write_from([](Stream&) -> Given { throw std::runtime_error("out of ideas"); });
  Future<> flushed = stream.write_done("lost");
  turn_some();
  EXPECT_THAT(calls, ElementsAre("write: out of ideas"));
  ASSERT_TRUE(flushed.has_failed());
  EXPECT_THROW(flushed.get(), std::runtime_error);
  EXPECT_TRUE(stream.is_open());
}

TEST_F(StreamPiecesFailureTest, AnExceptionFromAGeneratorIsNeverLost) {
  stream.on_closed([&](Stream&) { calls.emplace_back("closed"); });
  stream.write_from([](Stream&) -> Given { throw std::runtime_error("out of ideas"); });
  EXPECT_THROW(loop.run(), std::runtime_error);
  EXPECT_THAT(calls, ElementsAre("closed"));
}

TEST_F(StreamPiecesFailureTest, AnExceptionThatAFlushFutureGetsIsNotToldTwice) {
  stream.write_from([](Stream&) -> Given { throw std::runtime_error("out of ideas"); });
  Future<> flushed = stream.flushed();
  EXPECT_THROW(run(std::move(flushed)), std::runtime_error);
  turn_some();
}

TEST_F(StreamPiecesFailureTest, AGeneratorThatClosesAndThrowsIsHeard) {
  stream.write_from([](Stream& self) -> Given {
    self.close_now();
    throw std::runtime_error("thrown");
  });
  EXPECT_THROW(turn_some(), std::runtime_error);
}

TEST_F(StreamPiecesFailureTest, ClosingDropsWhatIsPending) {
  LifetimeTracker tracker;
  bool is_cancelled = false;
  Promise<Bytes> promise;
  promise.on_cancel([&] { is_cancelled = true; });
  stream.write(promise.future());
  stream.write_from([tracked = tracker.make()](Stream&) -> Given { return std::nullopt; });
  Future<> flushed = stream.flushed();
  stream.close_now();
  EXPECT_TRUE(is_cancelled);
  EXPECT_TRUE(tracker.is_clean());
  EXPECT_TRUE(failure(std::move(flushed)));
}

TEST_F(StreamPiecesFailureTest, WhatAClosedStreamIsGivenIsDropped) {
  stream.set_leaves_when_closed(false);
  stream.close_now();
  LifetimeTracker tracker;
  Promise<Bytes> promise;
  stream.write(promise.future());
  EXPECT_FALSE(promise.wanted());
  stream.write_from([tracked = tracker.make()](Stream&) -> Given { return std::nullopt; });
  EXPECT_TRUE(tracker.is_clean());
  EXPECT_EQ(stream.pending_bytes(), 0U);
}

TEST_F(StreamPiecesFailureTest, ThePeersEndIsAFailureOfTheNextPiece) {
  stream.on_write_eof(note("on_write_eof"));
  stream.on_write_error(note("on_write_error"));
  end();
  stream.write_from(give({"a", "b"}));
  Future<> flushed = stream.flushed();
  turn_some();
  EXPECT_THAT(calls, ElementsAre("on_write_eof", "on_write_error"));
  EXPECT_TRUE(failure(std::move(flushed)));
}

TEST_F(StreamPiecesFailureTest, TheLoopMayGoBeforeTheyAreSent) {
  static Promise<Bytes> late;  // outlives the Stream
  late = Promise<Bytes>();
  stream.write(late.future());
  stream.write_from(give({"x"}));
}

}  // namespace
}  // namespace ioa::test

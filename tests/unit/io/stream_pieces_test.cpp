// Futures and generators in the write queue.
#include <sys/socket.h>

#include "ioa/base/error.hpp"
#include "tests/unit/io/stream_pieces_fixture.hpp"

namespace ioa::test {
namespace {

TEST_F(StreamPiecesTest, AFutureKeepsItsPlace) {
  Promise<Bytes> promise;
  stream.write("one ");
  stream.write(promise.future());
  stream.write("three");
  EXPECT_EQ(sent_now(), "one ");
  EXPECT_EQ(stream.pending_bytes(), 5U);
  promise.done("two ");
  EXPECT_EQ(sent_now(), "two three");
  EXPECT_EQ(stream.pending_bytes(), 0U);
}

TEST_F(StreamPiecesTest, APendingFutureCostsNoTurns) {
  Promise<Bytes> promise;
  stream.write(promise.future());
  stream.write("behind");
  turn_some();
  EXPECT_EQ(loop.turn(Duration::zero()), 0U) << "readiness to write is asked for";
  Promise<Bytes> second;
  stream.write(second.future());
  EXPECT_EQ(loop.turn(Duration::zero()), 0U);
  second.done("!");
  promise.done("before ");
  EXPECT_EQ(sent_now(), "before behind!");
  EXPECT_EQ(loop.turn(Duration::zero()), 0U);
}

TEST_F(StreamPiecesTest, AReadyFutureIsSentInItsTurn) {
  stream.on_outgoing_empty(note("empty"));
  stream.write(Future<Bytes>::resolved("ready"));
  EXPECT_EQ(sent_now(), "ready");
  stream.write(Future<Bytes>::resolved(""));
  EXPECT_EQ(sent_now(), "");
  EXPECT_TRUE(stream.flushed().ready());
  EXPECT_THAT(calls, ElementsAre("empty", "empty"));
}

TEST_F(StreamPiecesTest, SeveralThatAreReadyGoOutTogether) {
  Promise<Bytes> promise;
  stream.write(promise.future());
  for (int i = 0; i < 10; ++i) stream.write(Future<Bytes>::resolved(std::to_string(i)));
  promise.done("x");
  loop.turn(Duration::zero());
  loop.turn(Duration::zero());
  EXPECT_EQ(received(), "x0123456789");
}

TEST_F(StreamPiecesTest, AGeneratorIsCalledOnceEachTimeTheKernelTakesBytes) {
  int called = 0;
  stream.write_from([&](Stream&) -> Given {
    if (++called == 4) return std::nullopt;
    return "piece " + std::to_string(called) + ";";
  });
  stream.write("end");
  EXPECT_EQ(called, 0) << "a generator inside write_from()";
  loop.turn(Duration::zero());
  EXPECT_EQ(called, 1);
  EXPECT_EQ(received(), "piece 1;");
  EXPECT_EQ(sent_now(), "piece 2;piece 3;end");
  EXPECT_EQ(called, 4);
  EXPECT_EQ(loop.turn(Duration::zero()), 0U);
}

TEST_F(StreamPiecesTest, AGeneratorIsNotCalledWhileTheKernelIsFull) {
  fill_kernel();
  bool is_called = false;
  stream.write_from([&](Stream& self) -> Given {
    EXPECT_EQ(self.pending_bytes(), 0U);
    if (is_called) return std::nullopt;
    is_called = true;
    return "generated";
  });
  turn_some();
  EXPECT_FALSE(is_called);
  Future<> flushed = stream.flushed();
  const std::string all = drain_until([&] { return flushed.ready(); });
  EXPECT_TRUE(all.ends_with("xgenerated"));
}

TEST_F(StreamPiecesTest, AGeneratorMayGiveFuturesAndNothing) {
  Promise<Bytes> promise;
  std::vector<Future<Bytes>> futures;
  futures.push_back(promise.future());
  int step = 0;
  stream.write_from([&](Stream&) -> Given {
    switch (++step) {
      case 1:
        return "a";
      case 2:
        return std::move(futures.front());
      case 3:
        return "";
      case 4:
        return Future<Bytes>::resolved("c");
      default:
        return std::nullopt;
    }
  });
  stream.write_from(give({"d", "e"}));
  stream.write("f");
  EXPECT_EQ(sent_now(), "a");
  EXPECT_EQ(step, 2);
  EXPECT_EQ(loop.turn(Duration::zero()), 0U);
  promise.done("b");
  const std::string first = sent_now();
  EXPECT_EQ(first + sent_now(), "bcdef");
}

TEST_F(StreamPiecesTest, WhatAGeneratorWritesComesBehindWhatItGives) {
  int step = 0;
  stream.write_from([&](Stream& self) -> Given {
    if (++step > 2) return std::nullopt;
    self.write("behind" + std::to_string(step) + ";");
    return "given" + std::to_string(step) + ";";
  });
  EXPECT_EQ(sent_now(), "given1;given2;behind1;behind2;");
}

TEST_F(StreamPiecesTest, AGeneratorIsNotCalledInATurnInsideItself) {
  int depth = 0;
  int called = 0;
  stream.write_from([&](Stream&) -> Given {
    EXPECT_EQ(++depth, 1);
    turn_some();
    EXPECT_EQ(loop.turn(Duration::zero()), 0U);
    --depth;
    if (++called == 3) return std::nullopt;
    return "x";
  });
  EXPECT_EQ(sent_now(), "xx");
}

TEST_F(StreamPiecesTest, FlushFuturesAmongThemCompleteInOrder) {
  Promise<Bytes> promise;
  const auto noted = [&](Future<> future, std::string name) {
    return std::move(future).then(
        [this, name = std::move(name)] { calls.push_back(name + "@" + received()); });
  };
  stream.write(promise.future());
  Future<> after_future = noted(stream.flushed(), "future");
  Future<> after_bytes = noted(stream.write_done("b"), "bytes");
  Future<> nothing = noted(stream.write_done(""), "nothing");
  stream.write("c");
  stream.write_from(give({"d", "e"}));
  Future<> after_generator = noted(stream.flushed(), "generator");
  Future<> last = noted(stream.write_done("f"), "last");
  turn_some();
  EXPECT_FALSE(after_future.ready() || after_bytes.ready() || last.ready());
  promise.done("a");
  turn_some();
  EXPECT_TRUE(last.ready());
  ASSERT_EQ(calls.size(), 5U);
  EXPECT_EQ(calls[0].substr(0, 7), "future@");
  EXPECT_EQ(calls[1].substr(0, 6), "bytes@");
  EXPECT_EQ(calls[2].substr(0, 8), "nothing@");
  EXPECT_EQ(calls[3].substr(0, 10), "generator@");
  EXPECT_EQ(calls[4].substr(0, 5), "last@");
}

TEST_F(StreamPiecesTest, AFlushDoesNotWaitForWhatIsWrittenLater) {
  Promise<Bytes> first;
  Promise<Bytes> second;
  stream.write(first.future());
  stream.write("b");
  Future<> flushed = stream.flushed();
  stream.write("c");
  stream.write(second.future());
  Future<> dropped = stream.flushed();
  dropped.cancel();
  first.done("a");
  run(std::move(flushed));
  EXPECT_EQ(received(), "abc");
}

TEST_F(StreamPiecesTest, AWaitMayBeDroppedAtAnyStep) {
  stream.set_write_marks(1, 1);
  std::string expected;
  std::string got;
  for (int steps = 0; steps < 8; ++steps) {
    Promise<Bytes> promise;
    stream.write(promise.future());
    stream.write_from(give({"b", "c"}));
    Future<> flushed = stream.flushed();
    Future<> done = stream.write_done("d");
    Future<> writable = stream.writable();
    for (int i = 0; i < steps; ++i) {
      if (i == 2) promise.done("a");
      loop.turn(Duration::zero());
    }
    flushed.cancel();
    done.cancel();
    writable.cancel();
    promise.done("a");
    expected += "abcd";
    turn_some();
    turn_some();
    got += received();
    EXPECT_EQ(got, expected) << steps;
    EXPECT_TRUE(stream.is_writable());
  }
}

TEST_F(StreamPiecesTest, ManyBytesKeepTheirOrderAmongThem) {
  const std::string bytes = pattern(3'000'000);
  const std::string_view view = bytes;
  std::vector<Promise<Bytes>> promises;
  std::size_t at = 0;
  const auto next = [&](std::size_t size) {
    const std::string piece(view.substr(at, size));
    at += piece.size();
    return piece;
  };
  std::vector<std::string> values;
  while (at < bytes.size()) {
    stream.write(next(70'000));
    values.push_back(next(50'000));
    promises.emplace_back();
    stream.write(promises.back().future());
    stream.write_from(give({next(30'000), next(1), next(20'000)}));
  }
  Future<> flushed = stream.flushed();
  // Pairs the other way round: what is ready early waits for what is before it.
  std::string all;
  for (std::size_t i = 0; i < promises.size(); ++i) {
    const std::size_t which = (i ^ 1) < promises.size() ? i ^ 1 : i;
    promises[which].done(values[which]);
    loop.turn(Duration::zero());
    all += received();
  }
  all += drain_until([&] { return flushed.ready(); });
  EXPECT_TRUE(all == bytes);
  EXPECT_EQ(stream.pending_bytes(), 0U);
}

TEST_F(StreamPiecesTest, TheMarksCountWhatIsThere) {
  stream.set_write_marks(10, 200'000);
  stream.on_writable(note("writable"));
  Promise<Bytes> promise;
  stream.write(promise.future());
  stream.write(block);
  EXPECT_TRUE(stream.is_writable());
  stream.write(block);
  EXPECT_FALSE(stream.is_writable());
  EXPECT_EQ(stream.pending_bytes(), 200'000U);
  Future<> writable = stream.writable();
  promise.done("x");
  const std::string all = drain_until([&] { return writable.ready(); });
  EXPECT_THAT(calls, ElementsAre("writable"));
  stream.write(Future<Bytes>::resolved(std::string(5'000'000, 'x')));
  turn_some();
  EXPECT_FALSE(stream.is_writable()) << "what a Future gave does not count";
}

TEST_F(StreamPiecesTest, ClosingWaitsUntilAllOfThemAreThrough) {
  Promise<Bytes> promise;
  stream.write(promise.future());
  stream.write_from(give({"b", "c"}));
  Future<> closed = stream.closed();
  stream.close();
  EXPECT_FALSE(settles(closed));
  EXPECT_EQ(loop.turn(Duration::zero()), 0U);
  promise.done("a");
  run(std::move(closed));
  EXPECT_EQ(received(), "abc");
}

TEST_F(StreamPiecesTest, ShuttingDownWaitsUntilAllOfThemAreThrough) {
  Promise<Bytes> promise;
  stream.set_close_on_read_eof(false);
  stream.write(promise.future());
  stream.write_from(give({"b", "c"}));
  stream.shutdown_write();
  stream.write(Future<Bytes>::resolved("too late"));
  stream.write_from(give({"too late"}));
  turn_some();
  char byte = 0;
  EXPECT_EQ(::recv(pair.second.get(), &byte, 1, MSG_DONTWAIT), -1);
  promise.done("a");
  const std::string first = sent_now();
  EXPECT_EQ(first + sent_now(), "abc");
  EXPECT_EQ(::recv(pair.second.get(), &byte, 1, MSG_DONTWAIT), 0);
}

TEST_F(StreamPiecesTest, WaitsForADescriptorAndForALoop) {
  auto owned = std::make_unique<Stream>();
  Promise<Bytes> promise;
  owned->write("one ");
  owned->write(promise.future());
  owned->write_from(give({"three"}));
  Future<> flushed = owned->flushed();
  promise.done("two ");
  SocketPair other = unix_pair();
  owned->set_handle(std::move(other.first));
  Stream& late = loop.add(std::move(owned));
  run(std::move(flushed));
  EXPECT_EQ(read_available(other.second.get()), "one two three");
  EXPECT_EQ(late.pending_bytes(), 0U);
}

TEST_F(StreamPiecesTest, AGeneratorMayTakeItsStreamOutOfTheLoop) {
  auto& parent = loop.add(std::make_unique<Notifier>());
  SocketPair other = unix_pair();
  Stream& child = parent.add_child(std::make_unique<Stream>(std::move(other.first)));
  std::unique_ptr<Notifier> owned;
  int step = 0;
  child.write_from([&](Stream& self) -> Given {
    if (++step == 1) owned = parent.release_child(self);
    if (step == 3) return std::nullopt;
    return "piece" + std::to_string(step);
  });
  turn_some();
  EXPECT_EQ(read_available(other.second.get()), "");
  loop.add(std::move(owned));
  turn_some();
  EXPECT_EQ(read_available(other.second.get()), "piece1piece2");
}

TEST_F(StreamPiecesTest, AStreamMayBeCopiedToAnotherByAGeneratorOfReads) {
  SocketPair source_pair = unix_pair();
  Stream& source = add(std::move(source_pair.first));
  source.set_leaves_when_closed(false);
  const auto chunk = [](Stream& from) -> Future<Bytes> {
    std::optional<Bytes> bytes = co_await from.read_some();
    co_return bytes.value_or("");
  };
  stream.write_from([&source, chunk](Stream&) -> Given {
    if (source.is_read_eof()) return std::nullopt;
    return chunk(source);
  });
  stream.write("the end");
  Future<> flushed = stream.flushed();
  write_all(source_pair.second.get(), "one ");
  turn_some();
  EXPECT_EQ(loop.turn(Duration::zero()), 0U);
  write_all(source_pair.second.get(), "two ");
  turn_some();
  source_pair.second.reset();
  run(std::move(flushed));
  EXPECT_EQ(received(), "one two the end");
}

}  // namespace
}  // namespace ioa::test

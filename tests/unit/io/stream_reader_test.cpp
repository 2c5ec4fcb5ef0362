// Temporary readers: push_on_read.
#include <fcntl.h>
#include <sys/socket.h>

#include <functional>
#include <stdexcept>

#include "ioa/base/error.hpp"
#include "ioa/io/stream.hpp"
#include "tests/support/lifetime_tracker.hpp"
#include "tests/unit/io/stream_fixture.hpp"

namespace ioa::test {
namespace {

using Reading = Stream::Reading;

class StreamReaderTest : public StreamTest {
 protected:
  /// A reader that notes what it is called with, consumes `size` bytes once they are there, and is
  /// done.
  Stream::TemporaryReader take(std::string name, std::size_t size) {
    return [this, name = std::move(name), size](Stream&, ByteBuffer& in, bool eof) {
      calls.push_back(name + (eof ? "|eof:" : ":") + std::string(in.view()));
      if (in.size() < size && !eof) return Reading::more;
      in.consume(std::min(size, in.size()));
      return Reading::done;
    };
  }

  Stream& stream = add(std::move(pair.first));
};

TEST_F(StreamReaderTest, ReadsTheNextThingBeforeOnRead) {
  stream.on_read(note_reads());
  stream.push_on_read(take("header", 4));
  send_now("ab");
  send_now("cdef");
  send_now("gh");
  EXPECT_THAT(calls, ElementsAre("header:ab", "header:abcdef", "read:ef", "read:gh"));
}

TEST_F(StreamReaderTest, WhatOneLeavesGoesToTheNextAtOnce) {
  stream.push_on_read(take("first", 2));
  stream.push_on_read(take("second", 2));
  stream.on_read(note_reads());
  send("abcdef");
  loop.turn(Duration::zero());
  EXPECT_THAT(calls, ElementsAre("first:abcdef", "second:cdef", "read:ef"));
}

TEST_F(StreamReaderTest, StandsInOneQueueWithTheReadFutures) {
  Future<std::optional<Bytes>> before = stream.read_exactly(2);
  stream.push_on_read(take("callback", 2));
  Future<std::optional<Bytes>> after = stream.read_exactly(2);
  Future<std::optional<Bytes>> last = stream.read_some();
  send("abc");
  EXPECT_FALSE(settles(after));
  EXPECT_THAT(calls, ElementsAre("callback:c"));
  EXPECT_EQ(run(std::move(before)), "ab");
  send("defg");
  EXPECT_EQ(run(std::move(after)), "ef");
  EXPECT_EQ(run(std::move(last)), "g");
  EXPECT_THAT(calls, ElementsAre("callback:c", "callback:cdefg"));
}

TEST_F(StreamReaderTest, ReadsThoughThereIsNoOtherReader) {
  stream.push_on_read(take("only", 2));
  send_now("abc");
  EXPECT_THAT(calls, ElementsAre("only:abc"));
  EXPECT_EQ(stream.unread_bytes(), 1U);
  send_now("d");
  EXPECT_EQ(stream.unread_bytes(), 1U) << "it reads though nobody asks";
}

TEST_F(StreamReaderTest, BytesThatAreThereAreReadSoonButNotInsideTheCall) {
  EXPECT_TRUE(stream.read_some(1).valid());
  Future<std::optional<Bytes>> first = stream.read_some(1);
  send("abc");
  run(std::move(first));
  stream.push_on_read(take("late", 2));
  EXPECT_THAT(calls, ElementsAre()) << "a callback inside push_on_read()";
  turn_some();
  EXPECT_THAT(calls, ElementsAre("late:bc"));
}

TEST_F(StreamReaderTest, IsNotCalledAgainBeforeMoreComes) {
  stream.push_on_read(take("more", 10));
  send_now("abc");
  stream.push_on_read(take("next", 1));
  stream.resume_reading();
  stream.read_some().cancel();
  turn_some();
  EXPECT_THAT(calls, ElementsAre("more:abc"));
  EXPECT_EQ(loop.turn(Duration::zero()), 0U);
}

TEST_F(StreamReaderTest, OnePushedByAnotherComesAfterThoseBefore) {
  stream.push_on_read([&](Stream& self, ByteBuffer& in, bool) {
    calls.emplace_back("chain:" + std::string(in.view()));
    in.consume(1);
    self.push_on_read(take("pushed", 1));
    EXPECT_EQ(calls.size(), 1U) << "called inside the call";
    return Reading::done;
  });
  stream.push_on_read(take("second", 1));
  send("abcd");
  loop.turn(Duration::zero());
  EXPECT_THAT(calls, ElementsAre("chain:abcd", "second:bcd", "pushed:cd"));
}

TEST_F(StreamReaderTest, OnePushedInsideOnReadGetsWhatThatLeaves) {
  int times = 0;
  stream.on_read([&](Stream& self, ByteBuffer& in, bool) {
    calls.emplace_back("read:" + std::string(in.view()));
    in.consume(1);
    if (++times == 1) self.push_on_read(take("pushed", 2));
  });
  send("abcd");
  turn_some();
  EXPECT_THAT(calls, ElementsAre("read:abcd", "pushed:bcd", "read:d"));
}

TEST_F(StreamReaderTest, AChainThatConsumesNothingDoesNotHoldUpTheLoop) {
  int count = 0;
  std::function<Reading(Stream&, ByteBuffer&, bool)> again = [&](Stream& self, ByteBuffer&, bool) {
    ++count;
    self.push_on_read(again);
    return Reading::done;
  };
  stream.push_on_read(again);
  send("abc");
  turn_some();
  EXPECT_GE(count, 3);
  EXPECT_LE(count, 6) << "more than one a turn";
}

TEST_F(StreamReaderTest, AtTheEndEachIsCalledOnceWhateverItWants) {
  for (const char* name : {"first", "second"})
    stream.push_on_read([&, name](Stream&, ByteBuffer& in, bool eof) {
      calls.push_back(std::string(name) + (eof ? "|eof:" : ":") + std::string(in.view()));
      return Reading::more;
    });
  stream.on_read(note_reads());
  stream.on_read_eof(note("on_read_eof"));
  stream.on_closed([&](Stream&) { calls.emplace_back("closed"); });
  send("abc");
  end();
  turn_some();
  EXPECT_THAT(calls, ElementsAre("first:abc", "first|eof:abc", "second|eof:abc", "eof:abc",
                                 "on_read_eof", "closed"));
}

TEST_F(StreamReaderTest, OneMayOwnTheFutureOfALaterRead) {
  using Read = Future<std::optional<Bytes>>;
  for (const bool closes_later : {false, true}) {
    SocketPair ends = unix_pair();
    Stream& other = add(std::move(ends.first));
    other.set_leaves_when_closed(false);
    auto read = std::make_shared<Read>();
    other.push_on_read([read](Stream&, ByteBuffer&, bool) { return Reading::more; });
    *read = other.read_some();
    read.reset();
    if (closes_later) other.write(std::string(4'000'000, 'x'));
    other.close();
    turn_some();
    other.remove();
    turn_some();
  }
  auto alone = std::make_unique<Stream>();
  auto read = std::make_shared<Read>();
  alone->push_on_read([read](Stream&, ByteBuffer&, bool) { return Reading::more; });
  *read = alone->read_some();
  read.reset();
  alone.reset();
}

TEST_F(StreamReaderTest, TurnsInsideOneAtTheEndAnnounceNothingYet) {
  stream.push_on_read([&](Stream&, ByteBuffer& in, bool eof) {
    if (!eof) return Reading::more;
    for (int i = 0; i < 4; ++i) loop.turn(Duration::zero());
    calls.emplace_back("reader");
    in.consume(1);
    return Reading::done;
  });
  stream.on_read(note_reads());
  stream.on_read_eof(note("on_read_eof"));
  send("abc");
  end();
  turn_some();
  EXPECT_THAT(calls, ElementsAre("reader", "eof:bc", "on_read_eof"));
}

TEST_F(StreamReaderTest, OneThatIsAlwaysPushedAgainDoesNotDelayTheEnd) {
  int count = 0;
  std::function<Reading(Stream&, ByteBuffer&, bool)> again = [&](Stream& self, ByteBuffer&, bool) {
    ++count;
    self.push_on_read(again);
    return Reading::more;
  };
  stream.push_on_read(again);
  end();
  run(stream.closed());
  EXPECT_LE(count, 4);
}

TEST_F(StreamReaderTest, AfterTheEndItIsCalledOnceWithWhatIsLeft) {
  stream.set_close_on_read_eof(false);
  stream.on_read([](Stream&, ByteBuffer&, bool) {});
  send("abc");
  end();
  turn_some();
  stream.push_on_read(take("late", 2));
  stream.push_on_read(take("later", 9));
  stream.push_on_read(take("last", 9));
  turn_some();
  EXPECT_THAT(calls, ElementsAre("late|eof:abc", "later|eof:c", "last|eof:"));
  EXPECT_EQ(loop.turn(Duration::zero()), 0U);
}

TEST_F(StreamReaderTest, PausingHoldsTheReaders) {
  stream.push_on_read([&](Stream& self, ByteBuffer& in, bool) {
    in.consume(1);
    self.pause_reading();
    return Reading::done;
  });
  stream.push_on_read(take("second", 1));
  send_now("ab");
  EXPECT_THAT(calls, ElementsAre());
  stream.resume_reading();
  turn_some();
  EXPECT_THAT(calls, ElementsAre("second:b"));
}

TEST_F(StreamReaderTest, PausingHoldsTheEndToo) {
  stream.push_on_read([&](Stream& self, ByteBuffer&, bool eof) {
    if (eof) self.pause_reading();
    return Reading::more;
  });
  stream.push_on_read(take("second", 1));
  stream.on_read(note_reads());
  end();
  turn_some();
  EXPECT_THAT(calls, ElementsAre());
  EXPECT_TRUE(stream.is_open());
  Future<> closed = stream.closed();
  stream.resume_reading();
  run(std::move(closed));
  EXPECT_THAT(calls, ElementsAre("second|eof:", "eof:"));
}

TEST_F(StreamReaderTest, IsCalledAboveTheHighMarkToo) {
  stream.set_read_marks(2, 4);
  stream.push_on_read(take("much", 6));
  send_now("abcd");
  send_now("ef");
  EXPECT_THAT(calls, ElementsAre("much:abcd", "much:abcdef"));
}

TEST_F(StreamReaderTest, OneThatThrowsIsDroppedAndTheNextGoesOn) {
  LifetimeTracker tracker;
  stream.push_on_read([tracked = tracker.make()](Stream&, ByteBuffer& in, bool) -> Reading {
    in.consume(1);
    throw std::runtime_error("thrown");
  });
  stream.push_on_read(take("next", 1));
  send("abc");
  EXPECT_THROW(loop.run(), std::runtime_error);
  EXPECT_TRUE(tracker.is_clean());
  EXPECT_EQ(stream.unread_bytes(), 2U);
  turn_some();
  EXPECT_THAT(calls, ElementsAre("next:bc"));
}

TEST_F(StreamReaderTest, ClosingDropsThemUncalled) {
  LifetimeTracker tracker;
  stream.set_leaves_when_closed(false);
  for (int i = 0; i < 2; ++i)
    stream.push_on_read([tracked = tracker.make()](Stream&, ByteBuffer&, bool) {
      ADD_FAILURE();
      return Reading::done;
    });
  stream.close_now();
  EXPECT_TRUE(tracker.is_clean());
  stream.push_on_read([tracked = tracker.make()](Stream&, ByteBuffer&, bool) {
    ADD_FAILURE();
    return Reading::done;
  });
  EXPECT_TRUE(tracker.is_clean());
  turn_some();
}

TEST_F(StreamReaderTest, ClosedAndOpenedAnewInsideOneTheOldBytesAreNobodys) {
  stream.set_leaves_when_closed(false);
  SocketPair other = unix_pair();
  stream.push_on_read([&](Stream& self, ByteBuffer&, bool) {
    self.close_now();
    self.set_handle(std::move(other.first));
    self.push_on_read(take("new", 1));
    return Reading::more;
  });
  stream.push_on_read(take("old", 1));
  send_now("abc");
  write_all(other.second.get(), "xyz");
  turn_some();
  EXPECT_THAT(calls, ElementsAre("new:xyz"));
}

TEST_F(StreamReaderTest, ATurnInsideOneDoesNotReadItsStream) {
  stream.on_read(note_reads());
  stream.push_on_read([&](Stream& self, ByteBuffer& in, bool) {
    const std::string before(in.view());
    send(" more");
    self.push_on_read(take("second", 3));
    turn_some();
    EXPECT_EQ(in.view(), before);
    EXPECT_THAT(calls, ElementsAre());
    in.consume(1);
    return Reading::done;
  });
  send("some");
  turn_some();
  EXPECT_THAT(calls, ElementsAre("second:ome", "read: more"));
}

TEST_F(StreamReaderTest, ACallbackSetInATurnInsideOnReadGetsTheRest) {
  stream.on_read([&](Stream& self, ByteBuffer& in, bool) {
    in.consume(1);
    self.on_read(note_reads());
    turn_some();
  });
  send_now("abc");
  EXPECT_THAT(calls, ElementsAre("read:bc"));
}

TEST_F(StreamReaderTest, AReadErrorLeavesThemWaiting) {
  pair = tcp_pair();
  Stream& tcp = add(std::move(pair.first));
  tcp.on_read_error([&](Stream&, const Error& error) { calls.emplace_back(error.reason()); });
  tcp.push_on_read(take("reader", 1));
  Future<std::optional<Bytes>> future = tcp.read_some();
  const linger at_once{1, 0};
  ::setsockopt(pair.second.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  end();
  turn_until(
      loop, [&] { return !calls.empty(); }, "the error");
  EXPECT_TRUE(failure(std::move(future)));
  tcp.resume_reading();
  turn_some();
  EXPECT_THAT(calls, ElementsAre("Connection reset by peer (ECONNRESET)", "reader|eof:"));
}

TEST_F(StreamReaderTest, WaitsForADescriptorAndForALoop) {
  auto owned = std::make_unique<Stream>();
  owned->push_on_read(take("early", 1));
  SocketPair other = unix_pair();
  owned->set_handle(std::move(other.first));
  write_all(other.second.get(), "abc");
  loop.add(std::move(owned));
  turn_some();
  EXPECT_THAT(calls, ElementsAre("early:abc"));
}

TEST_F(StreamReaderTest, ARemovedStreamKeepsThemForTheNextLoop) {
  auto& parent = loop.add(std::make_unique<Notifier>());
  SocketPair other = unix_pair();
  Stream& child = parent.add_child(std::make_unique<Stream>(std::move(other.first)));
  std::unique_ptr<Notifier> owned;
  child.push_on_read([&](Stream& self, ByteBuffer& in, bool) {
    in.consume(1);
    owned = parent.release_child(self);
    return Reading::done;
  });
  child.push_on_read(take("second", 1));
  write_all(other.second.get(), "abc");
  turn_some();
  EXPECT_THAT(calls, ElementsAre());
  ASSERT_NE(owned, nullptr);
  loop.add(std::move(owned));
  turn_some();
  EXPECT_THAT(calls, ElementsAre("second:bc"));
}

TEST_F(StreamReaderTest, TheLoopMayGoBeforeTheyAreCalled) {
  LifetimeTracker tracker;
  stream.push_on_read(
      [tracked = tracker.make()](Stream&, ByteBuffer&, bool) { return Reading::done; });
  send("x");
}

}  // namespace
}  // namespace ioa::test

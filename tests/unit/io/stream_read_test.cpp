#include <fcntl.h>
#include <sys/socket.h>

#include <cerrno>
#include <stdexcept>

#include "ioa/base/error.hpp"
#include "ioa/io/stream.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/unit/io/stream_fixture.hpp"

namespace ioa::test {
namespace {

using StreamReadTest = StreamTest;

/// Makes the next read at the other end of a TCP connection fail with ECONNRESET.
void reset(UniqueFd& fd) {
  const linger at_once{1, 0};
  ::setsockopt(fd.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  fd.reset();
}

TEST_F(StreamReadTest, PresentsWhatComes) {
  add(std::move(pair.first)).on_read(note_reads());
  turn_some();
  EXPECT_THAT(calls, ElementsAre());
  send_now("one");
  send_now("two");
  EXPECT_THAT(calls, ElementsAre("read:one", "read:two"));
}

TEST_F(StreamReadTest, PresentsUnconsumedBytesAgainWithTheNext) {
  Stream& stream = add(std::move(pair.first));
  stream.on_read([&](Stream&, ByteBuffer& in, bool) {
    calls.emplace_back(in.view());
    in.consume(2);
  });
  send_now("abcd");
  EXPECT_EQ(stream.unread_bytes(), 2U);
  send_now("ef");
  EXPECT_THAT(calls, ElementsAre("abcd", "cdef"));
  EXPECT_EQ(stream.unread_bytes(), 2U);
}

TEST_F(StreamReadTest, UnconsumedBytesMayBeMany) {
  Stream& stream = add(std::move(pair.first));
  const std::string bytes = pattern(200'000);
  std::string seen;
  stream.on_read([&](Stream&, ByteBuffer& in, bool) {
    if (in.size() < bytes.size()) return;
    seen = in.view();
    in.clear();
  });
  for (std::size_t at = 0; at < bytes.size(); at += 10'000)
    send_now(std::string_view(bytes).substr(at, 10'000));
  EXPECT_EQ(seen, bytes);
  EXPECT_EQ(stream.unread_bytes(), 0U);
}

TEST_F(StreamReadTest, TheCallbackMayKeepTheBuffer) {
  std::vector<ByteBuffer> kept;
  add(std::move(pair.first)).on_read([&](Stream&, ByteBuffer& in, bool) {
    kept.push_back(std::move(in));
  });
  send_now("one");
  send_now("two");
  ASSERT_EQ(kept.size(), 2U);
  EXPECT_EQ(kept[0].view(), "one");
  EXPECT_EQ(kept[1].view(), "two");
}

TEST_F(StreamReadTest, TheCallbackMayPutBytesBack) {
  Stream& stream = add(std::move(pair.first));
  stream.on_read([&](Stream&, ByteBuffer& in, bool) {
    calls.emplace_back(in.view());
    in.append("!");
  });
  send_now("one");
  send_now("two");
  EXPECT_THAT(calls, ElementsAre("one", "one!two"));
}

TEST_F(StreamReadTest, AtTheEndItTellsTheEventsInOrder) {
  Stream& stream = add(std::move(pair.first));
  stream.on_read([&](Stream&, ByteBuffer& in, bool eof) {
    calls.push_back((eof ? "eof:" : "read:") + std::string(in.view()));
  });
  stream.on_read_eof([&](Stream& self) {
    EXPECT_TRUE(self.is_read_eof());
    EXPECT_TRUE(self.is_open());
    calls.emplace_back("on_read_eof");
  });
  stream.on_closed([&](Stream&) { calls.emplace_back("on_closed"); });
  Future<> closed = stream.closed().then([&] { calls.emplace_back("closed()"); });
  send("left over");
  end();
  turn_some();
  EXPECT_THAT(calls, ElementsAre("read:left over", "eof:left over", "on_read_eof", "on_closed",
                                 "closed()"));
  EXPECT_TRUE(closed.ready());
}

TEST_F(StreamReadTest, ATurnReadsABoundedAmount) {
  Stream& stream = add(std::move(pair.first));
  stream.on_read([](Stream&, ByteBuffer&, bool) {});
  ASSERT_GT(fill(pair.second.get()), 100'000U);
  loop.turn(Duration::zero());
  EXPECT_GT(stream.unread_bytes(), 0U);
  EXPECT_LE(stream.unread_bytes(), 65'536U) << "one busy stream holds up all others";
}

TEST_F(StreamReadTest, ClosingInsideOnReadIsNoReadError) {
  Stream& stream = add(std::move(pair.first));
  stream.on_read([](Stream& self, ByteBuffer&, bool) { self.close_now(); });
  stream.on_read_error(note("on_read_error"));
  fill(pair.second.get());
  turn_some();
  EXPECT_THAT(calls, ElementsAre());
}

TEST_F(StreamReadTest, TellsThatItReachesTheMarksOncePerCrossing) {
  Stream& stream = add(std::move(pair.first));
  stream.set_read_marks(4, 8);
  stream.on_read([](Stream&, ByteBuffer&, bool) {});
  stream.on_read_high(note("high"));
  stream.on_read_low(note("low"));
  send_now("1234567");
  EXPECT_THAT(calls, ElementsAre());
  send_now("8");
  EXPECT_THAT(calls, ElementsAre("high"));
  EXPECT_EQ(run(stream.read_exactly(4)), "1234");
  turn_some();
  EXPECT_THAT(calls, ElementsAre("high")) << "low at the low mark, not below it";
  stream.read_exactly(1).cancel();
  EXPECT_THAT(calls, ElementsAre("high")) << "a callback inside read_exactly()";
  turn_some();
  EXPECT_THAT(calls, ElementsAre("high", "low"));
  send_now("abcdefgh");
  EXPECT_THAT(calls, ElementsAre("high", "low", "high"));
}

TEST_F(StreamReadTest, WhatEndsItInsideOnReadIsTheLastThatIsTold) {
  for (const auto deed : {+[](Stream& s) { s.remove(); }, +[](Stream& s) { s.close_now(); }}) {
    pair = unix_pair();
    Stream& stream = add(std::move(pair.first));
    stream.on_read([deed](Stream& self, ByteBuffer&, bool) { deed(self); });
    stream.on_read_eof(note("on_read_eof"));
    end();
    turn_some();
  }
  EXPECT_THAT(calls, ElementsAre());
}

TEST_F(StreamReadTest, TheEndIsToldOnceEvenIfNothingIsConsumed) {
  Stream& stream = add(std::move(pair.first));
  stream.set_close_on_read_eof(false);
  stream.on_read([&](Stream&, ByteBuffer& in, bool eof) {
    calls.push_back((eof ? "eof:" : "read:") + std::string(in.view()));
  });
  send("x");
  end();
  turn_some();
  EXPECT_THAT(calls, ElementsAre("read:x", "eof:x"));
  EXPECT_EQ(loop.turn(Duration::zero()), 0U);
  EXPECT_EQ(stream.loop(), &loop);
  EXPECT_TRUE(stream.is_open());
}

TEST_F(StreamReadTest, TheEndClosesOnlyAfterWhatWasWrittenIsSent) {
  Stream& stream = add(std::move(pair.first));
  const std::string reply(1'000'000, 'r');
  stream.on_read([&](Stream& self, ByteBuffer&, bool eof) {
    if (eof) self.write(reply);
  });
  ::shutdown(pair.second.get(), SHUT_WR);
  Future<> closed = stream.closed();
  std::string got;
  turn_until(
      loop,
      [&] {
        got += received();
        return closed.ready();
      },
      "the end");
  got += received();
  EXPECT_EQ(got.size(), reply.size());
}

TEST_F(StreamReadTest, ReadsNothingWhileNobodyAsks) {
  Stream& stream = add(std::move(pair.first));
  send_now("x");
  EXPECT_EQ(stream.unread_bytes(), 0U);
  EXPECT_EQ(loop.turn(Duration::zero()), 0U);
  stream.on_read(note_reads());
  turn_some();
  EXPECT_THAT(calls, ElementsAre("read:x"));
}

TEST_F(StreamReadTest, ACallbackThatComesLateGetsWhatIsThere) {
  Stream& stream = add(std::move(pair.first));
  Future<std::optional<Bytes>> first = stream.read_exactly(1);
  send("abc");
  EXPECT_EQ(run(std::move(first)), "a");
  stream.on_read(note_reads());
  EXPECT_THAT(calls, ElementsAre());
  turn_some();
  EXPECT_THAT(calls, ElementsAre("read:bc"));
}

TEST_F(StreamReadTest, ACallbackThatReplacesItselfLeavesTheRestToTheNext) {
  Stream& stream = add(std::move(pair.first));
  stream.on_read([&](Stream& self, ByteBuffer& in, bool) {
    calls.emplace_back("old:" + std::string(in.view()));
    in.consume(1);
    self.on_read(note_reads());
  });
  send_now("abc");
  EXPECT_THAT(calls, ElementsAre("old:abc", "read:bc"));
}

TEST_F(StreamReadTest, PausesAndResumes) {
  Stream& stream = add(std::move(pair.first));
  stream.on_read(note_reads());
  stream.pause_reading();
  EXPECT_TRUE(stream.is_reading_paused());
  send_now("x");
  EXPECT_THAT(calls, ElementsAre());
  EXPECT_EQ(loop.turn(Duration::zero()), 0U) << "a paused Stream costs turns";
  stream.resume_reading();
  turn_some();
  EXPECT_THAT(calls, ElementsAre("read:x"));
}

TEST_F(StreamReadTest, ResumingPresentsWhatWasLeftWhenItPaused) {
  Stream& stream = add(std::move(pair.first));
  stream.on_read([&](Stream& self, ByteBuffer& in, bool) {
    calls.emplace_back(in.view());
    in.consume(1);
    self.pause_reading();
  });
  send_now("ab");
  EXPECT_THAT(calls, ElementsAre("ab"));
  stream.resume_reading();
  turn_some();
  EXPECT_THAT(calls, ElementsAre("ab", "b"));
}

TEST_F(StreamReadTest, PausesAtTheHighMarkAndResumesBelowTheLowOne) {
  Stream& stream = add(std::move(pair.first));
  stream.set_read_marks(4, 8);
  stream.on_read([&](Stream&, ByteBuffer& in, bool) { calls.emplace_back(in.view()); });
  send_now("1234567");
  EXPECT_EQ(stream.unread_bytes(), 7U);
  send_now("8");
  send_now("9");
  EXPECT_EQ(stream.unread_bytes(), 8U) << "it reads on above the high mark";
  EXPECT_EQ(loop.turn(Duration::zero()), 0U);
  EXPECT_EQ(run(stream.read_exactly(4)), "1234");
  turn_some();
  EXPECT_EQ(stream.unread_bytes(), 4U) << "it resumes at the low mark";
  EXPECT_EQ(run(stream.read_exactly(1)), "5");
  turn_some();
  EXPECT_EQ(stream.unread_bytes(), 4U);
  EXPECT_THAT(calls, ElementsAre("1234567", "12345678", "6789"));
}

TEST_F(StreamReadTest, AReadGetsItsBytesAboveTheHighMarkToo) {
  Stream& stream = add(std::move(pair.first));
  stream.set_read_marks(0, 8);
  const std::string bytes = pattern(100);
  Future<std::optional<Bytes>> read = stream.read_exactly(100);
  send(bytes);
  EXPECT_EQ(run(std::move(read)), bytes);
}

TEST_F(StreamReadTest, WithAHighMarkItPausesHoweverMuchComes) {
  Stream& stream = add(std::move(pair.first));
  stream.set_read_marks(0, 100'000);
  stream.on_read([](Stream&, ByteBuffer&, bool) {});
  const std::size_t sent = fill(pair.second.get());
  ASSERT_GT(sent, 200'000U);
  turn_some();
  EXPECT_GE(stream.unread_bytes(), 100'000U);
  EXPECT_LT(stream.unread_bytes(), 100'000U + 65'536U);
}

TEST_F(StreamReadTest, AReadErrorClosesIfNobodyHandlesIt) {
  pair = tcp_pair();
  Stream& stream = add(std::move(pair.first));
  stream.on_read(note_reads());
  stream.on_closed([&](Stream&) { calls.emplace_back("closed"); });
  send_now("x");
  reset(pair.second);
  Future<> closed = stream.closed();
  run(std::move(closed));
  EXPECT_THAT(calls, ElementsAre("read:x", "closed"));
}

TEST_F(StreamReadTest, AHandledReadErrorIsToldOnceAndLeavesItOpen) {
  pair = tcp_pair();
  Stream& stream = add(std::move(pair.first));
  stream.set_name("peer");
  stream.on_read(note_reads());
  stream.on_read_error([&](Stream&, const Error& error) { calls.emplace_back(error.what()); });
  reset(pair.second);
  turn_until(
      loop, [&] { return !calls.empty(); }, "the error");
  turn_some();
  EXPECT_THAT(calls, ElementsAre("read peer: Connection reset by peer (ECONNRESET)"));
  EXPECT_TRUE(stream.is_open());
  EXPECT_EQ(loop.turn(Duration::zero()), 0U);
  stream.resume_reading();
  turn_some();
  EXPECT_THAT(calls, ElementsAre(testing::_, "eof:"));
}

TEST_F(StreamReadTest, AReadErrorFailsAllReads) {
  pair = tcp_pair();
  Stream& stream = add(std::move(pair.first));
  Future<std::optional<Bytes>> first = stream.read_some();
  Future<std::optional<std::string>> second = stream.read_line();
  reset(pair.second);
  turn_until(
      loop, [&] { return first.ready(); }, "the error");
  const std::optional<Error> error = failure(std::move(first));
  ASSERT_TRUE(error);
  EXPECT_EQ(error->kind(), ErrorKind::disconnected);
  EXPECT_EQ(error->operation(), "read");
  EXPECT_EQ(error->code().value(), ECONNRESET);
  const std::optional<Error> other = failure(std::move(second));
  ASSERT_TRUE(other);
  EXPECT_EQ(other->code().value(), ECONNRESET);
}

TEST_F(StreamReadTest, ReadsAPipeAndARegularFile) {
  SocketPair pipe = pipe_pair();
  add(std::move(pipe.first), UniqueFd()).on_read(note_reads());
  write_all(pipe.second.get(), "pipe");
  turn_some();
  const TempDir dir;
  const std::string path = dir.write("file", "contents");
  add(UniqueFd(::open(path.c_str(), O_RDONLY | O_CLOEXEC))).on_read(note_reads());
  turn_some();
  EXPECT_THAT(calls, ElementsAre("read:pipe", "read:contents", "eof:"));
}

TEST_F(StreamReadTest, ABlockingSocketDoesNotBlock) {
  const int fd = pair.first.get();
  ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) & ~O_NONBLOCK);
  Stream& stream = add(std::move(pair.first));
  stream.on_read(note_reads());
  stream.write(std::string(1'000'000, 'x'));
  EXPECT_GT(stream.pending_bytes(), 0U);
  send_now("x");
  EXPECT_THAT(calls, ElementsAre("read:x"));
}

TEST_F(StreamReadTest, AnExceptionKeepsTheBytesThatWereNotConsumed) {
  Stream& stream = add(std::move(pair.first));
  stream.on_read([&](Stream&, ByteBuffer& in, bool) {
    calls.emplace_back(in.view());
    in.consume(1);
    if (calls.size() == 1) throw std::runtime_error("thrown");
  });
  send("abc");
  EXPECT_THROW(loop.run(), std::runtime_error);
  EXPECT_EQ(stream.unread_bytes(), 2U);
  send_now("d");
  EXPECT_THAT(calls, ElementsAre("abc", "bcd"));
}

}  // namespace
}  // namespace ioa::test

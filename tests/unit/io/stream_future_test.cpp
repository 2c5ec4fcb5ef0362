#include <sys/socket.h>

#include <cerrno>

#include "ioa/base/error.hpp"
#include "ioa/io/stream.hpp"
#include "tests/unit/io/stream_fixture.hpp"

namespace ioa::test {
namespace {

using Chunk = std::optional<Bytes>;

class StreamFutureTest : public StreamTest {
 protected:
  Stream& stream = add(std::move(pair.first));
};

TEST_F(StreamFutureTest, ReadsSome) {
  Future<Chunk> read = stream.read_some();
  EXPECT_FALSE(settles(read));
  send("abc");
  EXPECT_EQ(run(std::move(read)), "abc");
}

TEST_F(StreamFutureTest, ReadsSomeButNoMoreThanItIsTold) {
  send("abc");
  EXPECT_EQ(run(stream.read_some(2)), "ab");
  EXPECT_EQ(stream.unread_bytes(), 1U);
  Future<Chunk> rest = stream.read_some(2);
  EXPECT_TRUE(rest.ready()) << "it is there already";
  EXPECT_EQ(rest.get(), "c");
}

TEST_F(StreamFutureTest, ReadsExactly) {
  Future<Chunk> read = stream.read_exactly(5);
  send("abc");
  EXPECT_FALSE(settles(read));
  send("defg");
  EXPECT_EQ(run(std::move(read)), "abcde");
  EXPECT_EQ(run(stream.read_exactly(2)), "fg");
  EXPECT_EQ(run(stream.read_exactly(0)), "");
}

TEST_F(StreamFutureTest, ReadsManyBytesExactly) {
  const std::string bytes = pattern(5'000'000);
  Stream& sender = add(std::move(pair.second));
  sender.write(bytes);
  EXPECT_TRUE(run(stream.read_exactly(bytes.size())) == bytes);
}

TEST_F(StreamFutureTest, ReadsUntilADelimiterThatComesInPieces) {
  Future<Chunk> read = stream.read_until("\r\n\r\n");
  for (const char* piece : {"head\r", "\n", "\r", "\r\n\r"}) {
    send(piece);
    EXPECT_FALSE(settles(read));
  }
  send("\nbody");
  EXPECT_EQ(run(std::move(read)), "head\r\n\r\r\n\r\n");
  EXPECT_EQ(run(stream.read_some()), "body");
}

TEST_F(StreamFutureTest, ADelimiterMustComeWithinTheLimit) {
  send("1234;");
  EXPECT_EQ(run(stream.read_until(";", 5)), "1234;");
  Future<Chunk> read = stream.read_until(";", 5);
  send("1234");
  EXPECT_FALSE(settles(read));
  send("5");
  EXPECT_TRUE(settles(read));
  const std::optional<Error> error = failure(std::move(read));
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code().value(), EMSGSIZE);
  EXPECT_EQ(run(stream.read_some()), "12345") << "a failed read consumes nothing";
  send("12345;");
  EXPECT_TRUE(run(stream.read_exactly(1)));
  EXPECT_TRUE(stream.read_until(";", 5).ready());
}

TEST_F(StreamFutureTest, ReadsWhatAFunctionFinds) {
  // As many bytes as the first one says.
  const auto counted = [](std::string_view bytes) -> std::optional<std::size_t> {
    const std::size_t size = static_cast<std::size_t>(bytes.front() - '0') + 1;
    if (bytes.size() < size) return std::nullopt;
    return size;
  };
  Future<Chunk> first = stream.read_match(counted);
  Future<Chunk> second = stream.read_match(counted);
  send("3a");
  EXPECT_FALSE(settles(first));
  send("bc0");
  EXPECT_EQ(run(std::move(first)), "3abc");
  EXPECT_EQ(run(std::move(second)), "0");
  Future<Chunk> too_long = stream.read_match(counted, 4);
  send("9abc");
  EXPECT_TRUE(settles(too_long));
  const std::optional<Error> error = failure(std::move(too_long));
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code().value(), EMSGSIZE);
  Future<Chunk> last = stream.read_match(counted);
  end();
  EXPECT_EQ(run(std::move(last)), "9abc");
  EXPECT_EQ(run(stream.read_match(counted)), std::nullopt);
}

TEST_F(StreamFutureTest, ReadsLines) {
  send("one\ntwo\r\n\n\r\nthree\rfour\nlast");
  end();
  for (const char* line : {"one", "two", "", "", "three\rfour", "last"})
    EXPECT_EQ(run(stream.read_line()), line);
  EXPECT_EQ(run(stream.read_line()), std::nullopt);
}

TEST_F(StreamFutureTest, ALineEndThatComesInPiecesIsOne) {
  Future<std::optional<std::string>> line = stream.read_line();
  for (const char* piece : {"li", "ne", "\r"}) {
    send(piece);
    EXPECT_FALSE(settles(line));
  }
  send("\n");
  EXPECT_EQ(run(std::move(line)), "line");
}

TEST_F(StreamFutureTest, ALineMustEndWithinTheLimit) {
  send("1234\n");
  EXPECT_EQ(run(stream.read_line(5)), "1234");
  send("12345\n");
  Future<std::optional<std::string>> line = stream.read_line(5);
  EXPECT_TRUE(settles(line));
  const std::optional<Error> error = failure(std::move(line));
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code().value(), EMSGSIZE);
  EXPECT_EQ(run(stream.read_line()), "12345");
}

TEST_F(StreamFutureTest, ReadsUntilTheEnd) {
  Future<Bytes> all = stream.read_until_eof();
  send("one");
  EXPECT_FALSE(settles(all));
  send("two");
  EXPECT_FALSE(settles(all));
  end();
  EXPECT_EQ(run(std::move(all)), "onetwo");
}

TEST_F(StreamFutureTest, TheEndMayBeAllThereIs) {
  end();
  EXPECT_EQ(run(stream.read_until_eof()), "");
}

TEST_F(StreamFutureTest, TheEndMustComeWithinTheLimit) {
  Future<Bytes> all = stream.read_until_eof(5);
  send("123456");
  EXPECT_TRUE(settles(all));
  EXPECT_TRUE(failure(std::move(all)));
}

TEST_F(StreamFutureTest, ReadsAreServedInTheirOrder) {
  Future<Chunk> first = stream.read_exactly(4);
  Future<std::optional<std::string>> second = stream.read_line();
  Future<Chunk> third = stream.read_some();
  send("ab");
  EXPECT_FALSE(settles(first));
  send("cdline\nrest");
  EXPECT_EQ(run(std::move(first)), "abcd");
  EXPECT_EQ(run(std::move(second)), "line");
  EXPECT_EQ(run(std::move(third)), "rest");
}

TEST_F(StreamFutureTest, AtTheEndTheFirstTakesWhatIsLeftAndTheOthersNothing) {
  Future<Chunk> exactly = stream.read_exactly(10);
  Future<Chunk> until = stream.read_until(";");
  Future<std::optional<std::string>> line = stream.read_line();
  Future<Chunk> some = stream.read_some();
  Future<Bytes> all = stream.read_until_eof();
  send("abc");
  end();
  EXPECT_EQ(run(std::move(exactly)), "abc");
  EXPECT_EQ(run(std::move(until)), std::nullopt);
  EXPECT_EQ(run(std::move(line)), std::nullopt);
  EXPECT_EQ(run(std::move(some)), std::nullopt);
  EXPECT_EQ(run(std::move(all)), "");
}

TEST_F(StreamFutureTest, AfterTheEndThereIsNothingEvenOnceItIsClosed) {
  stream.set_leaves_when_closed(false);
  end();
  EXPECT_EQ(run(stream.read_some()), std::nullopt);
  run(stream.closed());
  Future<Chunk> late = stream.read_some();
  ASSERT_TRUE(late.ready());
  EXPECT_EQ(late.get(), std::nullopt);
}

TEST_F(StreamFutureTest, ADroppedReadConsumesNothing) {
  Future<Chunk> dropped = stream.read_exactly(3);
  Future<Chunk> next = stream.read_exactly(4);
  send("ab");
  EXPECT_FALSE(settles(dropped));
  dropped.cancel();
  send("cd");
  EXPECT_EQ(run(std::move(next)), "abcd");
}

TEST_F(StreamFutureTest, DroppingAReadServesTheNextAtOnce) {
  Future<Chunk> dropped = stream.read_exactly(10);
  Future<Chunk> next = stream.read_some();
  send("abc");
  EXPECT_FALSE(settles(next));
  dropped.cancel();
  ASSERT_TRUE(next.ready());
  EXPECT_EQ(next.get(), "abc");
}

TEST_F(StreamFutureTest, DroppingTheLastReadLeavesTheBytesToTheCallback) {
  Future<Chunk> dropped = stream.read_exactly(10);
  stream.on_read(note_reads());
  send_now("abc");
  EXPECT_THAT(calls, ElementsAre());
  dropped.cancel();
  EXPECT_THAT(calls, ElementsAre()) << "a callback inside cancel()";
  turn_some();
  EXPECT_THAT(calls, ElementsAre("read:abc"));
}

TEST_F(StreamFutureTest, ReadsComeBeforeTheCallback) {
  stream.on_read(note_reads());
  Future<std::optional<std::string>> line = stream.read_line();
  send_now("line\nrest");
  EXPECT_EQ(run(std::move(line)), "line");
  turn_some();
  EXPECT_THAT(calls, ElementsAre("read:rest"));
}

Future<std::string> nested_line(Stream& stream) {
  std::optional<std::string> line = co_await stream.read_line();
  co_return line.value_or("none");
}

Future<std::string> two_lines(Stream& stream) {
  std::string first = co_await nested_line(stream);
  std::string second = co_await nested_line(stream);
  co_return first + "," + second;
}

TEST_F(StreamFutureTest, ACoroutineReadsOnBeforeTheCallbackGetsTheRest) {
  stream.on_read(note_reads());
  Future<std::string> lines = two_lines(stream);
  send("one\ntwo\nrest");
  EXPECT_EQ(run(std::move(lines)), "one,two");
  turn_some();
  EXPECT_THAT(calls, ElementsAre("read:rest"));
}

TEST_F(StreamFutureTest, AReadMadeInsideOnReadIsServedWhenThatReturns) {
  std::optional<Future<Chunk>> read;
  stream.on_read([&](Stream& self, ByteBuffer& in, bool) {
    read = self.read_some();
    EXPECT_FALSE(read->ready());
    in.consume(1);
  });
  send_now("abc");
  ASSERT_TRUE(read->ready());
  EXPECT_EQ(read->get(), "bc");
  EXPECT_EQ(stream.unread_bytes(), 0U);
}

TEST_F(StreamFutureTest, AReadDroppedInsideOnReadLeavesTheBytesToTheNext) {
  std::optional<Future<Chunk>> next;
  stream.on_read([&](Stream& self, ByteBuffer&, bool eof) {
    if (!eof) return;
    Future<Chunk> dropped = self.read_exactly(10);
    next = self.read_some();
    dropped.cancel();
    EXPECT_FALSE(next->ready());
  });
  send("abc");
  end();
  turn_some();
  ASSERT_TRUE(next && next->ready());
  EXPECT_EQ(next->get(), "abc");
}

Future<std::string> reply_after_the_end(Stream& stream) {
  Bytes all = co_await stream.read_until_eof();
  co_await stream.write_done("reply to " + all);
  co_return all;
}

TEST_F(StreamFutureTest, ACoroutineMayAnswerAfterTheEnd) {
  Future<std::string> done = reply_after_the_end(stream);
  Future<> closed = stream.closed();
  send("request");
  ::shutdown(pair.second.get(), SHUT_WR);
  EXPECT_EQ(run(std::move(done)), "request");
  run(std::move(closed));
  EXPECT_EQ(received(), "reply to request");
}

TEST_F(StreamFutureTest, ClosingFailsTheReads) {
  Future<Chunk> read = stream.read_some();
  stream.close_now();
  ASSERT_TRUE(read.ready());
  const std::optional<Error> error = failure(std::move(read));
  ASSERT_TRUE(error);
  EXPECT_EQ(error->kind(), ErrorKind::disconnected);
  Future<Chunk> late = stream.read_some();
  EXPECT_TRUE(failure(std::move(late)));
}

TEST_F(StreamFutureTest, ClosingTheReadSideFailsTheReads) {
  SocketPair in = pipe_pair();
  SocketPair out = pipe_pair();
  Stream& both = add(std::move(in.first), std::move(out.second));
  Future<Chunk> read = both.read_some();
  both.close_read();
  EXPECT_TRUE(failure(std::move(read)));
  EXPECT_TRUE(failure(both.read_some()));
  EXPECT_TRUE(both.is_open());
  both.write("still");
  EXPECT_EQ(read_available(out.first.get()), "still");
}

TEST_F(StreamFutureTest, ReadsOfADestroyedStreamAreAbandoned) {
  Future<Chunk> read = stream.read_some();
  stream.remove();
  EXPECT_FALSE(read.ready());
  loop.turn(Duration::zero());
  const std::optional<Error> error = failure(std::move(read));
  ASSERT_TRUE(error);
  EXPECT_EQ(error->kind(), ErrorKind::abandoned);
}

TEST_F(StreamFutureTest, ReadsMayBeDroppedAfterTheStream) {
  Future<Chunk> read = stream.read_some();
  stream.remove();
  loop.turn(Duration::zero());
  read.cancel();
}

TEST_F(StreamFutureTest, AReadMayBeMadeBeforeThereIsADescriptor) {
  Stream& late = loop.add(std::make_unique<Stream>());
  Future<Chunk> read = late.read_some();
  EXPECT_FALSE(settles(read));
  SocketPair other = unix_pair();
  late.set_handle(std::move(other.first));
  write_all(other.second.get(), "late");
  EXPECT_EQ(run(std::move(read)), "late");
}

Future<int> count_lines(Stream& stream) {
  int count = 0;
  for (;;) {
    std::optional<std::string> line = co_await stream.read_line();
    if (!line) break;
    ++count;
  }
  co_return count;
}

TEST_F(StreamFutureTest, ACoroutineReadsManyLinesThatAreThereAlready) {
  constexpr int kLines = 100'000;
  Stream& sender = add(std::move(pair.second));
  for (int i = 0; i < kLines; ++i) sender.write("a line\n");
  sender.close();
  EXPECT_EQ(run(count_lines(stream)), kLines);
}

}  // namespace
}  // namespace ioa::test

#include <fcntl.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>

#include "ioa/base/error.hpp"
#include "ioa/io/stream.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/unit/io/stream_fixture.hpp"

namespace ioa::test {
namespace {

class StreamWriteTest : public StreamTest {
 protected:
  /// Fills the kernel's buffer through the Stream, so that what follows is queued.
  void fill_kernel() {
    while (stream.pending_bytes() == 0) stream.write(block);
  }
  /// Reads at the other end until `done`.
  std::string drain_until(const std::function<bool()>& done) {
    std::string all;
    turn_until(
        loop,
        [&] {
          all += received();
          return done();
        },
        "the queue to be sent");
    return all + received();
  }

  const std::string block = std::string(100'000, 'x');
  Stream& stream = add(std::move(pair.first));
};

TEST_F(StreamWriteTest, WritesAtOnce) {
  stream.write("hello");
  EXPECT_EQ(stream.pending_bytes(), 0U);
  EXPECT_EQ(received(), "hello");
  EXPECT_EQ(loop.turn(Duration::zero()), 0U) << "no readiness is asked for";
}

TEST_F(StreamWriteTest, WritingNothingDoesNothing) {
  stream.write("");
  EXPECT_TRUE(stream.write_done("").ready());
  EXPECT_EQ(received(), "");
}

TEST_F(StreamWriteTest, QueuesWhatTheKernelDoesNotTakeAndKeepsTheOrder) {
  const std::string bytes = pattern(3'000'000);
  for (std::size_t at = 0; at < bytes.size(); at += 30'000)
    stream.write(std::string_view(bytes).substr(at, 30'000));
  EXPECT_GT(stream.pending_bytes(), 0U);
  EXPECT_TRUE(drain_until([&] { return stream.pending_bytes() == 0; }) == bytes);
}

TEST_F(StreamWriteTest, ManySmallWritesAreNotLost) {
  std::string expected;
  std::string got;
  for (int i = 0; i < 20'000; ++i) {
    const std::string line = "line " + std::to_string(i) + "\n";
    expected += line;
    stream.write(line);
  }
  got = drain_until([&] { return stream.pending_bytes() == 0; });
  EXPECT_TRUE(got == expected);
}

TEST_F(StreamWriteTest, ADoneWriteIsReadyAtOnceIfTheKernelTakesIt) {
  Future<> done = stream.write_done("hello");
  EXPECT_TRUE(done.ready());
  EXPECT_EQ(received(), "hello");
}

TEST_F(StreamWriteTest, ADoneWriteIsReadyWhenItsLastByteIsSent) {
  fill_kernel();
  Future<> first = stream.write_done(block);
  Future<> second = stream.write_done(block);
  Future<> all = stream.flushed();
  EXPECT_FALSE(settles(first));
  drain_until([&] { return first.ready(); });
  drain_until([&] { return second.ready() && all.ready(); });
  EXPECT_EQ(stream.pending_bytes(), 0U);
  EXPECT_TRUE(stream.flushed().ready());
}

TEST_F(StreamWriteTest, DroppingADoneWriteTakesBackNothing) {
  fill_kernel();
  const std::size_t before = stream.pending_bytes();
  Future<> dropped = stream.write_done("the end");
  dropped.cancel();
  EXPECT_EQ(stream.pending_bytes(), before + 7);
  const std::string all = drain_until([&] { return stream.pending_bytes() == 0; });
  EXPECT_EQ(all.substr(all.size() - 7), "the end");
}

TEST_F(StreamWriteTest, ADroppedWaitDoesNotDisturbTheOthers) {
  fill_kernel();
  Future<> first = stream.flushed();
  Future<> second = stream.flushed();
  Future<> third = stream.flushed();
  second.cancel();
  third.cancel();
  Future<> fourth = stream.flushed();
  first.cancel();
  drain_until([&] { return fourth.ready(); });
}

TEST_F(StreamWriteTest, TellsThatEverythingIsSent) {
  stream.on_outgoing_empty(note("empty"));
  stream.write("hello");
  EXPECT_THAT(calls, ElementsAre()) << "a callback inside write()";
  turn_some();
  EXPECT_THAT(calls, ElementsAre("empty"));
  calls.clear();
  fill_kernel();
  turn_some();
  EXPECT_THAT(calls, ElementsAre());
  drain_until([&] { return !calls.empty(); });
  EXPECT_THAT(calls, ElementsAre("empty"));
  EXPECT_EQ(stream.pending_bytes(), 0U);
}

TEST_F(StreamWriteTest, AProducerMayWriteWheneverEverythingIsSent) {
  int left = 100;
  stream.on_outgoing_empty([&](Stream& self) {
    if (left-- > 0) self.write(block);
  });
  stream.write("go");
  const std::string all = drain_until([&] { return left < 0; });
  EXPECT_EQ(all.size(), 2 + 100 * block.size());
}

TEST_F(StreamWriteTest, IsNotWritableFromTheHighMarkUntilBelowTheLowOne) {
  stream.set_write_marks(50'000, 150'000);
  stream.on_writable(note("writable"));
  EXPECT_TRUE(stream.is_writable());
  EXPECT_TRUE(stream.writable().ready());
  fill_kernel();
  stream.write(std::string(149'999 - stream.pending_bytes(), 'x'));
  EXPECT_TRUE(stream.is_writable());
  stream.write("x");
  EXPECT_FALSE(stream.is_writable());
  Future<> writable = stream.writable();
  Future<> dropped = stream.writable();
  dropped.cancel();
  EXPECT_FALSE(settles(writable));
  drain_until([&] { return writable.ready(); });
  EXPECT_LT(stream.pending_bytes(), 50'000U);
  EXPECT_THAT(calls, ElementsAre("writable"));
}

Future<> produce(Stream& stream, const std::string& block, int count, std::size_t& most) {
  for (int i = 0; i < count; ++i) {
    stream.write(block);
    most = std::max(most, stream.pending_bytes());
    co_await stream.writable();
  }
}

TEST_F(StreamWriteTest, AProducerThatWaitsBoundsTheMemory) {
  std::size_t most = 0;
  Future<> produced = produce(stream, block, 100, most);
  turn_some();
  EXPECT_FALSE(produced.ready());
  const std::string all = drain_until([&] { return produced.ready(); });
  EXPECT_LT(most, Stream::kWriteHigh + block.size());
  run(std::move(produced));
}

TEST_F(StreamWriteTest, SmallWritesThatHaveToWaitGoOutInOneSystemCall) {
  int fds[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
  Stream& writer = add(UniqueFd(fds[0]));  // each call is a packet
  const UniqueFd reader(fds[1]);
  while (::send(fds[0], "x", 1, 0) == 1) {
  }
  for (const char* part : {"a", "bc", "", "d", "ef"}) writer.write(part);
  std::array<char, 16> packet{};
  while (::recv(reader.get(), packet.data(), packet.size(), 0) == 1) {
  }
  turn_some();
  EXPECT_EQ(::recv(reader.get(), packet.data(), packet.size(), 0), 6);
  EXPECT_EQ(std::string(packet.data(), 6), "abcdef");
}

using StreamWriteDeathTest = StreamWriteTest;

TEST_F(StreamWriteDeathTest, MarksThatAreTheWrongWayRoundAreABug) {
  EXPECT_DEATH(stream.set_write_marks(2, 1), "low mark");
  EXPECT_DEATH(stream.set_read_marks(2, 1), "low mark");
}

TEST_F(StreamWriteTest, WaitsForADescriptorAndForALoop) {
  auto owned = std::make_unique<Stream>();
  owned->write("one ");
  Future<> flushed = owned->flushed();
  SocketPair other = unix_pair();
  owned->set_handle(std::move(other.first));
  owned->write("two ");
  EXPECT_EQ(read_available(other.second.get()), "");
  Stream& late = loop.add(std::move(owned));
  late.write("three");
  run(std::move(flushed));
  EXPECT_EQ(read_available(other.second.get()), "one two three");
}

TEST_F(StreamWriteTest, ABrokenPipeIsToldInOrder) {
  SocketPair pipe = pipe_pair();
  Stream& writer = add(UniqueFd(), std::move(pipe.second));
  writer.on_write_eof([&](Stream& self) {
    EXPECT_TRUE(self.is_write_eof());
    calls.emplace_back("on_write_eof");
  });
  writer.on_write_error([&](Stream&, const Error& error) { calls.emplace_back(error.what()); });
  writer.on_closed([&](Stream&) { calls.emplace_back("closed"); });
  pipe.first.reset();
  writer.write("x");
  EXPECT_THAT(calls, ElementsAre()) << "a callback inside write()";
  Future<> done = writer.write_done("y");
  EXPECT_FALSE(done.ready());
  turn_some();
  EXPECT_THAT(calls, ElementsAre("on_write_eof", "write: Broken pipe (EPIPE)"));
  const std::optional<Error> error = failure(std::move(done));
  ASSERT_TRUE(error);
  EXPECT_EQ(error->kind(), ErrorKind::disconnected);
  EXPECT_EQ(error->code().value(), EPIPE);
}

TEST_F(StreamWriteTest, WhoWaitsIsFailedBetweenTheTwoEventsOfABrokenPipe) {
  SocketPair pipe = pipe_pair();
  Stream& writer = add(UniqueFd(), std::move(pipe.second));
  pipe.first.reset();
  Future<> done = writer.write_done("x");
  writer.on_write_eof([&](Stream&) { EXPECT_FALSE(done.ready()); });
  writer.on_write_error([&](Stream&, const Error&) {
    EXPECT_TRUE(done.has_failed());
    calls.emplace_back("error");
  });
  turn_some();
  EXPECT_THAT(calls, ElementsAre("error"));
}

TEST_F(StreamWriteTest, AHandledWriteErrorIsToldOnceAndLeavesReadingOpen) {
  stream.on_read(note_reads());
  stream.set_close_on_read_eof(false);
  stream.on_write_error(note("error"));
  send("last words");
  end();
  turn_some();
  stream.write("x");
  turn_some();
  EXPECT_THAT(calls, ElementsAre("read:last words", "eof:", "error"));
  EXPECT_EQ(stream.pending_bytes(), 0U);
  EXPECT_TRUE(stream.is_open());
  EXPECT_EQ(loop.turn(Duration::zero()), 0U);
  stream.write("more");
  EXPECT_EQ(stream.pending_bytes(), 0U);
  EXPECT_TRUE(failure(stream.write_done("more")));
  EXPECT_TRUE(failure(stream.flushed()));
  EXPECT_TRUE(failure(stream.writable()));
}

TEST_F(StreamWriteTest, AWriteErrorClosesIfNobodyHandlesIt) {
  stream.on_closed([&](Stream&) { calls.emplace_back("closed"); });
  end();
  Future<> done = stream.write_done("x");
  turn_some();
  EXPECT_THAT(calls, ElementsAre("closed"));
  EXPECT_TRUE(failure(std::move(done)));
}

TEST_F(StreamWriteTest, AWriteErrorFailsEverybodyWhoWaits) {
  fill_kernel();
  stream.set_write_marks(1, 2);
  stream.write("x");
  Future<> flushed = stream.flushed();
  Future<> writable = stream.writable();
  end();
  turn_some();
  EXPECT_TRUE(failure(std::move(flushed)));
  EXPECT_TRUE(failure(std::move(writable)));
}

TEST_F(StreamWriteTest, TellsThatTheKernelTakesNoMoreAndThatItDoesAgain) {
  stream.on_write_blocked(note("blocked"));
  stream.on_write_unblocked(note("unblocked"));
  stream.on_outgoing_empty(note("empty"));
  stream.write("hello");
  turn_some();
  EXPECT_THAT(calls, ElementsAre("empty"));
  calls.clear();
  fill_kernel();
  stream.write(block);
  EXPECT_THAT(calls, ElementsAre()) << "a callback inside write()";
  turn_some();
  EXPECT_THAT(calls, ElementsAre("blocked")) << "once, until it takes bytes again";
  EXPECT_EQ(loop.turn(Duration::zero()), 0U);
  drain_until([&] { return stream.pending_bytes() == 0; });
  ASSERT_GE(calls.size(), 3U);
  EXPECT_EQ(calls.back(), "empty");
  calls.pop_back();
  for (std::size_t i = 0; i < calls.size(); ++i)
    EXPECT_EQ(calls[i], i % 2 == 0 ? "blocked" : "unblocked") << i;
  EXPECT_EQ(calls.size() % 2, 0U) << "it is not told that the kernel takes bytes again";
}

TEST_F(StreamWriteTest, WhatIsSentBeforeItIsToldAsBlockedIsNotTold) {
  stream.on_write_blocked(note("blocked"));
  stream.on_write_unblocked(note("unblocked"));
  fill_kernel();
  while (!received().empty()) continue;
  turn_some();
  EXPECT_THAT(calls, ElementsAre());
}

TEST_F(StreamWriteTest, WritesSeveralBuffersAtOnce) {
  const std::vector<std::string_view> parts = {"one", "", " two", " three"};
  stream.write_gathered(parts);
  EXPECT_EQ(received(), "one two three");
  stream.write_gathered({});
  EXPECT_EQ(stream.pending_bytes(), 0U);
}

TEST_F(StreamWriteTest, QueuesOfSeveralBuffersWhatTheKernelDoesNotTake) {
  const std::string bytes = pattern(2'000'000);
  std::vector<std::string_view> parts;
  for (std::size_t at = 0; at < bytes.size(); at += 40'000)
    parts.push_back(std::string_view(bytes).substr(at, 40'000));
  stream.write_gathered(parts);
  EXPECT_GT(stream.pending_bytes(), 0U);
  stream.write_gathered(parts);
  EXPECT_TRUE(drain_until([&] { return stream.pending_bytes() == 0; }) == bytes + bytes);
}

TEST_F(StreamWriteTest, SeveralBuffersGoToAPipeAndFailAsOneWould) {
  SocketPair pipe = pipe_pair();
  Stream& writer = add(UniqueFd(), std::move(pipe.second));
  writer.on_write_error(note("error"));
  const std::vector<std::string_view> parts = {"a", "b"};
  writer.write_gathered(parts);
  EXPECT_EQ(read_available(pipe.first.get()), "ab");
  pipe.first.reset();
  writer.write_gathered(parts);
  turn_some();
  EXPECT_THAT(calls, ElementsAre("error"));
}

TEST_F(StreamWriteTest, ReadsAndWritesTwoDescriptors) {
  SocketPair in = pipe_pair();
  SocketPair out = pipe_pair();
  Stream& both = add(std::move(in.first), std::move(out.second));
  both.on_read([](Stream& self, ByteBuffer& bytes, bool) {
    self.write(bytes.view());
    bytes.clear();
  });
  const std::string bytes = pattern(300'000);
  std::string got;
  std::size_t sent = 0;
  turn_until(
      loop,
      [&] {
        if (sent < bytes.size()) {
          const std::size_t size = std::min<std::size_t>(4096, bytes.size() - sent);
          if (::write(in.second.get(), bytes.data() + sent, size) > 0) sent += size;
        }
        got += read_available(out.first.get());
        return got.size() == bytes.size();
      },
      "all bytes");
  EXPECT_TRUE(got == bytes);
}

TEST_F(StreamWriteTest, WritesARegularFile) {
  const TempDir dir;
  Stream& file = add(UniqueFd(),
                     UniqueFd(::open((dir / "out").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600)));
  const std::string bytes = pattern(1'000'000);
  run(file.write_done(bytes));
  EXPECT_TRUE(dir.read("out") == bytes);
}

TEST_F(StreamWriteTest, SaysThatNoMoreBytesComeOnceAllAreSent) {
  stream.set_close_on_read_eof(false);
  fill_kernel();
  stream.write("the end");
  stream.shutdown_write();
  stream.write("too late");
  EXPECT_TRUE(failure(stream.write_done("too late")));
  Future<> flushed = stream.flushed();
  std::string all = drain_until([&] { return flushed.ready(); });
  turn_some();
  all += received();
  EXPECT_EQ(all.substr(all.size() - 7), "the end");
  char byte = 0;
  EXPECT_EQ(::recv(pair.second.get(), &byte, 1, MSG_DONTWAIT), 0) << "no end of file";
  stream.on_read(note_reads());
  send_now("answer");
  EXPECT_THAT(calls, ElementsAre("read:answer"));
}

TEST_F(StreamWriteTest, ShutsAnEmptyQueueDownAtOnce) {
  stream.shutdown_write();
  stream.shutdown_write();
  char byte = 0;
  EXPECT_EQ(::recv(pair.second.get(), &byte, 1, MSG_DONTWAIT), 0);
  EXPECT_TRUE(stream.is_open());
}

TEST_F(StreamWriteTest, ShuttingDownAPipeClosesItsWriteSide) {
  SocketPair in = pipe_pair();
  SocketPair out = pipe_pair();
  Stream& both = add(std::move(in.first), std::move(out.second));
  both.write("last");
  both.shutdown_write();
  EXPECT_EQ(both.write_fd(), -1);
  EXPECT_TRUE(both.is_open());
  EXPECT_EQ(read_available(out.first.get()), "last");
  char byte = 0;
  EXPECT_EQ(::read(out.first.get(), &byte, 1), 0);
}

}  // namespace
}  // namespace ioa::test

#include <fcntl.h>
#include <sys/socket.h>

#include "ioa/base/error.hpp"
#include "ioa/io/stream.hpp"
#include "tests/unit/io/stream_fixture.hpp"

namespace ioa::test {
namespace {

class StreamCloseTest : public StreamTest {
 protected:
  void fill_kernel() {
    while (stream.pending_bytes() == 0) stream.write(block);
  }
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

TEST_F(StreamCloseTest, ClosesAtOnceIfNothingIsQueued) {
  stream.on_closed(note("closed"));
  stream.write("bye");
  stream.close();
  EXPECT_THAT(calls, ElementsAre("closed"));
  EXPECT_EQ(stream.loop(), nullptr);
  EXPECT_EQ(received(), "bye");
}

TEST_F(StreamCloseTest, ClosesWhenTheQueueIsSent) {
  fill_kernel();
  stream.write("the end");
  stream.on_closed(note("closed"));
  Future<> flushed = stream.flushed();
  Future<> closed = stream.closed();
  stream.close();
  stream.close();
  EXPECT_FALSE(settles(closed));
  EXPECT_TRUE(stream.is_open());
  const std::string all = drain_until([&] { return closed.ready(); });
  EXPECT_EQ(all.substr(all.size() - 7), "the end");
  EXPECT_THAT(calls, ElementsAre("closed"));
  run(std::move(flushed));
}

TEST_F(StreamCloseTest, WhileClosingItTakesNoWritesAndReadsNothing) {
  stream.on_read(note_reads());
  fill_kernel();
  const std::size_t pending = stream.pending_bytes();
  Future<std::optional<Bytes>> before = stream.read_some();
  stream.close();
  EXPECT_TRUE(failure(std::move(before)));
  EXPECT_TRUE(failure(stream.read_some()));
  stream.write("too late");
  EXPECT_EQ(stream.pending_bytes(), pending);
  EXPECT_TRUE(failure(stream.write_done("too late")));
  send_now("too late");
  EXPECT_THAT(calls, ElementsAre());
}

TEST_F(StreamCloseTest, AFailureWhileClosingCloses) {
  fill_kernel();
  stream.on_write_error(note("error"));
  stream.on_closed(note("closed"));
  stream.close();
  end();
  turn_some();
  EXPECT_THAT(calls, ElementsAre("error", "closed"));
}

TEST_F(StreamCloseTest, RemovedWhileClosingItTellsNothingMore) {
  fill_kernel();
  stream.on_outgoing_empty([&](Stream& self) {
    calls.emplace_back("empty");
    self.remove();
  });
  stream.on_closed(note("closed"));
  stream.close();
  drain_until([&] { return !calls.empty(); });
  turn_some();
  EXPECT_THAT(calls, ElementsAre("empty"));
}

TEST_F(StreamCloseTest, ClosingNowDropsTheQueueAndFailsItsFutures) {
  fill_kernel();
  Future<> flushed = stream.flushed();
  Future<> closed = stream.closed();
  stream.on_closed(note("closed"));
  stream.close_now();
  EXPECT_THAT(calls, ElementsAre("closed"));
  EXPECT_EQ(stream.pending_bytes(), 0U);
  EXPECT_TRUE(closed.ready());
  const std::optional<Error> error = failure(std::move(flushed));
  ASSERT_TRUE(error);
  EXPECT_STREQ(error->what(), "write: the stream is closed");
}

TEST_F(StreamCloseTest, ClosingNowEndsAClosing) {
  fill_kernel();
  Future<> closed = stream.closed();
  stream.close();
  stream.close_now();
  EXPECT_TRUE(closed.ready());
}

TEST_F(StreamCloseTest, WritesAfterTheEndAreDropped) {
  stream.set_leaves_when_closed(false);
  stream.close();
  stream.write("x");
  EXPECT_EQ(stream.pending_bytes(), 0U);
  EXPECT_TRUE(failure(stream.write_done("x")));
  EXPECT_TRUE(failure(stream.writable()));
  stream.close();
  stream.close_now();
}

TEST_F(StreamCloseTest, ClosesThroughItsBaseToo) {
  fill_kernel();
  Handle& handle = stream;
  Future<> closed = handle.closed();
  handle.close();
  EXPECT_FALSE(closed.ready());
  drain_until([&] { return closed.ready(); });
}

TEST_F(StreamCloseTest, ClosesAStreamThatWasNeverOpened) {
  Stream& late = loop.add(std::make_unique<Stream>());
  late.write("x");
  Future<> flushed = late.flushed();
  Future<std::optional<Bytes>> read = late.read_some();
  late.close();
  EXPECT_TRUE(failure(std::move(flushed)));
  EXPECT_TRUE(failure(std::move(read)));
  EXPECT_EQ(late.pending_bytes(), 0U);
}

TEST_F(StreamCloseTest, OpenedAnewItWorksAsIfNothingHadBeen) {
  stream.set_leaves_when_closed(false);
  stream.on_read(note_reads());
  send("one");
  end();
  run(stream.closed());
  EXPECT_TRUE(stream.is_read_eof());
  pair = unix_pair();
  stream.set_handle(std::move(pair.first));
  EXPECT_FALSE(stream.is_read_eof());
  send_now("two");
  stream.write("reply");
  EXPECT_EQ(received(), "reply");
  Future<std::optional<Bytes>> read = stream.read_some();
  send("three");
  EXPECT_EQ(run(std::move(read)), "three");
  end();
  run(stream.closed());
  EXPECT_THAT(calls, ElementsAre("read:one", "eof:", "read:two", "eof:"));
}

TEST_F(StreamCloseTest, OpenedAnewAfterAWriteErrorItWrites) {
  stream.set_leaves_when_closed(false);
  end();
  stream.write("lost");
  run(stream.closed());
  pair = unix_pair();
  stream.set_handle(std::move(pair.first));
  run(stream.write_done("found"));
  EXPECT_EQ(received(), "found");
}

TEST_F(StreamCloseTest, OpenedAnewInsideOnReadTheRestOfTheOldBytesIsGone) {
  stream.set_leaves_when_closed(false);
  SocketPair other = unix_pair();
  stream.on_read([&](Stream& self, ByteBuffer& in, bool) {
    calls.emplace_back(in.view());
    if (other.first) {
      self.close_now();
      self.set_handle(std::move(other.first));
    }
  });
  send_now("old");
  write_all(other.second.get(), "new");
  turn_some();
  EXPECT_THAT(calls, ElementsAre("old", "new"));
  EXPECT_EQ(stream.unread_bytes(), 3U);
}

TEST_F(StreamCloseTest, ADeadPeerThatIsReadAndWrittenAtOnceIsNoTrouble) {
  fill_kernel();
  stream.on_read([](Stream& self, ByteBuffer&, bool) { self.close_now(); });
  send("x");
  end();
  Future<> closed = stream.closed();
  run(std::move(closed));
}

TEST_F(StreamCloseTest, SplitDescriptorsThatAreReadAndWrittenAtOnceAreNoTroubleEither) {
  SocketPair in = pipe_pair();
  SocketPair out = pipe_pair();
  Stream& both = add(std::move(in.first), std::move(out.second));
  while (both.pending_bytes() == 0) both.write(block);
  both.on_read([](Stream& self, ByteBuffer&, bool) { self.close_now(); });
  both.on_write_error(note("error"));
  write_all(in.second.get(), "x");
  in.second.reset();
  out.first.reset();  // the write side is ready too, with EPIPE
  Future<> closed = both.closed();
  run(std::move(closed));
  EXPECT_LE(calls.size(), 1U);
}

TEST_F(StreamCloseTest, ClosedAndOpenedAnewItClosesAgain) {
  stream.set_leaves_when_closed(false);
  for (int i = 0; i < 3; ++i) {
    Future<> first = stream.closed();
    Future<> second = stream.closed();
    stream.close();
    EXPECT_TRUE(first.ready() && second.ready()) << i;
    pair = unix_pair();
    stream.set_handle(std::move(pair.first));
  }
}

TEST_F(StreamCloseTest, SplitDescriptorsCloseTogether) {
  SocketPair in = pipe_pair();
  SocketPair out = pipe_pair();
  Stream& both = add(std::move(in.first), std::move(out.second));
  both.on_closed(note("closed"));
  both.on_read(note_reads());
  both.write("bye");
  in.second.reset();
  turn_some();
  EXPECT_THAT(calls, ElementsAre("eof:", "closed"));
  EXPECT_EQ(read_available(out.first.get()), "bye");
  char byte = 0;
  EXPECT_EQ(::read(out.first.get(), &byte, 1), 0);
}

TEST_F(StreamCloseTest, ARemovedStreamCanBeAddedAgain) {
  auto& parent = loop.add(std::make_unique<Notifier>());
  SocketPair other = unix_pair();
  Stream& child = parent.add_child(std::make_unique<Stream>(std::move(other.first)));
  child.on_read(note_reads());
  child.on_outgoing_empty(note("empty"));
  child.write("one ");
  Future<std::optional<Bytes>> read = child.read_exactly(3);
  std::unique_ptr<Notifier> owned = parent.release_child(child);
  child.write("two");
  write_all(other.second.get(), "abcd");
  EXPECT_FALSE(settles(read));
  EXPECT_THAT(calls, ElementsAre());
  loop.add(std::move(owned));
  EXPECT_EQ(run(std::move(read)), "abc");
  turn_some();
  EXPECT_EQ(read_available(other.second.get()), "one two");
  EXPECT_THAT(calls, ::testing::Contains("read:d"));
  EXPECT_THAT(calls, ::testing::Contains("empty"));
}

}  // namespace
}  // namespace ioa::test

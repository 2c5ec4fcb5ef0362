#include "ioa/io/inherited_stream.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "ioa/base/error.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/unit/io/stream_fixture.hpp"

namespace ioa::test {
namespace {

/// Descriptors as a shell leaves them: blocking.
class InheritedStreamTest : public StreamTest {
 protected:
  static int blocking(UniqueFd fd) {
    ::fcntl(fd.get(), F_SETFL, ::fcntl(fd.get(), F_GETFL) & ~O_NONBLOCK);
    return fd.release();
  }
  static bool is_blocking(int fd) { return (::fcntl(fd, F_GETFL) & O_NONBLOCK) == 0; }
};

TEST_F(InheritedStreamTest, ReadsOnePipeAndWritesAnother) {
  SocketPair in = pipe_pair();
  SocketPair out = pipe_pair();
  Stream& both =
      loop.add(inherited_stream(blocking(std::move(in.first)), blocking(std::move(out.second))));
  both.on_read([](Stream& self, ByteBuffer& bytes, bool) {
    self.write(bytes.view());
    bytes.clear();
  });
  write_all(in.second.get(), "hello");
  turn_some();
  EXPECT_EQ(read_available(out.first.get()), "hello");
  in.second.reset();
  turn_some();
  char byte = 0;
  EXPECT_EQ(::read(out.first.get(), &byte, 1), 0) << "a descriptor of the pipe is still open";
}

TEST_F(InheritedStreamTest, AFullPipeDoesNotBlockAndStaysBlockingForOthers) {
  SocketPair out = pipe_pair();
  const int fd = blocking(std::move(out.second));
  const UniqueFd shared(::fcntl(fd, F_DUPFD_CLOEXEC, 3));
  Stream& writer = loop.add(inherited_stream(-1, fd));
  const std::string bytes = pattern(300'000);
  writer.write(bytes);
  EXPECT_GT(writer.pending_bytes(), 0U);
  EXPECT_TRUE(is_blocking(shared.get()));
  Future<> flushed = writer.flushed();
  std::string got;
  turn_until(
      loop,
      [&] {
        got += read_available(out.first.get());
        return flushed.ready();
      },
      "the queue to be sent");
  got += read_available(out.first.get());
  EXPECT_TRUE(got == bytes);
}

TEST_F(InheritedStreamTest, ShuttingDownEndsThePipe) {
  SocketPair out = pipe_pair();
  SocketPair in = pipe_pair();
  Stream& both =
      loop.add(inherited_stream(blocking(std::move(in.first)), blocking(std::move(out.second))));
  both.write("last");
  both.shutdown_write();
  EXPECT_EQ(read_available(out.first.get()), "last");
  char byte = 0;
  EXPECT_EQ(::read(out.first.get(), &byte, 1), 0);
  EXPECT_TRUE(both.is_open());
}

TEST_F(InheritedStreamTest, ClosedItKeepsNothingOpenThoughItStays) {
  SocketPair out = pipe_pair();
  Stream& writer = loop.add(inherited_stream(-1, blocking(std::move(out.second))));
  writer.set_leaves_when_closed(false);
  writer.close_now();
  char byte = 0;
  EXPECT_EQ(::read(out.first.get(), &byte, 1), 0);
}

TEST_F(InheritedStreamTest, BothSidesMayBeOneSocket) {
  const int fd = blocking(std::move(pair.first));
  Stream& both = loop.add(inherited_stream(fd, fd));
  both.set_close_on_read_eof(false);
  both.on_read(note_reads());
  send_now("in");
  both.write("out");
  both.shutdown_write();
  EXPECT_EQ(received(), "out");
  send_now("still");
  EXPECT_THAT(calls, ElementsAre("read:in", "read:still"));
  char byte = 0;
  EXPECT_EQ(::recv(pair.second.get(), &byte, 1, MSG_DONTWAIT), 0);
}

TEST_F(InheritedStreamTest, ReadsARegularFile) {
  const TempDir dir;
  const std::string path = dir.write("file", "contents");
  loop.add(inherited_stream(::open(path.c_str(), O_RDONLY | O_CLOEXEC), -1)).on_read(note_reads());
  turn_some();
  EXPECT_THAT(calls, ElementsAre("read:contents", "eof:"));
}

TEST_F(InheritedStreamTest, ADescriptorThatIsClosedIsAnError) {
  const int closed = ::dup(0);
  ::close(closed);
  EXPECT_THROW(inherited_stream(closed, -1), Error);
}

}  // namespace
}  // namespace ioa::test

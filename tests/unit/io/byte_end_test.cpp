#include "ioa/io/byte_end.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <limits.h>
#include <pty.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <string>

#include "tests/support/loop_fixture.hpp"
#include "tests/support/socket_pair.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/unit/io/end_kinds.hpp"

namespace ioa::test {
namespace {

using Access = ByteEnd::Access;

class ByteEndTest : public GuardedTest {
 protected:
  std::string read(ByteEnd& end) {
    std::array<char, 65536> space{};
    const ssize_t size = end.read(space);
    error = size < 0 ? errno : 0;
    return {space.data(), size < 0 ? 0 : static_cast<std::size_t>(size)};
  }
  ssize_t write(ByteEnd& end, std::string_view bytes) {
    const ssize_t size = end.write(bytes);
    error = size < 0 ? errno : 0;
    return size;
  }
  /// The pair with both descriptions blocking, as a shell makes them.
  SocketPair blocking_pipe() {
    SocketPair pipe = pipe_pair();
    ::fcntl(pipe.first.get(), F_SETFL, 0);
    ::fcntl(pipe.second.get(), F_SETFL, 0);
    return pipe;
  }

  int error = 0;
};

TEST_F(ByteEndTest, TellsWhatADescriptorIs) {
  const TempDir dir;
  const UniqueFd file(::open(dir.write("x", "").c_str(), O_RDONLY | O_CLOEXEC));
  const UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  const UniqueFd folder(::open(dir.path().c_str(), O_RDONLY | O_CLOEXEC));
  const SocketPair pipe = pipe_pair();
  const SocketPair sockets = unix_pair();
  int master = -1;
  int slave = -1;
  ASSERT_EQ(::openpty(&master, &slave, nullptr, nullptr, nullptr), 0);
  const UniqueFd owned_master(master);
  const UniqueFd owned_slave(slave);

  EXPECT_EQ(fd_kind(file.get()), FdKind::regular_file);
  EXPECT_EQ(fd_kind(pipe.first.get()), FdKind::pipe);
  EXPECT_EQ(fd_kind(sockets.first.get()), FdKind::socket);
  EXPECT_EQ(fd_kind(slave), FdKind::terminal);
  EXPECT_EQ(fd_kind(master), FdKind::other);
  EXPECT_EQ(fd_kind(null.get()), FdKind::other);
  EXPECT_EQ(fd_kind(folder.get()), FdKind::other);
  EXPECT_EQ(fd_kind(-1), FdKind::other);
}

TEST_F(ByteEndTest, ReadsAnInheritedPipeWithoutMakingItNonBlockingForOthers) {
  SocketPair pipe = blocking_pipe();
  const SharedDescription others(pipe.first.get());
  ByteEnd end = ByteEnd::inherited(pipe.first.release(), Access::read);

  EXPECT_TRUE(end.never_blocks());
  EXPECT_EQ(read(end), "");
  EXPECT_EQ(error, EAGAIN);
  write_all(pipe.second.get(), "hello");
  EXPECT_EQ(read(end), "hello");
  EXPECT_FALSE(others.is_non_blocking());
  EXPECT_EQ(end.close(), 0);
  EXPECT_FALSE(others.is_non_blocking());
}

TEST_F(ByteEndTest, ClosesBothDescriptionsOfAnInheritedPipeSoThatItsReaderSeesTheEnd) {
  SocketPair pipe = blocking_pipe();
  ByteEnd end = ByteEnd::inherited(pipe.second.release(), Access::write);
  EXPECT_EQ(write(end, "last"), 4);
  EXPECT_EQ(end.end_writing(), 0);
  EXPECT_FALSE(end.is_open());

  std::array<char, 16> space{};
  EXPECT_EQ(::read(pipe.first.get(), space.data(), space.size()), 4);
  EXPECT_EQ(::read(pipe.first.get(), space.data(), space.size()), 0);
}

TEST_F(ByteEndTest, DoesNotReadFromAPipeThatItMayOnlyWriteTo) {
  SocketPair pipe = blocking_pipe();
  write_all(pipe.second.get(), "meant for the pipe's own reader");
  ByteEnd end = ByteEnd::inherited(::fcntl(pipe.second.get(), F_DUPFD_CLOEXEC, 0), Access::read);

  EXPECT_EQ(read(end), "");
  EXPECT_EQ(error, EBADF);
  EXPECT_EQ(read_available(pipe.first.get()), "meant for the pipe's own reader");
}

TEST_F(ByteEndTest, DoesNotWriteToAPipeThatItMayOnlyReadFrom) {
  SocketPair pipe = blocking_pipe();
  ByteEnd end = ByteEnd::inherited(pipe.first.release(), Access::write);
  EXPECT_EQ(write(end, "x"), -1);
  EXPECT_EQ(error, EBADF);
}

TEST_F(ByteEndTest, WritesNoMoreThanPipeBufToAPipeThatCannotBeOpenedAnew) {
  SocketPair pipe = blocking_pipe();
  const SharedDescription others(pipe.second.get());
  const OtherUser other;
  ByteEnd end = ByteEnd::inherited(pipe.second.release(), Access::write);

  EXPECT_FALSE(end.never_blocks());
  EXPECT_EQ(write(end, bulk_bytes(100'000)), PIPE_BUF);
  while (write(end, bulk_bytes(100'000)) == PIPE_BUF) {
  }
  EXPECT_EQ(error, EAGAIN);
  EXPECT_FALSE(end.is_writable());
  EXPECT_FALSE(others.is_non_blocking());
}

TEST_F(ByteEndTest, ReadsAPipeThatCannotBeOpenedAnewOnlyWhenThereIsSomething) {
  SocketPair pipe = blocking_pipe();
  const OtherUser other;
  ByteEnd end = ByteEnd::inherited(pipe.first.release(), Access::read);

  EXPECT_FALSE(end.never_blocks());
  EXPECT_EQ(read(end), "");
  EXPECT_EQ(error, EAGAIN);
  write_all(pipe.second.get(), "now");
  EXPECT_EQ(read(end), "now");
  pipe.second.reset();
  EXPECT_EQ(read(end), "");
  EXPECT_EQ(error, 0);
}

TEST_F(ByteEndTest, SaysBrokenPipeForAFifoWhoseReaderHasLeft) {
  std::signal(SIGPIPE, SIG_IGN);
  SocketPair pipe = blocking_pipe();
  pipe.first.reset();
  ByteEnd end = ByteEnd::inherited(pipe.second.release(), Access::write);
  EXPECT_EQ(write(end, "x"), -1);
  EXPECT_EQ(error, EPIPE);
  std::signal(SIGPIPE, SIG_DFL);
}

TEST_F(ByteEndTest, RaisesNoSignalForASocketWhoseReaderHasLeft) {
  SocketPair sockets = unix_pair();
  sockets.first.reset();
  ByteEnd end = ByteEnd::own(std::move(sockets.second));
  EXPECT_EQ(write(end, "x"), -1);
  EXPECT_EQ(error, EPIPE);
}

TEST_F(ByteEndTest, NeverWaitsOnAnInheritedSocket) {
  SocketPair sockets = unix_pair();
  ::fcntl(sockets.first.get(), F_SETFL, 0);
  const SharedDescription others(sockets.first.get());
  ByteEnd end = ByteEnd::inherited(sockets.first.release(), Access::read);

  EXPECT_EQ(read(end), "");
  EXPECT_EQ(error, EAGAIN);
  while (write(end, bulk_bytes(65536)) > 0) {
  }
  EXPECT_EQ(error, EAGAIN);
  EXPECT_FALSE(others.is_non_blocking());
}

TEST_F(ByteEndTest, DoesNotOpenAPtyMasterAnewSinceThatWouldMakeAnotherPty) {
  int master = -1;
  int slave = -1;
  ASSERT_EQ(::openpty(&master, &slave, nullptr, nullptr, nullptr), 0);
  const UniqueFd owned_slave(slave);
  ByteEnd end = ByteEnd::inherited(master, Access::write);
  EXPECT_EQ(end.fd(), master);
  EXPECT_FALSE(end.never_blocks());
}

TEST_F(ByteEndTest, NeverBlocksOnAPtyMasterThatNobodyReads) {
  int master = -1;
  int slave = -1;
  ASSERT_EQ(::openpty(&master, &slave, nullptr, nullptr, nullptr), 0);
  const UniqueFd owned_slave(slave);
  ByteEnd end = ByteEnd::inherited(master, Access::write);
  const std::string bytes = bulk_bytes(65536);
  while (write(end, bytes) > 0) {
  }
  EXPECT_EQ(error, EAGAIN);
}

TEST_F(ByteEndTest, NeverBlocksOnATerminalOfAnotherUserThatNobodyReads) {
  int master = -1;
  int slave = -1;
  ASSERT_EQ(::openpty(&master, &slave, nullptr, nullptr, nullptr), 0);
  const UniqueFd owned_master(master);
  ASSERT_EQ(::fchmod(slave, 0), 0);
  const OtherUser other;
  ByteEnd end = ByteEnd::inherited(slave, Access::write);
  EXPECT_EQ(end.fd(), slave);
  const std::string lines(65536, '\n');  // each becomes two bytes
  while (write(end, lines) > 0) {
  }
  EXPECT_EQ(error, EAGAIN);
}

TEST_F(ByteEndTest, KnowsThatMemoryDevicesNeverBlock) {
  for (const char* path : {"/dev/null", "/dev/zero", "/dev/full"}) {
    ByteEnd end = ByteEnd::inherited(::open(path, O_RDWR | O_CLOEXEC), ByteEnd::Access::write);
    EXPECT_TRUE(end.never_blocks()) << path;
  }
}

TEST_F(ByteEndTest, ShutsASocketsWritingDownAndGoesOnReading) {
  SocketPair sockets = unix_pair();
  ByteEnd end = ByteEnd::own(std::move(sockets.first));
  EXPECT_EQ(end.end_writing(), 0);
  std::array<char, 16> space{};
  EXPECT_EQ(::read(sockets.second.get(), space.data(), space.size()), 0);
  write_all(sockets.second.get(), "answer");
  EXPECT_EQ(read(end), "answer");
}

TEST_F(ByteEndTest, ReportsThatASocketCouldNotBeShutDown) {
  UniqueFd unconnected(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  ByteEnd end = ByteEnd::own(std::move(unconnected));
  EXPECT_EQ(end.end_writing(), ENOTCONN);
}

TEST_F(ByteEndTest, LeavesABorrowedDescriptorOpen) {
  const SocketPair sockets = unix_pair();
  ByteEnd end = ByteEnd::borrow(sockets.first.get());
  EXPECT_EQ(end.close(), 0);
  EXPECT_FALSE(end.is_open());
  EXPECT_GE(::fcntl(sockets.first.get(), F_GETFD), 0);
}

TEST_F(ByteEndTest, DiscardsWithoutADescriptor) {
  ByteEnd end = ByteEnd::discard();
  EXPECT_TRUE(end.is_open());
  EXPECT_EQ(end.fd(), -1);
  EXPECT_EQ(write(end, "anything"), 8);
  EXPECT_EQ(read(end), "");
  EXPECT_EQ(error, 0);
  EXPECT_EQ(end.close(), 0);
}

TEST_F(ByteEndTest, ReportsAClosedDescriptorAsAnErrorOfReading) {
  ByteEnd end = ByteEnd::inherited(-1, Access::read);
  EXPECT_FALSE(end.is_open());
  EXPECT_EQ(read(end), "");
  EXPECT_EQ(error, EBADF);
}

}  // namespace
}  // namespace ioa::test

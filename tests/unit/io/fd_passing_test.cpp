#include "ioa/io/fd_passing.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "ioa/base/error.hpp"
#include "ioa/io/stream.hpp"
#include "tests/unit/io/stream_fixture.hpp"

namespace ioa::test {
namespace {

/// Two Streams that pass descriptors to each other.
class FdPassingTest : public StreamTest {
 protected:
  FdPassingTest() {
    sender.set_leaves_when_closed(false);
    receiver.set_leaves_when_closed(false);
  }
  /// The writing end of a pipe whose reading end is `source`.
  static std::vector<UniqueFd> one(UniqueFd fd) {
    std::vector<UniqueFd> fds;
    fds.push_back(std::move(fd));
    return fds;
  }
  static std::vector<UniqueFd> many(std::size_t count) {
    std::vector<UniqueFd> fds;
    for (std::size_t i = 0; i < count; ++i)
      fds.emplace_back(::open("/dev/null", O_WRONLY | O_CLOEXEC));
    return fds;
  }

  Stream& sender = add(std::move(pair.first));
  Stream& receiver = add(std::move(pair.second));
  FdPassing& out = FdPassing::use(sender);
  FdPassing& in = FdPassing::use(receiver);
};

TEST_F(FdPassingTest, ADescriptorArrivesWithItsBytes) {
  SocketPair pipe = pipe_pair();
  out.send(sender, "log\n", one(std::move(pipe.second)));
  EXPECT_EQ(run(receiver.read_line()), "log");
  ASSERT_EQ(in.received(), 1U);
  std::optional<UniqueFd> fd = in.take();
  ASSERT_TRUE(fd);
  EXPECT_TRUE(::fcntl(fd->get(), F_GETFD) & FD_CLOEXEC) << "it would leak into children";
  write_all(fd->get(), "hello");
  fd.reset();
  EXPECT_EQ(read_available(pipe.first.get()), "hello");
  char byte = 0;
  EXPECT_EQ(::read(pipe.first.get(), &byte, 1), 0) << "the sender has kept its copy";
  EXPECT_FALSE(in.take());
  EXPECT_FALSE(in.has_lost());
}

TEST_F(FdPassingTest, PlainBytesGoAlongBothWays) {
  const std::string bytes = pattern(1'000'000);
  sender.write(bytes);
  out.send(sender, "with", many(2));
  sender.write("without");
  EXPECT_TRUE(run(receiver.read_exactly(bytes.size())) == bytes);
  EXPECT_EQ(run(receiver.read_exactly(11)), "withwithout");
  EXPECT_EQ(in.received(), 2U);
  receiver.write("back");
  EXPECT_EQ(run(sender.read_some()), "back");
}

TEST_F(FdPassingTest, WhatIsQueuedKeepsItsPlace) {
  while (sender.pending_bytes() == 0) sender.write(std::string(100'000, 'x'));
  out.send(sender, "first", many(1));
  out.send(sender, "second", many(3));
  std::size_t before_first = 0;
  receiver.on_read([&](Stream&, ByteBuffer& bytes, bool) {
    calls.emplace_back(bytes.view());
    if (in.received() == 0) before_first += bytes.size();
    bytes.clear();
  });
  turn_until(
      loop, [&] { return in.received() == 4; }, "all descriptors");
  EXPECT_GT(before_first, 50'000U) << "they came before their bytes";
  turn_some();
  EXPECT_TRUE(calls.back().ends_with("second"));
}

TEST_F(FdPassingTest, AsManyAsAMessageCarries) {
  out.send(sender, "x", many(kMaxPassedFds));
  EXPECT_EQ(run(receiver.read_some()), "x");
  EXPECT_EQ(in.received(), kMaxPassedFds);
}

TEST_F(FdPassingTest, WhatThereIsNoRoomForIsClosed) {
  FdPassing& small = FdPassing::use(receiver, 3);
  out.send(sender, "a", many(2));
  EXPECT_EQ(run(receiver.read_some()), "a");
  EXPECT_EQ(small.received(), 2U);
  EXPECT_FALSE(small.has_lost());
  SocketPair pipe = pipe_pair();
  std::vector<UniqueFd> fds = many(1);
  fds.push_back(std::move(pipe.second));
  out.send(sender, "b", std::move(fds));
  EXPECT_EQ(run(receiver.read_some()), "b") << "bytes were lost with the descriptors";
  EXPECT_EQ(small.received(), 2U) << "a part of a message";
  EXPECT_TRUE(small.has_lost());
  char byte = 0;
  EXPECT_EQ(::read(pipe.first.get(), &byte, 1), 0) << "a lost descriptor is open somewhere";
}

TEST_F(FdPassingTest, WhatThisProcessHasNoRoomForIsClosedToo) {
  out.send(sender, "abc", many(5));
  turn_some();
  rlimit before{};
  ::getrlimit(RLIMIT_NOFILE, &before);
  const UniqueFd highest(::dup(0));
  rlimit tight = before;
  tight.rlim_cur = static_cast<rlim_t>(highest.get()) + 3;
  ::setrlimit(RLIMIT_NOFILE, &tight);
  std::array<char, 16> space{};
  PassedFds passed;
  const IoResult result = receive_with_fds(receiver.read_fd(), space, passed);
  ::setrlimit(RLIMIT_NOFILE, &before);
  EXPECT_EQ(result.size, 3U);
  EXPECT_TRUE(passed.is_truncated);
  EXPECT_TRUE(passed.fds.empty());
}

TEST_F(FdPassingTest, NothingIsLeftOpenByWhatIsNeverTakenOrSent) {
  out.send(sender, "x", many(2));
  run(receiver.read_some());
  while (sender.pending_bytes() == 0) sender.write(std::string(100'000, 'x'));
  out.send(sender, "y", many(2));
  sender.close_now();
  out.send(sender, "z", many(2));
}  // the fixture counts

TEST_F(FdPassingTest, AFailedWriteClosesThem) {
  SocketPair pipe = pipe_pair();
  sender.on_write_error(note("error"));
  receiver.close_now();
  out.send(sender, "x", one(std::move(pipe.second)));
  turn_some();
  EXPECT_THAT(calls, ElementsAre("error"));
  char byte = 0;
  EXPECT_EQ(::read(pipe.first.get(), &byte, 1), 0);
}

TEST_F(FdPassingTest, TheEndAndHalfCloseAreAsWithoutIt) {
  receiver.set_close_on_read_eof(false);
  receiver.on_read(note_reads());
  out.send(sender, "last", many(1));
  sender.shutdown_write();
  turn_some();
  EXPECT_THAT(calls, ElementsAre("read:last", "eof:"));
  EXPECT_EQ(in.received(), 1U);
  receiver.write("answer");
  EXPECT_EQ(run(sender.read_some()), "answer");
}

TEST_F(FdPassingTest, AnyUnixSocketCanPassThem) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()), 0);
  const UniqueFd first(ends[0]);
  const UniqueFd second(ends[1]);
  const std::array<int, 1> fds{0};
  EXPECT_EQ(send_with_fds(first.get(), "packet", fds).size, 6U);
  std::array<char, 16> space{};
  PassedFds passed;
  EXPECT_EQ(receive_with_fds(second.get(), space, passed).size, 6U);
  EXPECT_EQ(passed.fds.size(), 1U);
  EXPECT_EQ(receive_with_fds(second.get(), space, passed).status, IoResult::Status::blocked);
}

}  // namespace
}  // namespace ioa::test

#include "ioa/io/flow.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <utility>

#include "tests/support/fd_count.hpp"
#include "tests/support/socket_pair.hpp"
#include "tests/unit/io/flow_fixture.hpp"

namespace ioa::test {
namespace {

using Method = Flow::Method;
using State = Flow::State;

void reset(UniqueFd& socket) {
  const linger now{1, 0};
  ::setsockopt(socket.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
  socket.reset();
}

/// For a scope, no descriptor can be opened.
class NoMoreDescriptors {
 public:
  NoMoreDescriptors() {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    const rlimit none{1, before_.rlim_max};  // poll(2) takes no more entries than this
    ::setrlimit(RLIMIT_NOFILE, &none);
  }
  NoMoreDescriptors(const NoMoreDescriptors&) = delete;
  NoMoreDescriptors& operator=(const NoMoreDescriptors&) = delete;
  ~NoMoreDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

/// Two connections, the flow going from one to the other.
class TcpFlowTest : public FlowTest {
 protected:
  TcpFlowTest() {
    SocketPair in = tcp_pair();
    SocketPair out = tcp_pair();
    writer = std::move(in.first);
    reader = std::move(out.first);
    from.emplace(ByteEnd::own(std::move(in.second)));
    to.emplace(ByteEnd::own(std::move(out.second)));
    flow.emplace(loop, *from, *to, pool);
  }
  void start_flow() {
    flow->start([this] { ++changes; });
  }
  /// Turns, with sleeps for the kernel, until `done()`.
  void wait(const std::function<bool()>& done) { test::turn_until(loop, done, "the flow"); }

  UniqueFd writer;
  UniqueFd reader;
  std::optional<ByteEnd> from;
  std::optional<ByteEnd> to;
};

TEST_F(TcpFlowTest, CopiesSmallMessagesAndSplicesBulk) {
  start_flow();
  for (int i = 0; i < 20; ++i) {
    write_all(writer.get(), "a line\n");
    wait([&] { return flow->bytes_written() == 7U * (static_cast<unsigned>(i) + 1); });
    EXPECT_EQ(flow->method(), Method::copy);
  }
  const std::string bulk = bulk_bytes(1 << 20);
  std::size_t fed = 0;
  wait([&] {
    read_available(reader.get());
    const ssize_t size = ::write(writer.get(), bulk.data() + fed, bulk.size() - fed);
    if (size > 0) fed += static_cast<std::size_t>(size);
    return flow->bytes_written() >= bulk.size();
  });
  EXPECT_EQ(flow->method(), Method::splice_through_pipe);
  for (int i = 0; i < 20; ++i) {
    const std::uint64_t before = flow->bytes_written();
    write_all(writer.get(), "a line\n");
    wait([&] { return flow->bytes_written() == before + 7; });
  }
  EXPECT_EQ(flow->method(), Method::copy);
}

// Of a sink that takes nothing: small pieces are copied, bulk is spliced, and either is bounded.
TEST_F(TcpFlowTest, ReadsNoMoreAheadOfItsSinkThanItMay) {
  constexpr std::size_t kBuffer = 50'000;
  flow->limit_buffer(kBuffer);
  start_flow();
  const std::string bulk = bulk_bytes(1 << 20);
  const auto is_stuck = [&] {
    const std::uint64_t before = flow->bytes_written();
    for (int i = 0; i < 20; ++i) {
      static_cast<void>(::write(writer.get(), bulk.data(), bulk.size()));
      loop.turn(std::chrono::milliseconds(1));
    }
    return flow->bytes_written() == before;
  };
  wait(is_stuck);
  EXPECT_EQ(flow->method(), Method::splice_through_pipe);
  EXPECT_GT(flow->bytes_written(), 0U);
  EXPECT_GT(flow->bytes_read(), flow->bytes_written());
  EXPECT_LE(flow->bytes_read() - flow->bytes_written(), kBuffer);
}

TEST_F(TcpFlowTest, HoldsNoPipeWhileNothingMoves) {
  start_flow();
  const std::set<int> before = open_fds();
  const std::string bulk = bulk_bytes(1 << 20);
  std::size_t fed = 0;
  wait([&] {
    read_available(reader.get());
    const ssize_t size = ::write(writer.get(), bulk.data() + fed, bulk.size() - fed);
    if (size > 0) fed += static_cast<std::size_t>(size);
    return flow->bytes_written() >= bulk.size();
  });
  ASSERT_EQ(flow->method(), Method::splice_through_pipe);
  turn_while_busy(loop);
  // The pool has it: another flow can use it.
  const SplicePipe lent = pool.take();
  EXPECT_TRUE(before.count(lent.read_end.get()) == 0);
  EXPECT_EQ(open_fds().size() - before.size(), 3U) << new_fds(before);  // the loop's timerfd too
}

TEST_F(TcpFlowTest, CopiesWhenThereIsNoDescriptorLeftForAPipe) {
  start_flow();
  turn_while_busy(loop);
  loop.turn(std::chrono::milliseconds(1));  // makes the loop's own descriptors
  const NoMoreDescriptors none;

  const std::string bulk = bulk_bytes(3'000'000);
  std::size_t fed = 0;
  std::string arrived;
  wait([&] {
    const ssize_t size = ::write(writer.get(), bulk.data() + fed, bulk.size() - fed);
    if (size > 0) fed += static_cast<std::size_t>(size);
    if (fed == bulk.size()) ::shutdown(writer.get(), SHUT_WR);
    arrived += read_available(reader.get());
    return flow->is_over() && arrived.size() >= bulk.size();
  });
  EXPECT_EQ(flow->state(), State::ended);
  EXPECT_TRUE(arrived == bulk);
}

TEST_F(TcpFlowTest, DeliversWhatCameBeforeAReset) {
  write_all(writer.get(), "last words");
  reset(writer);
  start_flow();
  wait([&] { return flow->is_over(); });
  EXPECT_EQ(flow->state(), State::source_failed);
  EXPECT_EQ(flow->error(), ECONNRESET);
  EXPECT_EQ(read_available(reader.get()), "last words");
}

TEST_F(FlowTest, BlamesTheSourceForItsResetWhateverTheSink) {
  for (const EndKind to : {EndKind::pipe, EndKind::file, EndKind::null, EndKind::terminal}) {
    SocketPair in = tcp_pair();
    ByteEnd from = ByteEnd::own(std::move(in.second));
    sink.emplace(to);
    flow.emplace(loop, from, sink->end(), pool);
    flow->start([] {});
    reset(in.first);
    test::turn_until(
        loop, [&] { return flow->is_over(); }, "the flow");
    EXPECT_EQ(flow->state(), State::source_failed) << "to " << name_of(to);
    EXPECT_EQ(flow->error(), ECONNRESET);
    flow.reset();
  }
}

TEST_F(TcpFlowTest, BlamesTheSinkForItsReset) {
  start_flow();
  reset(reader);
  write_all(writer.get(), "nobody reads this");
  wait([&] { return flow->is_over(); });
  EXPECT_EQ(flow->state(), State::sink_failed);
  EXPECT_EQ(flow->error(), ECONNRESET);
  EXPECT_EQ(flow->bytes_read(), 17U);
  EXPECT_EQ(flow->bytes_written(), 0U);
}

TEST_F(TcpFlowTest, StopsAtOnceWhenNothingIsPending) {
  start_flow();
  write_all(writer.get(), "abc");
  wait([&] { return flow->bytes_written() == 3; });
  flow->stop();
  wait([&] { return flow->is_over(); });
  EXPECT_EQ(flow->state(), State::stopped);
  write_all(writer.get(), "too late");
  turn_while_busy(loop);
  EXPECT_EQ(flow->bytes_read(), 3U);
}

TEST_F(TcpFlowTest, WritesWhatItHasReadBeforeItStops) {
  start_flow();
  const std::string bulk = bulk_bytes(65536);
  std::string arrived;
  // Until both kernels' buffers are full.
  for (int idle = 0; idle < 20;) {
    const ssize_t size = ::write(writer.get(), bulk.data(), bulk.size());
    idle = loop.turn(std::chrono::milliseconds(1)) == 0 && size < 0 ? idle + 1 : 0;
  }
  ASSERT_GT(flow->bytes_read(), flow->bytes_written());
  // The kernel tells of room only when there is much; what little there is goes as well.
  while (::send(to->fd(), bulk.data(), bulk.size(), MSG_DONTWAIT) > 0) {
  }
  flow->stop();
  turn_while_busy(loop);
  EXPECT_FALSE(flow->is_over());
  const std::uint64_t read = flow->bytes_read();
  wait([&] {
    arrived += read_available(reader.get());
    return flow->is_over();
  });
  EXPECT_EQ(flow->state(), State::stopped);
  EXPECT_EQ(flow->bytes_read(), read);
  EXPECT_EQ(flow->bytes_written(), read);
}

TEST_F(TcpFlowTest, DrainsWhatIsReadyAndStopsWhereItWouldWait) {
  start_flow();
  const std::string bytes = bulk_bytes(200'000);
  write_all(writer.get(), bytes);
  flow->drain();
  std::string arrived;
  wait([&] {
    arrived += read_available(reader.get());
    return flow->is_over();
  });
  EXPECT_EQ(flow->state(), State::stopped);
  EXPECT_EQ(flow->bytes_written(), bytes.size());
}

TEST_F(TcpFlowTest, DrainsToTheEndIfThereIsOne) {
  start_flow();
  write_all(writer.get(), "all of it");
  ::shutdown(writer.get(), SHUT_WR);
  flow->drain();
  wait([&] { return flow->is_over(); });
  EXPECT_EQ(flow->state(), State::ended);
  EXPECT_EQ(read_available(reader.get()), "all of it");
}

TEST_F(TcpFlowTest, RestsAfterDrainingWhenTheSourceBecomesReadableAgain) {
  start_flow();
  turn_while_busy(loop);  // it waits for its source now
  flow->drain();
  wait([&] { return flow->is_over(); });
  write_all(writer.get(), "later");
  EXPECT_NO_THROW(turn_while_busy(loop)) << "the loop spins";
  EXPECT_EQ(flow->bytes_read(), 0U);
}

TEST_F(TcpFlowTest, SaysNothingAfterAnAbort) {
  start_flow();
  write_all(writer.get(), "abc");
  flow->abort();
  turn_while_busy(loop);
  EXPECT_EQ(changes, 0);
  EXPECT_TRUE(flow->is_over());
}

TEST_F(TcpFlowTest, MayBeDestroyedByItsCallback) {
  flow->start([this] { flow.reset(); });
  write_all(writer.get(), "abc");
  wait([&] { return !flow.has_value(); });
}

TEST_F(TcpFlowTest, NeverCallsBackInsideStart) {
  write_all(writer.get(), "abc");
  start_flow();
  EXPECT_EQ(changes, 0);
  wait([&] { return flow->bytes_written() == 3; });
  EXPECT_GT(changes, 0);
}

TEST_F(TcpFlowTest, TellsWhatItWaitsFor) {
  start_flow();
  turn_while_busy(loop);
  EXPECT_TRUE(flow->waits_for_source());
  const std::string bulk = bulk_bytes(65536);
  for (int idle = 0; idle < 20;) {
    const ssize_t size = ::write(writer.get(), bulk.data(), bulk.size());
    idle = loop.turn(std::chrono::milliseconds(1)) == 0 && size < 0 ? idle + 1 : 0;
  }
  EXPECT_FALSE(flow->waits_for_source());
}

TEST_F(FlowTest, BlamesTheSinkWhoseReaderHasLeft) {
  for (const EndKind from : {EndKind::file, EndKind::pipe, EndKind::tcp, EndKind::socket_pair}) {
    for (const EndKind to : {EndKind::pipe, EndKind::sealed_pipe, EndKind::socket_pair}) {
      start(from, to, bulk_bytes(500'000));
      sink->leave();
      run_to_end();
      EXPECT_EQ(flow->state(), State::sink_failed) << name_of(from) << " to " << name_of(to);
      EXPECT_EQ(flow->error(), EPIPE);
      flow.reset();
    }
  }
}

TEST_F(FlowTest, BlamesTheSourceThatCannotBeRead) {
  const TempDir dir;
  const std::string path = dir.write("x", "content");
  for (const EndKind to : {EndKind::pipe, EndKind::tcp, EndKind::file}) {
    ByteEnd write_only =
        ByteEnd::inherited(::open(path.c_str(), O_WRONLY | O_CLOEXEC), ByteEnd::Access::read);
    sink.emplace(to);
    flow.emplace(loop, write_only, sink->end(), pool);
    flow->start([] {});
    test::turn_until(
        loop, [&] { return flow->is_over(); }, "the flow");
    EXPECT_EQ(flow->state(), State::source_failed) << "to " << name_of(to);
    EXPECT_EQ(flow->error(), EBADF);
    flow.reset();
  }
}

TEST_F(FlowTest, BlamesTheSourceThatIsADirectory) {
  ByteEnd folder = ByteEnd::inherited(::open("/", O_RDONLY | O_CLOEXEC), ByteEnd::Access::read);
  sink.emplace(EndKind::tcp);
  flow.emplace(loop, folder, sink->end(), pool);
  flow->start([] {});
  test::turn_until(
      loop, [&] { return flow->is_over(); }, "the flow");
  EXPECT_EQ(flow->state(), State::source_failed);
  EXPECT_EQ(flow->error(), EISDIR);
  flow.reset();
}

TEST_F(FlowTest, BlamesTheSinkThatIsFull) {
  for (const EndKind from : {EndKind::file, EndKind::pipe, EndKind::tcp, EndKind::zero}) {
    start(from, EndKind::full, bulk_bytes(300'000));
    run_to_end();
    EXPECT_EQ(flow->state(), State::sink_failed) << name_of(from);
    EXPECT_EQ(flow->error(), ENOSPC);
    EXPECT_EQ(flow->bytes_written(), 0U);
    flow.reset();
  }
}

TEST_F(FlowTest, AddsToAFileFromWhereItsDescriptionStands) {
  const TempDir dir;
  const std::string path = dir.write("out", "before ");
  ByteEnd out =
      ByteEnd::inherited(::open(path.c_str(), O_WRONLY | O_CLOEXEC), ByteEnd::Access::write);
  ::lseek(out.fd(), 0, SEEK_END);
  source.emplace(EndKind::pipe, "and after");
  flow.emplace(loop, source->end(), out, pool);
  flow->start([] {});
  test::turn_until(
      loop,
      [&] {
        source->step(0);
        return flow->is_over();
      },
      "the flow");
  EXPECT_EQ(dir.read("out"), "before and after");
  flow.reset();
}

TEST_F(FlowTest, LeavesTheFileWhereTheNextReaderGoesOn) {
  source.emplace(EndKind::file, "first second");
  ASSERT_EQ(::lseek(source->end().fd(), 6, SEEK_SET), 6);
  sink.emplace(EndKind::pipe);
  flow.emplace(loop, source->end(), sink->end(), pool);
  flow->start([] {});
  run_to_end();
  EXPECT_EQ(sink->arrived(), "second");
  EXPECT_EQ(::lseek(source->end().fd(), 0, SEEK_CUR), 12);
}

class SlowSinkTest : public FlowTest,
                     public ::testing::WithParamInterface<std::pair<EndKind, EndKind>> {};

TEST_P(SlowSinkTest, BoundsMemoryAndLosesNothing) {
  const auto [from, to] = GetParam();
  start(from, to, bulk_bytes(24'000'000));
  source->ends = false;
  run_until_stuck();
  EXPECT_FALSE(flow->is_over());
  // What neither side has is one read, or one pipe, at most.
  EXPECT_LE(flow->bytes_read() - flow->bytes_written(), std::uint64_t{1} << 20);
  EXPECT_LT(flow->bytes_read(), 24'000'000U);
  const std::uint64_t read = flow->bytes_read();
  flow->stop();
  run_to_end();
  EXPECT_EQ(flow->bytes_read(), read);
  EXPECT_EQ(flow->bytes_written(), read);
  turn_until([&] { return sink->arrived().size() >= read; });
  EXPECT_TRUE(sink->arrived() == source->expected().substr(0, read));
}

INSTANTIATE_TEST_SUITE_P(Ends, SlowSinkTest,
                         ::testing::Values(std::pair(EndKind::pipe, EndKind::tcp),
                                           std::pair(EndKind::tcp, EndKind::pipe),
                                           std::pair(EndKind::tcp, EndKind::tcp),
                                           std::pair(EndKind::file, EndKind::pipe),
                                           std::pair(EndKind::zero, EndKind::terminal),
                                           std::pair(EndKind::socket_pair, EndKind::sealed_pipe),
                                           std::pair(EndKind::zero, EndKind::terminal_master),
                                           std::pair(EndKind::tcp, EndKind::inherited_tcp)),
                         [](const auto& pair) {
                           return std::string(name_of(pair.param.first)) + "_to_" +
                                  std::string(name_of(pair.param.second));
                         });

}  // namespace
}  // namespace ioa::test

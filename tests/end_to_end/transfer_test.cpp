// Much, both ways at once: every byte arrives, whatever standard input and output are, and memory
// stays where it was.
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <string>
#include <thread>
#include <tuple>

#include "tests/end_to_end/end_to_end.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/support/test_peer.hpp"

namespace ioa::test {
namespace {

enum class Kind { file, pipe, socket, terminal };
using Where = ScriptedPeer::Where;

std::uint64_t transfer_size() { return std::uint64_t{wants_long_tests() ? 1024U : 64U} << 20; }

/// A stream of bytes that never repeats at the same place of anybody's buffers: its period is
/// prime. Comparing with it says more than a checksum does: where the first difference is.
class Stream {
 public:
  explicit Stream(std::uint64_t seed) : block_(test_bytes(1'048'573, seed)) {}

  /// What comes next, at most `limit` bytes.
  std::string_view next(std::uint64_t offset, std::uint64_t limit) const {
    const auto at = static_cast<std::size_t>(offset % block_.size());
    return std::string_view(block_).substr(
        at, static_cast<std::size_t>(std::min<std::uint64_t>(limit, block_.size())));
  }
  bool matches(std::uint64_t offset, std::string_view bytes) const {
    while (!bytes.empty()) {
      const std::string_view expected = next(offset, bytes.size());
      if (std::memcmp(expected.data(), bytes.data(), expected.size()) != 0) return false;
      offset += expected.size();
      bytes.remove_prefix(expected.size());
    }
    return true;
  }

 private:
  std::string block_;
};

void write_stream(int fd, const Stream& stream, std::uint64_t size) {
  for (std::uint64_t done = 0; done < size;) {
    const std::string_view bytes = stream.next(done, std::min<std::uint64_t>(size - done, 262'144));
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written <= 0) return;
    done += static_cast<std::uint64_t>(written);
  }
}

/// Reads until the end (or so many bytes); returns how many came, or where the first wrong one is,
/// negative.
std::int64_t check_stream(int fd, const Stream& stream, std::uint64_t limit = UINT64_MAX) {
  std::string space(262'144, '\0');
  std::uint64_t done = 0;
  while (done < limit) {
    const ssize_t size =
        ::read(fd, space.data(), std::min<std::uint64_t>(space.size(), limit - done));
    if (size <= 0) break;  // EIO is how a terminal ends
    const std::string_view bytes(space.data(), static_cast<std::size_t>(size));
    if (!stream.matches(done, bytes)) return -static_cast<std::int64_t>(done) - 1;
    done += bytes.size();
  }
  return static_cast<std::int64_t>(done);
}

class TransferTest : public GuardedTest,
                     public ::testing::WithParamInterface<std::tuple<Kind, Kind, Where>> {
 protected:
  /// The program's end of standard input, and who fills it.
  UniqueFd make_input(Kind kind, std::thread& feeder) {
    if (kind == Kind::file) {
      const UniqueFd file = open_to_write(dir / "in");
      write_stream(file.get(), up, size);
      return open_to_read(dir / "in");
    }
    UniqueFd ours;
    UniqueFd theirs;
    if (kind == Kind::terminal) {
      Terminal terminal;
      ours = std::move(terminal.master);
      theirs = std::move(terminal.slave);
      held = copy_of(ours);  // hanging up would throw away what has not been read
    } else {
      SocketPair pair = kind == Kind::pipe ? blocking_pipe() : blocking_sockets();
      theirs = std::move(pair.first);
      ours = std::move(pair.second);
    }
    feeder = std::thread([this, fd = std::move(ours)] { write_stream(fd.get(), up, size); });
    return theirs;
  }

  /// The same for standard output.
  UniqueFd make_output(Kind kind, std::thread& collector) {
    if (kind == Kind::file) return open_to_write(dir / "out");
    UniqueFd ours;
    UniqueFd theirs;
    if (kind == Kind::terminal) {
      Terminal terminal;
      ours = std::move(terminal.master);
      theirs = std::move(terminal.slave);
    } else {
      SocketPair pair = kind == Kind::pipe ? blocking_pipe() : blocking_sockets();
      ours = std::move(pair.first);
      theirs = std::move(pair.second);
    }
    collector =
        std::thread([this, fd = std::move(ours)] { collected = check_stream(fd.get(), down); });
    return theirs;
  }

  const std::uint64_t size = transfer_size();
  const Stream up{1};
  const Stream down{2};
  TempDir dir;
  UniqueFd held;
  std::int64_t at_peer = -1;
  std::int64_t collected = -1;
};

TEST_P(TransferTest, ArrivesWholeBothWaysAtOnce) {
  const auto [in, out, where] = GetParam();
  const bool is_endless = in == Kind::terminal;
  ScriptedPeer peer(
      [&](PeerConnection& connection) {
        std::thread sender([&] { write_stream(connection.fd(), down, size); });
        // A terminal in raw mode has no end: there the peer knows how much is to come.
        at_peer = check_stream(connection.fd(), up, is_endless ? size : UINT64_MAX);
        sender.join();
        connection.half_close();
      },
      where);
  std::thread feeder;
  std::thread collector;
  Process::Stdio stdio;
  stdio.in = make_input(in, feeder);
  stdio.out = make_output(out, collector);
  Process process(ioa(connect_to(peer)), std::move(stdio));
  const RunResult result = process.wait_with_open_stdin(std::chrono::seconds(50));
  peer.finish();
  for (std::thread* thread : {&feeder, &collector})
    if (thread->joinable()) thread->join();
  if (out == Kind::file) collected = check_stream(open_to_read(dir / "out").get(), down);

  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.err, "");
  EXPECT_EQ(at_peer, static_cast<std::int64_t>(size));
  EXPECT_EQ(collected, static_cast<std::int64_t>(size));
}

std::string name_of(Kind kind) {
  constexpr std::array<const char*, 4> kNames{"File", "Pipe", "Socket", "Terminal"};
  return kNames.at(static_cast<std::size_t>(kind));
}

std::string name_of_test(const ::testing::TestParamInfo<std::tuple<Kind, Kind, Where>>& test) {
  return name_of(std::get<0>(test.param)) + name_of(std::get<1>(test.param)) +
         (std::get<2>(test.param) == Where::ipv4 ? "OverTcp" : "OverUnix");
}

INSTANTIATE_TEST_SUITE_P(Alike, TransferTest,
                         ::testing::Values(std::tuple(Kind::file, Kind::file, Where::ipv4),
                                           std::tuple(Kind::pipe, Kind::pipe, Where::ipv4),
                                           std::tuple(Kind::socket, Kind::socket, Where::ipv4),
                                           std::tuple(Kind::terminal, Kind::terminal, Where::ipv4),
                                           std::tuple(Kind::file, Kind::pipe, Where::unix_path),
                                           std::tuple(Kind::pipe, Kind::file, Where::unix_path),
                                           std::tuple(Kind::socket, Kind::pipe, Where::unix_path),
                                           std::tuple(Kind::terminal, Kind::socket,
                                                      Where::unix_path)),
                         name_of_test);

// --- memory --------------------------------------------------------------------------------------

class MemoryTest : public GuardedTest {
 protected:
  static constexpr long kLimitKib = 16 * 1024;

  /// Waits until the program has slept for a while: nothing moves any more.
  static void wait_until_stuck(Process& process) {
    int asleep = 0;
    wait_until([&] { return (asleep = process.is_sleeping() ? asleep + 1 : 0) > 50; },
               "the program to be stuck");
  }
  void expect_small(const Process& process) {
    const long peak = process.peak_memory_kib();
    EXPECT_GT(peak, 0);
    if (is_release_build()) {
      EXPECT_LT(peak, kLimitKib);
    }
  }
  TempDir dir;
};

TEST_F(MemoryTest, IsBoundedWhenThePeerReadsNothing) {
  for (const Where where : {Where::ipv4, Where::unix_path}) {
    ScriptedPeer peer(
        [](PeerConnection& connection) {
          connection.wait_until_told();
          connection.reset();
        },
        where);
    // By copying, which holds bytes in the program's own memory.
    SocketPair in = blocking_sockets();
    std::thread feeder(
        [fd = std::move(in.second)] { write_stream(fd.get(), Stream(1), std::uint64_t{1} << 40); });
    Process::Stdio stdio;
    stdio.in = std::move(in.first);
    Process process(ioa(connect_to(peer)), std::move(stdio));
    wait_until_stuck(process);
    expect_small(process);
    peer.tell();
    EXPECT_EQ(process.wait_with_open_stdin().status, 1);
    feeder.join();
  }
}

TEST_F(MemoryTest, IsBoundedWhenStandardOutputIsNotRead) {
  ScriptedPeer peer([](PeerConnection& connection) {
    write_stream(connection.fd(), Stream(1), std::uint64_t{1} << 40);
  });
  SocketPair out = blocking_sockets();
  Process::Stdio stdio;
  stdio.out = std::move(out.second);
  Process process(ioa(connect_to(peer)), std::move(stdio));
  char byte = 0;
  ASSERT_EQ(::read(out.first.get(), &byte, 1), 1);
  wait_until_stuck(process);
  expect_small(process);
  out.first.reset();
  EXPECT_EQ(process.wait_with_open_stdin().status, 141);
}

TEST_F(MemoryTest, IsBoundedWhileMuchGoesThrough) {
  ScriptedPeer peer([](PeerConnection& connection) {
    write_stream(connection.fd(), Stream(1), std::uint64_t{64} << 20);
    connection.wait_until_told();
  });
  Process::Stdio stdio;
  stdio.out = open_to_write(dir / "out");
  Process process(ioa(connect_to(peer)), std::move(stdio));
  wait_until([&] { return std::filesystem::file_size(dir / "out") == std::uint64_t{64} << 20; },
             "the file to be whole");
  expect_small(process);
  peer.tell();
  EXPECT_EQ(process.wait_with_open_stdin().status, 0);
}

}  // namespace
}  // namespace ioa::test

#include "ioa/io/transport.hpp"

#include <netdb.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <deque>

#include "ioa/base/error.hpp"
#include "ioa/future/promise.hpp"
#include "ioa/io/plain_io.hpp"
#include "ioa/io/stream.hpp"
#include "tests/unit/io/stream_fixture.hpp"

namespace ioa::test {
namespace {

/// A Transport that changes every byte, and whose first results can be scripted.
class Scrambler : public Transport {
 public:
  static constexpr char kKey = 0x55;
  static std::string scramble(std::string bytes) {
    for (char& byte : bytes) byte = static_cast<char>(byte ^ kKey);
    return bytes;
  }

  IoResult read(int fd, std::span<char> space) override {
    ++reads;
    if (auto result = next(read_script)) return *result;
    if (unread.empty()) {
      std::array<char, 4096> chunk{};
      bool is_socket = true;
      const IoResult result = detail::read_descriptor(fd, chunk, is_socket);
      if (result.status != IoResult::Status::done) return result;
      unread = scramble(std::string(chunk.data(), result.size));
    }
    const std::size_t size = std::min({unread.size(), space.size(), std::size_t{3}});
    std::copy_n(unread.begin(), size, space.begin());
    unread.erase(0, size);
    return IoResult::done(size);
  }
  IoResult write(int fd, std::string_view bytes) override {
    ++writes;
    if (auto result = next(write_script)) return *result;
    bool is_socket = true;
    return detail::write_descriptor(fd, scramble(std::string(bytes)), is_socket);
  }
  IoResult shutdown(int fd) override {
    ++shutdowns;
    if (auto result = next(shutdown_script)) return *result;
    bool is_socket = true;
    return detail::write_descriptor(fd, "<end>", is_socket);
  }
  bool has_unread() const noexcept override { return !unread.empty(); }

  std::deque<IoResult> read_script;
  std::deque<IoResult> write_script;
  std::deque<IoResult> shutdown_script;
  int reads = 0;
  int writes = 0;
  int shutdowns = 0;
  std::string unread;

 private:
  static std::optional<IoResult> next(std::deque<IoResult>& script) {
    if (script.empty()) return std::nullopt;
    const IoResult result = script.front();
    script.pop_front();
    return result;
  }
};

class TransportTest : public StreamTest {
 protected:
  TransportTest() {
    auto owned = std::make_unique<Scrambler>();
    transport = owned.get();
    stream.set_transport(std::move(owned));
  }
  Stream& stream = add(std::move(pair.first));
  Scrambler* transport;
};

TEST_F(TransportTest, ReadsAndWritesGoThroughIt) {
  stream.write("hello");
  EXPECT_EQ(received(), Scrambler::scramble("hello"));
  Future<std::optional<Bytes>> read = stream.read_exactly(5);
  send(Scrambler::scramble("world"));
  EXPECT_EQ(run(std::move(read)), "world");
}

TEST_F(TransportTest, WhatItHasReadAheadIsReadWithoutReadiness) {
  Future<std::optional<Bytes>> read = stream.read_exactly(10);
  send(Scrambler::scramble("0123456789abcdef"));
  EXPECT_EQ(run(std::move(read)), "0123456789");
  stream.on_read(note_reads());
  turn_some();
  EXPECT_EQ(transport->unread, "");
  EXPECT_THAT(calls, ElementsAre("read:abcde", "read:f"));
}

TEST_F(TransportTest, WhatItHasReadAheadWaitsWhileReadingIsPaused) {
  stream.on_read([&](Stream& self, ByteBuffer& in, bool) {
    calls.emplace_back(in.view());
    in.clear();
    self.pause_reading();
  });
  send_now(Scrambler::scramble("abcdef"));
  EXPECT_THAT(calls, ElementsAre("abc"));
  stream.resume_reading();
  turn_some();
  EXPECT_THAT(calls, ElementsAre("abc", "def"));
}

TEST_F(TransportTest, ReadingMayWaitForReadinessToWrite) {
  transport->read_script = {IoResult::blocked(IoEvent::write)};
  Future<std::optional<Bytes>> read = stream.read_some();
  fill(stream.write_fd());
  send(Scrambler::scramble("abc"));
  turn_some();
  EXPECT_EQ(transport->reads, 1) << "it spins on readiness that does not help";
  EXPECT_EQ(loop.turn(Duration::zero()), 0U);
  received();
  EXPECT_EQ(run(std::move(read)), "abc");
}

TEST_F(TransportTest, WritingMayWaitForReadinessToRead) {
  transport->write_script = {IoResult::blocked(IoEvent::read)};
  Future<> done = stream.write_done("abc");
  turn_some();
  EXPECT_EQ(transport->writes, 1);
  EXPECT_EQ(loop.turn(Duration::zero()), 0U);
  stream.write("def");
  EXPECT_EQ(stream.pending_bytes(), 6U);
  EXPECT_EQ(loop.turn(Duration::zero()), 0U);
  send("x");
  run(std::move(done));
  EXPECT_EQ(received(), Scrambler::scramble("abcdef"));
}

TEST_F(TransportTest, ClosingWaitsForReadinessToReadIfWritingDoes) {
  transport->write_script = {IoResult::blocked(IoEvent::read)};
  stream.write("abc");
  Future<> closed = stream.closed();
  stream.close();
  EXPECT_FALSE(settles(closed));
  send("x");
  run(std::move(closed));
  EXPECT_EQ(received(), Scrambler::scramble("abc") + "<end>");
}

TEST_F(TransportTest, BothMayWaitTheOtherWayRound) {
  transport->read_script = {IoResult::blocked(IoEvent::write), IoResult::blocked(IoEvent::read)};
  transport->write_script = {IoResult::blocked(IoEvent::read), IoResult::blocked(IoEvent::write)};
  stream.on_read(note_reads());
  Future<> done = stream.write_done("abc");
  send(Scrambler::scramble("xyz"));
  run(std::move(done));
  turn_some();
  EXPECT_THAT(calls, ElementsAre("read:xyz"));
  EXPECT_EQ(received(), Scrambler::scramble("abc"));
  EXPECT_EQ(loop.turn(Duration::zero()), 0U);
}

TEST_F(TransportTest, BothMayWaitForReadinessToWrite) {
  transport->read_script = {IoResult::blocked(IoEvent::write)};
  transport->write_script = {IoResult::blocked(IoEvent::write)};
  fill(stream.write_fd());
  Future<std::optional<Bytes>> read = stream.read_some();
  send(Scrambler::scramble("xyz"));
  turn_some();
  Future<> done = stream.write_done("abc");
  turn_some();
  EXPECT_EQ(transport->reads, 1);
  EXPECT_EQ(transport->writes, 1);
  EXPECT_EQ(loop.turn(Duration::zero()), 0U);
  received();
  EXPECT_EQ(run(std::move(read)), "xyz");
  run(std::move(done));
  EXPECT_EQ(received(), Scrambler::scramble("abc"));
  turn_some();
  EXPECT_EQ(loop.turn(Duration::zero()), 0U);
}

TEST_F(TransportTest, BothMayWaitForReadinessToRead) {
  transport->read_script = {IoResult::blocked(IoEvent::read)};
  transport->write_script = {IoResult::blocked(IoEvent::read)};
  stream.on_read(note_reads());
  Future<> done = stream.write_done("abc");
  turn_some();
  EXPECT_EQ(transport->reads, 0);
  EXPECT_EQ(transport->writes, 1);
  EXPECT_EQ(loop.turn(Duration::zero()), 0U);
  send(Scrambler::scramble("xyz"));
  run(std::move(done));
  turn_some();
  EXPECT_EQ(transport->reads, 2);
  EXPECT_THAT(calls, ElementsAre("read:xyz"));
  EXPECT_EQ(received(), Scrambler::scramble("abc"));
  EXPECT_EQ(loop.turn(Duration::zero()), 0U);
}

TEST_F(TransportTest, AFutureAmongWhatIsWrittenDoesNotDisturbAReadThatWaitsToWrite) {
  transport->read_script = {IoResult::blocked(IoEvent::write)};
  fill(stream.write_fd());
  Future<std::optional<Bytes>> read = stream.read_some();
  send(Scrambler::scramble("xyz"));
  turn_some();
  Promise<Bytes> promise;
  stream.write(promise.future());
  turn_some();
  EXPECT_EQ(transport->reads, 1);
  received();
  EXPECT_EQ(run(std::move(read)), "xyz");
  EXPECT_EQ(loop.turn(Duration::zero()), 0U);
  promise.done("abc");
  turn_some();
  EXPECT_EQ(received(), Scrambler::scramble("abc"));
}

TEST_F(TransportTest, SeveralBuffersGoThroughIt) {
  const std::vector<std::string_view> parts = {"one", "two"};
  stream.write_gathered(parts);
  EXPECT_EQ(received(), Scrambler::scramble("onetwo"));
}

TEST_F(TransportTest, ShuttingDownSaysSoThroughIt) {
  transport->write_script = {IoResult::blocked(IoEvent::write)};
  transport->shutdown_script = {IoResult::blocked(IoEvent::read),
                                IoResult::blocked(IoEvent::write)};
  stream.write("abc");
  stream.shutdown_write();
  turn_some();
  EXPECT_EQ(transport->shutdowns, 1);
  EXPECT_EQ(received(), Scrambler::scramble("abc"));
  send("x");
  turn_some();
  EXPECT_EQ(transport->shutdowns, 3);
  EXPECT_EQ(received(), "<end>");
  char byte = 0;
  EXPECT_EQ(::read(pair.second.get(), &byte, 1), 0);
}

TEST_F(TransportTest, ClosingSaysSoThroughIt) {
  stream.write("abc");
  stream.close();
  EXPECT_EQ(received(), Scrambler::scramble("abc") + "<end>");
}

TEST_F(TransportTest, AnErrorKeepsItsDomain) {
  transport->write_script = {IoResult::failed(std::error_code(EAI_NONAME, gai_category()))};
  std::optional<Error> told;
  stream.on_write_error([&](Stream&, const Error& error) { told = error; });
  stream.write("abc");
  turn_some();
  ASSERT_TRUE(told);
  EXPECT_EQ(told->code().category(), gai_category());
}

TEST_F(TransportTest, AfterAReadErrorItIsAskedAgainOnlyOnRequest) {
  const IoResult failed = IoResult::failed(std::error_code(EIO, std::system_category()));
  transport->read_script = {failed, failed};
  stream.on_read(note_reads());
  stream.on_read_error(note("error"));
  send_now("x");
  stream.on_read(note_reads());
  turn_some();
  EXPECT_EQ(transport->reads, 1);
  Future<std::optional<Bytes>> again = stream.read_some();
  turn_some();
  EXPECT_EQ(transport->reads, 2);
  EXPECT_TRUE(failure(std::move(again)));
  EXPECT_THAT(calls, ElementsAre("error", "error"));
}

TEST_F(TransportTest, AfterAWriteErrorItIsNotAskedAgain) {
  transport->write_script = {IoResult::blocked(IoEvent::write)};
  stream.on_write_error(note("error"));
  run(stream.write_done("a"));
  EXPECT_EQ(received(), Scrambler::scramble("a"));
  // Readiness to write may still be asked for, from before.
  transport->write_script = {IoResult::failed(std::error_code(EIO, std::system_category()))};
  stream.write("b");
  turn_some();
  EXPECT_THAT(calls, ElementsAre("error"));
  EXPECT_EQ(transport->writes, 3);
}

TEST_F(TransportTest, BecomesWritableBelowTheLowMarkExactly) {
  transport->write_script = {IoResult::blocked(IoEvent::write), IoResult::done(6),
                             IoResult::done(1), IoResult::blocked(IoEvent::write)};
  stream.set_write_marks(4, 10);
  stream.on_writable(note("writable"));
  stream.write("0123456789");
  EXPECT_FALSE(stream.is_writable());
  loop.turn(Duration::zero());
  EXPECT_EQ(stream.pending_bytes(), 4U);
  EXPECT_FALSE(stream.is_writable());
  loop.turn(Duration::zero());
  EXPECT_EQ(stream.pending_bytes(), 3U);
  EXPECT_TRUE(stream.is_writable());
  EXPECT_THAT(calls, ElementsAre("writable"));
}

TEST_F(TransportTest, ItCanBeTakenUpOnAnOpenStream) {
  stream.set_transport(nullptr);
  stream.write("plain ");
  Future<std::optional<Bytes>> read = stream.read_some();
  send("plain");
  EXPECT_EQ(run(std::move(read)), "plain");
  stream.set_transport(std::make_unique<Scrambler>());
  stream.write("secret");
  EXPECT_EQ(received(), "plain " + Scrambler::scramble("secret"));
}

}  // namespace
}  // namespace ioa::test

// Handlers that throw where something is still to follow.
#include <gmock/gmock.h>
#include <sys/socket.h>

#include <cerrno>
#include <stdexcept>
#include <string>

#include "ioa/base/error.hpp"
#include "tests/unit/io/stream_fixture.hpp"

namespace ioa::test {
namespace {

using ::testing::ElementsAre;

class StreamThrowTest : public StreamTest {
 protected:
  Stream& stream = add(std::move(pair.first));

  /// A Stream whose reader is gone.
  Stream& add_broken() {
    SocketPair pipe = pipe_pair();
    Stream& writer = add(UniqueFd(), std::move(pipe.second));
    writer.set_leaves_when_closed(false);
    return writer;
  }
  auto throwing(std::string name) {
    return [this, name](Stream&) {
      calls.push_back(name);
      throw std::runtime_error(name);
    };
  }
  /// Turns until nothing happens; what was thrown is in `calls` as well.
  void turn_all() {
    for (int i = 0; i < 10; ++i) {
      try {
        loop.turn(Duration::zero());
      } catch (const std::exception& error) {
        calls.push_back(std::string("thrown ") + error.what());
      }
    }
  }
};

TEST_F(StreamThrowTest, AThrowingOnWriteEofSkipsNeitherFuturesNorHandlerNorTheEnd) {
  Stream& writer = add_broken();
  writer.on_write_eof(throwing("eof"));
  Future<> done = writer.write_done("x");
  writer.on_closed([&](Stream&) { calls.emplace_back("closed"); });
  turn_all();
  EXPECT_THAT(calls, ElementsAre("eof", "thrown eof", "closed"));
  const std::optional<Error> error = failure(std::move(done));
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code().value(), EPIPE) << "not abandoned";
}

TEST_F(StreamThrowTest, AThrowingOnWriteEofIsFollowedByOnWriteError) {
  Stream& writer = add_broken();
  writer.on_write_eof(throwing("eof"));
  writer.on_write_error([&](Stream&, const Error&) { calls.emplace_back("error"); });
  writer.write("x");
  turn_all();
  EXPECT_THAT(calls, ElementsAre("eof", "thrown eof", "error"));
  EXPECT_TRUE(writer.is_open());
}

TEST_F(StreamThrowTest, OpenedAnewInAThrowingOnWriteEofItHearsNothingOfTheFailure) {
  Stream& writer = add_broken();
  SocketPair fresh = unix_pair();
  writer.on_write_eof([&](Stream& self) {
    self.set_handle(std::move(fresh.first));
    throw std::runtime_error("eof");
  });
  writer.on_write_error([&](Stream&, const Error&) { calls.emplace_back("error"); });
  writer.write("x");
  turn_all();
  EXPECT_THAT(calls, ElementsAre("thrown eof"));
  writer.write("y");
  turn_all();
  EXPECT_EQ(read_available(fresh.second.get()), "y");
}

TEST_F(StreamThrowTest, AThrowingOnWriteErrorOfAClosingStreamStillEndsIt) {
  Stream& writer = add_broken();
  writer.on_write_error([&](Stream&, const Error&) -> void { throw std::runtime_error("error"); });
  writer.on_closed([&](Stream&) { calls.emplace_back("closed"); });
  writer.write("x");
  writer.close();
  turn_all();
  EXPECT_FALSE(writer.is_open());
}

TEST_F(StreamThrowTest, AThrowingOnWriteErrorIsToldOnceAndLeavesItOpen) {
  Stream& writer = add_broken();
  writer.on_write_error([&](Stream&, const Error&) {
    calls.emplace_back("error");
    throw std::runtime_error("error");
  });
  writer.write("x");
  turn_all();
  EXPECT_THAT(calls, ElementsAre("error", "thrown error"));
  EXPECT_TRUE(writer.is_open());
}

TEST_F(StreamThrowTest, AThrowingOnOutgoingEmptyDoesNotKeepAClosingStreamOpen) {
  stream.set_leaves_when_closed(false);
  stream.on_outgoing_empty(throwing("empty"));
  stream.write(std::string(fill(stream.write_fd()) + 1000, 'x'));
  stream.close();
  EXPECT_TRUE(stream.is_closing());
  for (int i = 0; i < 100 && stream.is_open(); ++i) {
    received();
    turn_all();
  }
  EXPECT_FALSE(stream.is_open());
  EXPECT_THAT(calls, ElementsAre("empty", "thrown empty"));
}

TEST_F(StreamThrowTest, AThrowingOnWritableSkipsNothing) {
  stream.set_write_marks(1, 2);
  stream.on_writable(throwing("writable"));
  stream.on_outgoing_empty([&](Stream&) { calls.emplace_back("empty"); });
  stream.write(std::string(fill(stream.write_fd()) + 1000, 'x'));
  stream.shutdown_write();
  for (int i = 0; i < 100 && calls.size() < 3; ++i) {
    received();
    turn_all();
  }
  EXPECT_THAT(calls, ElementsAre("writable", "thrown writable", "empty"));
  received();
  char byte = 0;
  EXPECT_EQ(::recv(pair.second.get(), &byte, 1, MSG_DONTWAIT), 0) << "the end was said";
}

}  // namespace
}  // namespace ioa::test

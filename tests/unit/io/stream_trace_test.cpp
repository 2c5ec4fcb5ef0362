#include <gtest/gtest.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <vector>

#include "ioa/base/event_sink.hpp"
#include "ioa/loop/notifier_text.hpp"
#include "tests/support/recording_sink.hpp"
#include "tests/unit/io/stream_fixture.hpp"

namespace ioa {
namespace {

using test::ElementsAre;

/// Keeps each step as "level subject: text|bytes".
class TraceSink final : public EventSink {
 public:
  void event(std::string_view, std::span<const EventField>) override {}
  bool wants_trace() const noexcept override { return true; }
  void trace(const TraceStep& step) override {
    std::string line = std::to_string(step.level) + " " + std::string(step.subject) + ": " +
                       std::string(step.text);
    if (step.direction == TraceStep::Bytes::read) line += "<" + std::string(step.bytes);
    if (step.direction == TraceStep::Bytes::written) line += ">" + std::string(step.bytes);
    lines.push_back(std::move(line));
  }
  std::vector<std::string> lines;
};

class StreamTraceTest : public test::StreamTest {
 protected:
  StreamTraceTest() { loop.set_event_sink(&sink); }
  ~StreamTraceTest() override { loop.set_event_sink(nullptr); }

  /// The steps so far, the Stream's descriptor as "N".
  std::vector<std::string> steps(int fd) {
    const std::string number = std::to_string(fd);
    std::vector<std::string> lines = std::exchange(sink.lines, {});
    for (std::string& line : lines) {
      const auto found = line.find("rw=" + number);
      if (found != std::string::npos) line.replace(found + 3, number.size(), "N");
    }
    return lines;
  }

  TraceSink sink;
};

TEST_F(StreamTraceTest, TellsOfReadingWritingAndEvents) {
  const int fd = pair.first.get();
  Stream& stream = add(std::move(pair.first));
  stream.set_name("client");
  stream.on_read(note_reads());
  send_now("hello");
  stream.write("abc");
  EXPECT_THAT(steps(fd), ElementsAre("1 Stream{client,rw=N}: READ 5 bytes<hello",
                                     "1 Stream{client,rw=N}: EVENT on_read",
                                     "1 Stream{client,rw=N}: WRITE 3 bytes>abc"));
  received();
  end();
  turn_some();
  EXPECT_THAT(steps(fd),
              ElementsAre("1 Stream{client,rw=N}: READ-EOF", "1 Stream{client,rw=N}: EVENT on_read",
                          "2 Stream{client}: EVENT Handle::on_closed"));
}

TEST_F(StreamTraceTest, TellsOfFailures) {
  const int fd = pair.first.get();
  Stream& stream = add(std::move(pair.first));
  stream.on_write_error([](Stream&, const Error&) {});
  end();
  stream.write("abc");
  turn_some();
  EXPECT_THAT(steps(fd), ElementsAre("1 Stream{rw=N}: WRITE-EOF"));
}

TEST_F(StreamTraceTest, IsSilentOutsideALoop) {
  Stream stream(std::move(pair.first));
  stream.write("abc");
  stream.close_now();
  EXPECT_THAT(sink.lines, ElementsAre());
}

class StreamMetricsTest : public test::StreamTest {};

TEST_F(StreamMetricsTest, TheLoopCountsTheBytesOfItsStreams) {
  Stream& stream = add(std::move(pair.first));
  stream.on_read(note_reads());
  send_now("hello");
  stream.write("abc");
  const std::string much = test::pattern(1 << 20);
  stream.write(much);
  while (stream.pending_bytes() > 0) {
    received();
    loop.turn(Duration::zero());
  }
  EXPECT_EQ(loop.metrics().stream_bytes_read, 5U);
  EXPECT_EQ(loop.metrics().stream_bytes_written, 3U + much.size());
}

class HandleTextTest : public test::StreamTest {};

TEST_F(HandleTextTest, ShowsItsDescriptors) {
  const std::string number = std::to_string(pair.first.get());
  const std::string other = std::to_string(pair.second.get());
  EXPECT_EQ(Handle().describe(), "");
  EXPECT_EQ(notifier_text(Handle()), "Handle");
  Handle both(UniqueFd(::dup(pair.first.get())));
  EXPECT_EQ(both.describe(), "rw=" + std::to_string(both.read_fd()));
  Handle halves(std::move(pair.first), std::move(pair.second));
  EXPECT_EQ(halves.describe(), "r=" + number + ",w=" + other);
  halves.set_name("relay");
  EXPECT_EQ(notifier_text(halves), "Handle{relay,r=" + number + ",w=" + other + "}");
  halves.close_read();
  EXPECT_EQ(halves.describe(), "w=" + other);
  halves.set_handles(UniqueFd(::dup(halves.write_fd())), UniqueFd());
  EXPECT_EQ(halves.describe(), "r=" + std::to_string(halves.read_fd()));
}

TEST_F(HandleTextTest, ASlowCallbackNamesItsNotifier) {
  test::RecordingSink slow;
  loop.set_event_sink(&slow);
  loop.set_slow_callback_limit(std::chrono::nanoseconds(0));
  const std::string number = std::to_string(pair.first.get());
  Stream& stream = add(std::move(pair.first));
  stream.on_read(note_reads());
  send("x");
  loop.turn();
  loop.set_slow_callback_limit(std::nullopt);
  loop.set_event_sink(nullptr);
  EXPECT_THAT(slow.lines("callback.slow kind=descriptor"),
              ElementsAre("callback.slow kind=descriptor descriptor=" + number +
                          " notifier=Stream{rw=" + number + "} duration_ms=* limit_ms=*"));
}

}  // namespace
}  // namespace ioa

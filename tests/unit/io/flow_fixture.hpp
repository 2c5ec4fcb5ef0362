#pragma once

#include <csignal>
#include <functional>
#include <optional>

#include "ioa/io/flow.hpp"
#include "tests/support/loop_fixture.hpp"
#include "tests/unit/io/end_kinds.hpp"

namespace ioa::test {

/// A flow between two ends of chosen kinds on a real loop.
class FlowTest : public RealLoopTest {
 protected:
  FlowTest() { std::signal(SIGPIPE, SIG_IGN); }
  ~FlowTest() override { std::signal(SIGPIPE, SIG_DFL); }

  void start(EndKind from, EndKind to, std::string bytes) {
    source.emplace(from, std::move(bytes));
    sink.emplace(to);
    flow.emplace(loop, source->end(), sink->end(), pool);
    flow->start([this] { ++changes; });
  }

  /// Feeds and collects between turns until `done()`; throws if the test stalls.
  void turn_until(const std::function<bool()>& done, bool collect = true) {
    const auto limit = Clock::now() + kStallLimit;
    while (!done()) {
      if (Clock::now() > limit) throw std::runtime_error("the flow stalls");
      source->step(flow->bytes_read());
      if (collect) sink->step();
      loop.turn(std::chrono::milliseconds(2));
    }
  }
  void run_to_end() {
    turn_until([this] { return flow->is_over(); });
  }

  /// Turns until nothing moves any more, the sink's reader being asleep.
  void run_until_stuck() {
    std::uint64_t before = 0;
    int same = 0;
    turn_until(
        [&] {
          const std::uint64_t now = flow->bytes_read() + source->fed();
          same = now == before ? same + 1 : 0;
          before = now;
          return same > 5;
        },
        false);
  }

  PipePool pool;
  std::optional<TestSource> source;
  std::optional<TestSink> sink;
  std::optional<Flow> flow;
  int changes = 0;
};

}  // namespace ioa::test

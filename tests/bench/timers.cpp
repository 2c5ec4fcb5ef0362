// timers_fire: one-shot timers due within a second are made, and all of them fire.
// timers_cancel: timers are made, and disarmed in the same order.
// timers_reset: idle timeouts of many connections, each moved on again and again.
#include <chrono>
#include <cstddef>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "ioa/libevent/libevent_backend.hpp"
#include "ioa/loop/loop.hpp"
#include "tests/bench/bench.hpp"

namespace {

using namespace std::chrono_literals;

/// How late timers fire, against the time at which they were made; every 16th is looked at.
class Lateness {
 public:
  explicit Lateness(bool is_on) : is_on_(is_on) {}

  void made(long index, unsigned due_us) {
    if (is_on_ && index % 16 == 0) due_.push_back(bench::now_ns() + std::uint64_t{1000} * due_us);
  }
  void fired(long index) {
    if (!is_on_ || index % 16 != 0) return;
    const std::uint64_t now = bench::now_ns();
    const std::uint64_t due = due_[static_cast<std::size_t>(index / 16)];
    late_.add(now > due ? now - due : 0);
  }
  const bench::Histogram& late() const { return late_; }

 private:
  bool is_on_;
  std::vector<std::uint64_t> due_;
  bench::Histogram late_;
};

/// Timers in one block of memory, made one by one: they do not move.
class Timers {
 public:
  explicit Timers(long most)
      : size_(static_cast<std::size_t>(most)), begin_(allocator_.allocate(size_)), end_(begin_) {}
  Timers(const Timers&) = delete;
  Timers& operator=(const Timers&) = delete;
  ~Timers() {
    std::destroy(begin_, end_);
    allocator_.deallocate(begin_, size_);
  }

  template <class F>
  ioa::TimeWatch& add(ioa::Loop& loop, F&& callback) {
    return *std::construct_at(end_++, loop.timers(), std::forward<F>(callback));
  }
  ioa::TimeWatch* begin() { return begin_; }
  ioa::TimeWatch* end() { return end_; }

 private:
  std::allocator<ioa::TimeWatch> allocator_;
  std::size_t size_;
  ioa::TimeWatch* begin_;
  ioa::TimeWatch* end_;
};

void fire(const bench::Arguments& arguments, ioa::Loop& loop) {
  struct Work {
    explicit Work(const bench::Arguments& asked) : lateness(!asked.sleeps_first), left(asked.n) {}
    Lateness lateness;
    long left;
  } work(arguments);
  bench::DueTimes due_times;
  bench::StopWatch watch;
  watch.start();
  Timers timers(arguments.n);
  loop.refresh_now();
  for (long i = 0; i < arguments.n; ++i) {
    const unsigned due = due_times.next_us();
    work.lateness.made(i, due);
    auto callback = [&work, i] {
      --work.left;
      work.lateness.fired(i);
    };
    timers.add(loop, callback).arm(loop.now() + std::chrono::microseconds(due));
  }
  const double inserted = watch.cpu_so_far();
  if (arguments.sleeps_first) std::this_thread::sleep_for(1020ms);
  while (work.left > 0) loop.turn();
  watch.stop();
  bench::Report(arguments, watch)
      .by_cpu_time()
      .add("insert_cpu_s", inserted, 4)
      .add("late_p50_us", work.lateness.late().quantile_us(0.5))
      .add("late_p99_us", work.lateness.late().quantile_us(0.99));
}

void cancel(const bench::Arguments& arguments, ioa::Loop& loop) {
  long fired = 0;
  bench::DueTimes due_times;
  bench::StopWatch watch;
  watch.start();
  Timers timers(arguments.n);
  loop.refresh_now();
  for (long i = 0; i < arguments.n; ++i) {
    const auto due = loop.now() + 1s + std::chrono::microseconds(due_times.next_us());
    timers.add(loop, [&fired] { ++fired; }).arm(due);
  }
  for (ioa::TimeWatch& timer : timers) timer.disarm();
  watch.stop();
  const bench::Report report(arguments, watch);
}

void reset(const bench::Arguments& arguments, ioa::Loop& loop) {
  constexpr auto kTimeout = 30s;
  long fired = 0;
  Timers timers(arguments.connections);
  loop.refresh_now();
  for (long i = 0; i < arguments.connections; ++i)
    timers.add(loop, [&fired] { ++fired; }).arm(loop.now() + kTimeout);
  bench::StopWatch watch;
  watch.start();
  ioa::TimeWatch* timer = timers.begin();
  for (long i = 0; i < arguments.n; ++i) {
    if (i % 64 == 0) loop.refresh_now();
    timer->arm(loop.now() + kTimeout);
    if (++timer == timers.end()) timer = timers.begin();
  }
  watch.stop();
  const bench::Report report(arguments, watch);
}

}  // namespace

int main(int argc, char** argv) {
  bench::Arguments arguments = bench::parse(argc, argv, {1'000'000, 1, 10'000});
  ioa::Loop loop(ioa::LibeventBackend::create());
  if (arguments.name == "timers_fire")
    fire(arguments, loop);
  else if (arguments.name == "timers_cancel")
    cancel(arguments, loop);
  else
    reset(arguments, loop);
  return 0;
}

// coro_call: a coroutine awaits another one that returns at once.
// future_loop: a coroutine awaits the next turn of the loop, again and again.
// future_ready, future_then, future_pending: a Future that has its result is made and read; one
// with a then(); one that gets its result only after the then().
#include <functional>
#include <map>
#include <string>
#include <utility>

#include "ioa/future/promise.hpp"
#include "ioa/future/ready_queue.hpp"
#include "ioa/libevent/libevent_backend.hpp"
#include "ioa/loop/loop.hpp"
#include "tests/bench/bench.hpp"

namespace {

/// Has the compiler believe that `value` is used, and anything in memory changed.
template <class T>
void keep(T& value) {
  asm volatile("" : : "r"(&value) : "memory");
}

[[gnu::noinline]] ioa::Future<int> leaf(int i) { co_return i + 1; }

ioa::Future<int> call_leaf(long n) {
  int sum = 0;
  for (long i = 0; i < n; ++i) {
    const int value = co_await leaf(static_cast<int>(i));
    sum += value;
  }
  co_return sum;
}

void coro_call(long n) {
  const ioa::ReadyQueue queue;
  int sum = call_leaf(n).get();
  keep(sum);
}

ioa::Future<> hop(ioa::Loop& loop, long n) {
  for (long i = 0; i < n; ++i) co_await loop.next_turn();
}

void future_loop(long n) {
  ioa::Loop loop(ioa::LibeventBackend::create());
  loop.run(hop(loop, n));
}

[[gnu::noinline]] ioa::Future<int> resolved(int i) { return ioa::Future<int>::resolved(i); }

void future_ready(long n) {
  const ioa::ReadyQueue queue;
  long sum = 0;
  for (long i = 0; i < n; ++i) {
    ioa::Future<int> future = resolved(static_cast<int>(i));
    sum += future.get();
  }
  keep(sum);
}

// Reactions are queued, so they run when the queue is drained, as a Loop does once a turn.
constexpr std::size_t kAll = 1000;

void future_then(long n) {
  ioa::ReadyQueue queue;
  long sum = 0;
  for (long i = 0; i < n; ++i) {
    ioa::Future<int> next = resolved(static_cast<int>(i)).then([](int x) { return x + 1; });
    queue.drain(kAll);
    sum += next.get();
  }
  keep(sum);
}

void future_pending(long n) {
  ioa::ReadyQueue queue;
  long sum = 0;
  for (long i = 0; i < n; ++i) {
    ioa::Promise<int> promise;
    keep(promise);
    ioa::Future<int> next = promise.future().then([](int x) { return x + 1; });
    promise.done(static_cast<int>(i));
    queue.drain(kAll);
    sum += next.get();
  }
  keep(sum);
}

}  // namespace

int main(int argc, char** argv) {
  const bench::Arguments arguments = bench::parse(argc, argv, {1'000'000});
  const std::map<std::string, void (*)(long)> benches{{"coro_call", coro_call},
                                                      {"future_loop", future_loop},
                                                      {"future_ready", future_ready},
                                                      {"future_then", future_then},
                                                      {"future_pending", future_pending}};
  const auto& work = benches.at(arguments.name);
  bench::StopWatch watch;
  watch.start();
  work(arguments.n);
  watch.stop();
  const bench::Report report(arguments, watch);
  return 0;
}

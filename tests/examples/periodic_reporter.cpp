// Prints a line every so many milliseconds, so many times; the work between two lines does not make
// the next one late.
//     periodic_reporter [MILLISECONDS [COUNT]]
#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "ioa/libevent/libevent_backend.hpp"
#include "ioa/loop/loop.hpp"
#include "ioa/loop/timeout.hpp"

namespace {

ioa::Future<> report(ioa::Loop& loop, std::chrono::milliseconds interval, int count) {
  const ioa::TimePoint began = loop.now();
  for (int i = 1; i <= count; ++i) {
    co_await ioa::sleep_until(loop, began + i * interval);
    const auto passed = std::chrono::duration_cast<std::chrono::milliseconds>(loop.now() - began);
    std::printf("report %d after %lld ms\n", i, static_cast<long long>(passed.count()));
  }
}

}  // namespace

int main(int argc, char** argv) {
  std::setvbuf(stdout, nullptr, _IOLBF, BUFSIZ);
  const long milliseconds = argc > 1 ? std::atol(argv[1]) : 1000;
  const int count = argc > 2 ? std::atoi(argv[2]) : 10;
  if (milliseconds <= 0 || count < 0) {
    std::fprintf(stderr, "usage: periodic_reporter [MILLISECONDS [COUNT]]\n");
    return 64;
  }
  ioa::Loop loop(ioa::LibeventBackend::create());
  loop.run(report(loop, std::chrono::milliseconds(milliseconds), count));
}

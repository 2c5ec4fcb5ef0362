// post, post_chain: deferred calls, each of which defers the next one, 1,000 or one of them
// outstanding. Variants: none, Loop::later() with a closure; "watch", a DeferredCall each.
#include <deque>

#include "ioa/libevent/libevent_backend.hpp"
#include "ioa/loop/loop.hpp"
#include "tests/bench/bench.hpp"

namespace {

struct Work {
  ioa::Loop& loop;
  long left;         // to be deferred
  long outstanding;  // to be run
};

struct Again {
  Work* work;
  void operator()() const {
    if (work->left > 0) {
      --work->left;
      work->loop.later(*this);
    } else if (--work->outstanding == 0) {
      work->loop.stop();
    }
  }
};

class Watch {
 public:
  explicit Watch(Work& work) : work_(work), call_(work.loop, [this] { run(); }) {
    call_.schedule();
  }

 private:
  void run() {
    if (work_.left > 0) {
      --work_.left;
      call_.schedule();
    } else if (--work_.outstanding == 0) {
      work_.loop.stop();
    }
  }

  Work& work_;
  ioa::DeferredCall call_;
};

}  // namespace

int main(int argc, char** argv) {
  bench::Arguments arguments = bench::parse(argc, argv, {1'000'000, 1000});
  if (arguments.name == "post_chain") arguments.window = 1;
  ioa::Loop loop(ioa::LibeventBackend::create());
  Work work{loop, arguments.n - arguments.window, arguments.window};
  std::deque<Watch> watches;
  bench::StopWatch watch;
  watch.start();
  for (long i = 0; i < arguments.window; ++i) {
    if (arguments.variant == "watch")
      watches.emplace_back(work);
    else
      loop.later(Again{&work});
  }
  loop.run();
  watch.stop();
  const bench::Report report(arguments, watch);
  return 0;
}

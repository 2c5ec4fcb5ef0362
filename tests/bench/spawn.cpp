// spawn, spawn_fat: /bin/true again and again, 4 at once, its status told by callback; `_fat` with
// 256 MiB of touched memory, which a fork would have to copy the tables of. Variants: none, spawn()
// and a PidWatch; "process", a Process; "run", run_process() in a coroutine.
#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

#include "ioa/libevent/libevent_backend.hpp"
#include "ioa/loop/loop.hpp"
#include "ioa/process/process.hpp"
#include "ioa/process/run_process.hpp"
#include "tests/bench/bench.hpp"

namespace {

struct Work {
  ioa::Loop& loop;
  long left;         // to be started
  long outstanding;  // to end
};

ioa::SpawnRequest request_of_true() { return ioa::SpawnRequest::command({"/bin/true"}); }

void check(const ioa::WaitStatus& status) {
  if (!status.is_success()) bench::die("/bin/true");
}

/// One of those that run at once: starts the next when its own has ended.
class Slot {
 public:
  explicit Slot(Work& work) : work_(work) { start(); }

 private:
  void start() {
    --work_.left;
    watch_ =
        std::make_unique<ioa::PidWatch>(work_.loop, ioa::spawn(request_of_true()),
                                        [this](const ioa::ExitReport& report) { ended(report); });
  }
  void ended(const ioa::ExitReport& report) {
    check(report.status);
    if (--work_.outstanding == 0) work_.loop.stop();
    if (work_.left > 0) start();
  }

  Work& work_;
  std::unique_ptr<ioa::PidWatch> watch_;
};

void start_process(Work& work) {
  --work.left;
  auto owned = std::make_unique<ioa::Process>(request_of_true());
  owned->on_exit([&work](ioa::Process& process) {
    check(process.report()->status);
    if (--work.outstanding == 0) work.loop.stop();
    if (work.left > 0) start_process(work);
  });
  work.loop.add(std::move(owned));
}

ioa::Future<> run_again_and_again(Work& work) {
  while (work.left > 0) {
    --work.left;
    ioa::RunOptions options;
    options.request = request_of_true();
    options.input.reset();
    options.out = ioa::Capture::inherit;
    ioa::RunResult result = co_await run_process(work.loop, std::move(options));
    check(result.status);
    if (--work.outstanding == 0) work.loop.stop();
  }
}

}  // namespace

int main(int argc, char** argv) {
  bench::Arguments arguments = bench::parse(argc, argv, {2000, 4});
  if (arguments.name == "spawn_fat" && arguments.ballast_mib == 0) arguments.ballast_mib = 256;
  std::vector<char> ballast(static_cast<std::size_t>(arguments.ballast_mib) << 20, 1);
  ioa::Loop loop(ioa::LibeventBackend::create());
  Work work{loop, arguments.n, arguments.n};
  std::vector<std::unique_ptr<Slot>> slots;
  std::vector<ioa::Future<>> runs;
  bench::StopWatch watch;
  watch.start();
  for (long i = 0; i < arguments.window; ++i) {
    if (arguments.variant == "process")
      start_process(work);
    else if (arguments.variant == "run")
      runs.push_back(run_again_and_again(work));
    else
      slots.push_back(std::make_unique<Slot>(work));
  }
  loop.run();
  watch.stop();
  const bench::Report report(arguments, watch);
  return 0;
}

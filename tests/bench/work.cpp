// work_thread_1, work_thread_64: calls to a worker thread and their results back in the loop, one
// in flight on one thread, 64 on two.
// work_process_1, work_process_64: calls of 64 bytes to a worker process, which answers with them,
// in the same two ways. resolve: getaddrinfo of localhost, 16 in flight. What is in flight at the
// same time is spelt differently, since look-ups of the same name are one; variant "shared" asks
// for the same name.
#include <cctype>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "ioa/libevent/libevent_backend.hpp"
#include "ioa/loop/loop.hpp"
#include "ioa/net/resolver.hpp"
#include "ioa/worker/function.hpp"
#include "ioa/worker/thread_pool.hpp"
#include "tests/bench/bench.hpp"

namespace {

struct Work {
  /// False if no more is to be begun.
  bool begin() { return left-- > 0; }
  void end() {
    if (++done == n) loop.stop();
  }
  ioa::Loop& loop;
  long n;
  long left = n;
  long done = 0;
};

ioa::Future<> call(Work& work, ioa::ThreadPool& pool) {
  while (work.begin()) {
    auto add_one = [x = work.left] { return x + 1; };
    long result = co_await pool.run(add_one);
    asm volatile("" : : "r"(result));
    work.end();
  }
}

using Echo = ioa::Function<std::string(std::string)>;

ioa::Future<> call_process(Work& work, Echo& echo) {
  const std::string bytes(64, 'x');
  while (work.begin()) {
    std::string answer = co_await echo.call(bytes);
    if (answer.size() != bytes.size()) bench::die("an answer is lost");
    work.end();
  }
}

/// localhost, with the bits of `number` as capitals: the same name, but another question.
std::string spell(long number) {
  std::string name = "localhost";
  for (std::size_t i = 0; i < name.size(); ++i)
    if ((number >> i) % 2 != 0) name[i] = static_cast<char>(std::toupper(name[i]));
  return name;
}

ioa::Future<> resolve(Work& work, ioa::Resolver& resolver, std::string host) {
  while (work.begin()) {
    ioa::LookupRequest request;
    request.host = host;
    request.service = "80";
    request.family = ioa::Family::ipv4;
    ioa::LookupResult result = co_await resolver.resolve(std::move(request));
    if (result.addresses.empty()) bench::die("resolve");
    work.end();
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view program = argv[0];
  const bool resolves = program.find("resolve") != std::string_view::npos;
  const bool is_process = program.find("process") != std::string_view::npos;
  const bool is_single = program.find("_1") + 2 == program.size();
  const bench::Arguments arguments = bench::parse(argc, argv,
                                                  resolves    ? bench::Defaults{10'000, 16}
                                                  : is_single ? bench::Defaults{20'000}
                                                              : bench::Defaults{300'000, 64});
  ioa::Loop loop(ioa::LibeventBackend::create());
  Work work{loop, arguments.n};
  ioa::ThreadPool::Options options;
  options.max_threads = arguments.window > 1 ? 2 : 1;
  ioa::ThreadPool pool(loop, options);
  ioa::Resolver resolver(loop, {}, options);
  ioa::FunctionOptions workers;
  workers.min_workers = workers.max_workers = options.max_threads;
  Echo* echo = nullptr;
  if (is_process)
    echo = &loop.add(std::make_unique<Echo>([](std::string text) { return text; }, workers));
  auto& clients = loop.add(std::make_unique<ioa::Notifier>());
  bench::StopWatch watch;
  watch.start();
  for (long i = 0; i < arguments.window; ++i) {
    if (resolves)
      clients.adopt(resolve(work, resolver, spell(arguments.variant == "shared" ? 0 : i)));
    else if (is_process)
      clients.adopt(call_process(work, *echo));
    else
      clients.adopt(call(work, pool));
  }
  loop.run();
  watch.stop();
  const bench::Report report(arguments, watch);
  return 0;
}

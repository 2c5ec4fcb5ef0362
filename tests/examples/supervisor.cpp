// Keeps a command running: starts it again when it fails, after a pause that doubles, up to so many
// times; SIGINT and SIGTERM end it, and with it the command.
//     supervisor RESTARTS COMMAND [ARGUMENT...]
#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "ioa/libevent/libevent_backend.hpp"
#include "ioa/loop/loop.hpp"
#include "ioa/loop/timeout.hpp"
#include "ioa/process/process.hpp"

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

ioa::Future<int> supervise(ioa::Loop& loop, std::vector<std::string> command, int restarts) {
  ioa::Duration pause = milliseconds(10);
  for (int run = 1;; ++run) {
    auto owned = std::make_unique<ioa::Process>(ioa::SpawnRequest::command(command));
    ioa::Future<ioa::ExitReport> exited = owned->exited();
    loop.add(std::move(owned));
    ioa::ExitReport report = co_await std::move(exited);
    std::fprintf(stderr, "supervisor: run %d: %s\n", run, report.status.text().c_str());
    if (report.status.is_success() || run > restarts) co_return report.status.shell_status();
    co_await ioa::sleep_for(loop, pause);
    pause = std::min<ioa::Duration>(pause * 2, seconds(30));
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: supervisor RESTARTS COMMAND [ARGUMENT...]\n");
    return 64;
  }
  ioa::Loop loop(ioa::LibeventBackend::create());
  int status = 0;
  auto& work = loop.add(std::make_unique<ioa::Notifier>());
  std::vector<std::string> command(argv + 2, argv + argc);
  const int restarts = std::atoi(argv[1]);
  auto done = [&loop, &status](int result) {
    status = result;
    loop.stop();
  };
  // Not before the signals are watched.
  loop.later([&] { work.adopt(supervise(loop, command, restarts).then(done)); });
  try {
    // What ends the loop takes the Process out of it, and that stops its child.
    if (const auto signal = loop.run_until({SIGINT, SIGTERM})) status = 128 + *signal;
  } catch (const ioa::Error& error) {
    std::fprintf(stderr, "supervisor: %s\n", error.what());
    status = 127;
  }
  return status;
}

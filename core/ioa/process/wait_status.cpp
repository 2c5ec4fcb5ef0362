#include "ioa/process/wait_status.hpp"

#include <sys/time.h>
#include <sys/wait.h>

#include <chrono>

#include "ioa/base/signal_name.hpp"

namespace ioa {
namespace {

Duration duration_of(const ::timeval& time) noexcept {
  return std::chrono::seconds(time.tv_sec) + std::chrono::microseconds(time.tv_usec);
}

std::string signal_text(int number) { return "SIG" + signal_name(number); }

}  // namespace

WaitStatus WaitStatus::from_raw(int raw) noexcept { return WaitStatus(raw); }
WaitStatus WaitStatus::exited(int code) noexcept { return WaitStatus((code & 0xff) << 8); }
WaitStatus WaitStatus::killed(int signal, bool dumped_core) noexcept {
  return WaitStatus(signal | (dumped_core ? WCOREFLAG : 0));
}
WaitStatus WaitStatus::stopped(int signal) noexcept { return WaitStatus((signal << 8) | 0x7f); }

std::optional<int> WaitStatus::exit_code() const noexcept {
  if (!raw_ || !WIFEXITED(*raw_)) return std::nullopt;
  return WEXITSTATUS(*raw_);
}

std::optional<int> WaitStatus::signal() const noexcept {
  if (!raw_ || !WIFSIGNALED(*raw_)) return std::nullopt;
  return WTERMSIG(*raw_);
}

std::optional<int> WaitStatus::stop_signal() const noexcept {
  if (!raw_ || !WIFSTOPPED(*raw_)) return std::nullopt;
  return WSTOPSIG(*raw_);
}

bool WaitStatus::dumped_core() const noexcept {
  return raw_ && WIFSIGNALED(*raw_) && WCOREDUMP(*raw_);
}

int WaitStatus::shell_status() const noexcept {
  if (const auto code = exit_code()) return *code;
  if (const auto number = signal()) return 128 + *number;
  if (const auto number = stop_signal()) return 128 + *number;
  return 255;
}

std::string WaitStatus::text() const {
  if (const auto code = exit_code()) return "exited with status " + std::to_string(*code);
  if (const auto number = signal())
    return "killed by " + signal_text(*number) + (dumped_core() ? " (core dumped)" : "");
  if (const auto number = stop_signal()) return "stopped by " + signal_text(*number);
  if (raw_ && WIFCONTINUED(*raw_)) return "continued";
  return "ended with an unknown status";
}

ResourceUsage ResourceUsage::from_raw(const ::rusage& raw) noexcept {
  return {duration_of(raw.ru_utime), duration_of(raw.ru_stime),
          static_cast<std::size_t>(raw.ru_maxrss) * 1024};  // getrusage(2): kilobytes
}

}  // namespace ioa

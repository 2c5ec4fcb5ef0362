#pragma once

namespace ioa::cli {

/// How a run ended, as the exit status of the program tells it: see EXIT STATUS in ioa(1).
enum class ExitStatus : int {
  done = 0,                 ///< All data that was read was delivered.
  io_error = 1,             ///< An I/O error in mid-stream, or input that was not all delivered.
  usage = 2,                ///< A bad option, address, duration, or a time in the past.
  unresolved = 3,           ///< A host or a service name could not be resolved.
  not_connected = 4,        ///< Could not connect, bind or listen; a probed port is not open.
  tls_failed = 5,           ///< The handshake or the verification failed.
  proxy_failed = 6,         ///< A proxy refused or broke its protocol.
  expectation_failed = 7,   ///< What a dialogue expected did not come.
  time_limit = 124,         ///< A time limit was reached.
  child_failed = 125,       ///< A child could not be run for a reason of ioa's own.
  cannot_execute = 126,     ///< A command could not be executed.
  command_not_found = 127,  ///< A command was not found.
};

/// The status of a run that signal `number` ended: 128 + number.
constexpr ExitStatus ended_by_signal(int number) noexcept {
  return static_cast<ExitStatus>(128 + number);
}

/// The number that the process exits with.
constexpr int to_int(ExitStatus status) noexcept { return static_cast<int>(status); }

}  // namespace ioa::cli

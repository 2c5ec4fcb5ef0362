#pragma once

#include <sys/types.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ioa/base/unique_fd.hpp"

namespace ioa::test {

/// How a finished process ended, and what it wrote.
struct RunResult {
  /// The exit status, or 128 + N if signal N killed it.
  int status = -1;
  std::string out;
  std::string err;
  std::chrono::milliseconds duration{};
};

/// A program that runs beside the test. Its standard input is a pipe that the test writes to,
/// unless another descriptor is given; its output is collected by threads, so that it never blocks
/// on us. It starts with the signals' default dispositions, and without IOA_LOOP, IOA_DEBUG and
/// NO_COLOR.
class Process {
 public:
  struct Stdio {
    /// A descriptor for the child (it is taken over), or nothing for a pipe (stdin), for collecting
    /// (stdout, stderr).
    UniqueFd in;
    UniqueFd out;
    UniqueFd err;
    bool closed_in = false;   ///< The child starts without a standard input.
    bool closed_out = false;  ///< The same for standard output.
    bool closed_err = false;
    /// What the child gets as descriptor 3, if anything.
    UniqueFd fd3;
  };

  /// Starts `argv`; `environment` is added to the test's own ("NAME=value").
  explicit Process(std::vector<std::string> argv) : Process(std::move(argv), Stdio()) {}
  Process(std::vector<std::string> argv, Stdio stdio, std::vector<std::string> environment = {});
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  /// Kills it if it still runs.
  ~Process();

  pid_t pid() const noexcept { return pid_; }
  /// Writes all of it to the child's standard input, which must be our pipe.
  void write(std::string_view bytes);
  void close_stdin() { in_.reset(); }
  void signal(int number) const;
  /// Waits until standard error (or, for out, standard output) contains `text`; false at the limit.
  bool wait_for_err(std::string_view text);
  bool wait_for_out(std::string_view text);
  /// Closes our end of its standard output.
  void stop_reading_output();
  /// Closes standard input, if it is ours, and waits for the end. A child that does not end within
  /// `limit` is killed and the status is -1.
  RunResult wait(std::chrono::milliseconds limit = std::chrono::seconds(20));
  /// The same, with standard input left open.
  RunResult wait_with_open_stdin(std::chrono::milliseconds limit = std::chrono::seconds(20));
  bool is_running();
  /// True if it waits for something at this moment (proc(5), state S).
  bool is_sleeping() const;
  /// The largest resident memory so far, in KiB (VmHWM); 0 once it has ended.
  long peak_memory_kib() const;

 private:
  class Collector;

  pid_t pid_ = -1;
  UniqueFd in_;
  std::unique_ptr<Collector> out_;
  std::unique_ptr<Collector> err_;
  std::optional<int> status_;
  std::chrono::steady_clock::time_point started_;
};

/// The program under test, and the root of the sources.
std::string ioa_binary();
std::string source_dir();

/// The command line of the program under test.
std::vector<std::string> ioa(std::vector<std::string> arguments);

/// Runs `ioa ARGUMENTS` to its end with `input` on standard input.
RunResult run_ioa(std::vector<std::string> arguments, std::string_view input = {},
                  std::vector<std::string> environment = {});

/// Runs a command line in /bin/sh to its end; `$IOA` is the program under test.
RunResult run_shell(const std::string& script, std::vector<std::string> environment = {});

/// The number of lines in `text`.
std::size_t line_count(std::string_view text);

/// Whether what takes long is wanted: IOA_TEST_ALL (`./dev test --all`) or IOA_TEST_FULL is set.
bool wants_long_tests();
/// Whether the program is optimised and without sanitizers, so that its memory can be judged.
bool is_release_build();

}  // namespace ioa::test

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "ioa/base/unique_fd.hpp"

/// What the benchmark programs have in common: arguments, clocks, sockets and the line they print.
///
/// A program is called `bench_NAME` or `bench_NAME.VARIANT`, where one source may serve several
/// names, as
///
///     bench_NAME [--n N] [--window W] [--conns C] [--transport unix|tcp] [--ballast MIB]
///         [--presleep]
///
/// and prints one JSON object in one line: `bench`, `variant`, `impl` ("ioa"), `n`, `seconds` (wall
/// time of the timed region; CPU time where the wall time is given by the work), `ops_per_s`,
/// `cpu_s`, `rss_kb`, and what is special to the bench.
namespace bench {

/// What is to be done, from the program's name and arguments.
struct Arguments {
  /// NAME and VARIANT of the program's own name.
  std::string name;
  std::string variant;
  /// Operations in all.
  long n = 0;
  /// Operations in flight.
  long window = 1;
  long connections = 1;
  bool tcp = false;
  /// Mebibytes of memory that the program touches before it begins, where it starts others.
  long ballast_mib = 0;
  /// Whether to sleep between making timers and running them, so that all are due: counting
  /// instructions wants runs that do not depend on the clock.
  bool sleeps_first = false;
};

/// What a bench does if it is not told otherwise.
struct Defaults {
  long n;
  long window = 1;
  long connections = 1;
};

/// Reads the arguments; on a mistake, says so and exits with status 2. Raises the limit on
/// descriptors to what is allowed, and ignores SIGPIPE.
Arguments parse(int argc, char** argv, Defaults defaults);

/// Prints `what` and the text of errno, and exits with status 1: a bench that goes wrong measures
/// nothing.
[[noreturn]] void die(const char* what);

/// The monotonic clock, in nanoseconds.
std::uint64_t now_ns();

/// Wall and CPU seconds (of the whole process) of the timed region.
class StopWatch {
 public:
  void start();
  void stop();
  double wall() const { return wall_; }
  double cpu() const { return cpu_; }
  /// CPU seconds since start(), while it runs.
  double cpu_so_far() const;

 private:
  double wall_ = 0;
  double cpu_ = 0;
};

/// Counts durations in classes that are at most 1/64 wide; 16 KiB, and a few instructions each.
class Histogram {
 public:
  Histogram() : counts_(kClasses) {}
  void add(std::uint64_t ns);
  /// The duration, in microseconds, below which the share `part` of them lies.
  double quantile_us(double part) const;

 private:
  static constexpr unsigned kSteps = 64;  // classes a power of two
  static constexpr std::size_t kClasses = std::size_t{64} * kSteps;
  std::vector<std::uint32_t> counts_;
  std::uint64_t total_ = 0;
};

/// When timers are due: the sequence of microseconds from 0 to 999,999 that every implementation of
/// these benches uses (xorshift64, with the seed of its author).
class DueTimes {
 public:
  unsigned next_us();

 private:
  std::uint64_t state_ = 88172645463325252U;
};

/// The line that is printed when it is destroyed.
class Report {
 public:
  Report(const Arguments& arguments, const StopWatch& watch);
  Report(const Report&) = delete;
  Report& operator=(const Report&) = delete;
  ~Report();

  /// For works whose wall time is given: `seconds` is CPU time, and `wall_s` joins.
  Report& by_cpu_time();
  Report& add(std::string_view key, double value, int digits = 1);

 private:
  const Arguments& arguments_;
  double seconds_;
  double wall_;
  double cpu_;
  std::string more_;
};

/// Two connected, non-blocking sockets: a socketpair, or loopback TCP without Nagle's delay.
struct SocketPair {
  explicit SocketPair(bool tcp);
  ioa::UniqueFd near;
  ioa::UniqueFd far;
};

/// A non-blocking TCP socket that listens on a loopback port of the system's choice.
struct ListeningSocket {
  ListeningSocket();
  ioa::UniqueFd fd;
  std::uint16_t port = 0;
};

/// Has close(2) reset the connection, so that it leaves no TIME_WAIT behind.
void reset_on_close(int fd);

/// Bytes that are allocated on the heap; resident kilobytes.
std::size_t heap_bytes();
long resident_kb();

}  // namespace bench

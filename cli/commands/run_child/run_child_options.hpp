#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/commands/run_child/child_plan.hpp"
#include "cli/general_options.hpp"
#include "cli/progress_meter.hpp"
#include "ioa/net/address.hpp"

namespace ioa::cli {

struct Arguments;
struct CommandSpec;

/// When a child that has ended is run again.
enum class Restart {
  never,
  on_failure,
  always,
};

/// Exit statuses that count as success.
class SuccessStatuses {
 public:
  void add(int first, int last) { ranges_.emplace_back(first, last); }
  /// 0 always is.
  bool has(int status) const noexcept;

 private:
  std::vector<std::pair<int, int>> ranges_;
};

/// In which order the outputs of many children are passed on.
enum class OutputOrder {
  input,    ///< Whole, in the order of the lines that they were started for.
  end,      ///< Whole, in the order in which they end.
  by_line,  ///< Each line as it ends.
};

/// What happens to the others when one of many children has failed.
enum class Halt {
  never,  ///< They are started, and run to their ends.
  soon,   ///< No more are started.
  now,    ///< Those that run are ended, too.
};

/// A child a line.
struct ManyOptions {
  std::string source;  ///< The file that has the lines; `-` is standard input.
  char separator = '\n';
  std::uint32_t jobs = 1;  ///< At once.
  OutputOrder order = OutputOrder::input;
  Halt halt = Halt::never;
  ProgressMode progress = ProgressMode::never;
};

/// What `ioa run-child` was asked to do: complete, checked, and free of contradictions.
struct RunChildOptions {
  GeneralOptions general;
  /// With `many` its command is what each of them is made from; none: the line itself.
  ChildPlan child;
  std::optional<ManyOptions> many;
  bool guard = false;
  /// What to bind, to be passed on; in this order.
  std::vector<Address> listen;
  bool report = false;
  bool json = false;
  Restart restart = Restart::never;
  /// How often it is run again at most; 0 is no limit.
  std::uint32_t max_restarts = 0;
  /// The pause before it is run again the first time; it doubles each time.
  std::chrono::nanoseconds backoff{std::chrono::milliseconds(200)};
  SuccessStatuses success;
};

/// The table of the command: see run_child_command().
const CommandSpec& run_child_command() noexcept;

/// Turns what the pre-pass read into a plan. Throws UsageError.
RunChildOptions parse_run_child(const Arguments& arguments);

}  // namespace ioa::cli

#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/commands/run_child/child_plan.hpp"
#include "cli/general_options.hpp"
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

/// What `ioa run-child` was asked to do: complete, checked, and free of contradictions.
struct RunChildOptions {
  GeneralOptions general;
  ChildPlan child;
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

#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "cli/commands/run_child/child_output.hpp"
#include "cli/commands/run_child/child_run.hpp"
#include "cli/commands/run_child/run_child_options.hpp"
#include "cli/exit_status.hpp"
#include "cli/reporter.hpp"

namespace ioa::cli {

/// Where everything goes that the child of one run writes, and our own result: made once, for all
/// attempts. Whatever need not be seen goes straight to its descriptor.
class RunOutputs {
 public:
  /// Opens the files. Throws Error. `on_change` is called, from the loop, when it is no longer
  /// behind, or has failed.
  RunOutputs(Loop& loop, const RunChildOptions& options, UniqueFunction<void()> on_change);

  ChildOutlets outlets() noexcept;
  /// Where the outputs of several children go, each through an OutputSink of its own; null where
  /// they are kept, and for errors that go where the output goes.
  PassedOutput* passed_out() noexcept { return out_.get(); }
  PassedOutput* passed_err() noexcept { return err_.get(); }
  /// Moves what was kept of an attempt into its report.
  void move_captured(ChildReport& report);
  /// Our own line on standard output.
  void add_result(std::string_view line);

  bool is_behind() const noexcept;
  /// Bytes that the readers have not taken yet.
  std::size_t pending() const noexcept;
  /// Whether an output has failed.
  bool has_failed() const noexcept;
  /// Closes what it writes to. If anything has failed, says so (a reader that left is no more than
  /// a SIGPIPE) and returns the status to end with.
  std::optional<ExitStatus> close(Reporter& reporter);

 private:
  std::unique_ptr<PassedOutput> pass_to(UniqueFd file, int fd, const std::string& path,
                                        LinePrefix prefix);
  void pass_seen(const ChildPlan& plan, UniqueFd out_file, UniqueFd err_file, bool is_one_place);

  Loop& loop_;
  UniqueFunction<void()> on_change_;
  UniqueFd out_file_;  // where the child has it directly
  UniqueFd err_file_;
  std::unique_ptr<KeptOutput> kept_out_;
  std::unique_ptr<KeptOutput> kept_err_;
  std::unique_ptr<PassedOutput> out_;
  std::unique_ptr<PassedOutput> err_;
  std::unique_ptr<PassedOutput> result_;  // if that is not out_
  bool out_is_ours_ = false;              // out_ leads to our standard output
  bool is_merged_ = false;
};

}  // namespace ioa::cli

#include "cli/commands/run_child/run_outputs.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <utility>

#include "cli/commands/run_child/child_set_up.hpp"
#include "cli/escape.hpp"
#include "ioa/base/error.hpp"

namespace ioa::cli {
namespace {

/// Whether what is written to both lands in one place, so that its order is to be kept.
bool is_one_file(int a, int b) {
  struct stat of_a {};
  struct stat of_b {};
  return ::fstat(a, &of_a) == 0 && ::fstat(b, &of_b) == 0 && of_a.st_dev == of_b.st_dev &&
         of_a.st_ino == of_b.st_ino;
}

UniqueFd copy_of(int fd) {
  UniqueFd copy(::fcntl(fd, F_DUPFD_CLOEXEC, 3));
  if (!copy) throw Error::from_errno(errno, "dup", fd == STDERR_FILENO ? "standard error" : "");
  return copy;
}

/// A file that we have opened: nobody shares its description.
ByteEnd end_of_file(UniqueFd file) {
  const int flags = ::fcntl(file.get(), F_GETFL);
  ::fcntl(file.get(), F_SETFL, flags | O_NONBLOCK);
  return ByteEnd::own(std::move(file));
}

}  // namespace

RunOutputs::RunOutputs(Loop& loop, const RunChildOptions& options, UniqueFunction<void()> on_change)
    : loop_(loop), on_change_(std::move(on_change)) {
  const ChildPlan& plan = options.child;
  UniqueFd out_file = plan.output_path.empty() ? UniqueFd() : open_output(plan.output_path);
  const bool is_same_path = !plan.error_path.empty() && plan.error_path == plan.output_path;
  UniqueFd err_file;
  if (is_same_path)
    err_file = copy_of(out_file.get());
  else if (!plan.error_path.empty())
    err_file = open_output(plan.error_path);

  // Our result is to begin on a line of its own, so what comes before it has to be seen.
  const bool is_before_result = options.json && !out_file && ::isatty(STDOUT_FILENO) == 0;
  const bool is_one_place = is_one_file(out_file ? out_file.get() : STDOUT_FILENO,
                                        err_file ? err_file.get() : STDERR_FILENO);
  if (plan.capture) {
    kept_out_ = std::make_unique<KeptOutput>(plan.capture_limit);
    kept_err_ = std::make_unique<KeptOutput>(plan.capture_limit);
  } else if (plan.is_output_seen()) {
    pass_seen(plan, std::move(out_file), std::move(err_file), is_one_place);
  } else {
    if (is_before_result) {
      out_ = pass_to(UniqueFd(), STDOUT_FILENO, "", {});
      is_merged_ = is_one_place;
    }
    out_file_ = std::move(out_file);
    err_file_ = std::move(err_file);
  }
  out_is_ours_ = out_ != nullptr && plan.output_path.empty();
  if (options.json && !out_is_ours_) result_ = pass_to(UniqueFd(), STDOUT_FILENO, "", {});
}

void RunOutputs::pass_seen(const ChildPlan& plan, UniqueFd out_file, UniqueFd err_file,
                           bool is_one_place) {
  // Of many children, each has a tag of its own.
  const LinePrefix prefix =
      plan.is_one_of_many ? LinePrefix{} : LinePrefix{plan.tag, plan.timestamps};
  out_ = pass_to(std::move(out_file), STDOUT_FILENO, plan.output_path, prefix);
  if (plan.pty) return;  // a terminal has one output
  is_merged_ = is_one_place;
  if (!is_merged_) err_ = pass_to(std::move(err_file), STDERR_FILENO, plan.error_path, prefix);
}

std::unique_ptr<PassedOutput> RunOutputs::pass_to(UniqueFd file, int fd, const std::string& path,
                                                  LinePrefix prefix) {
  const auto make = [&](ByteEnd end, std::string name) {
    return std::make_unique<PassedOutput>(loop_, std::move(end), std::move(name), std::move(prefix),
                                          [this] { on_change_(); });
  };
  if (file) return make(end_of_file(std::move(file)), path);
  if (fd == STDOUT_FILENO)
    return make(ByteEnd::inherited(fd, ByteEnd::Access::write), "standard output");
  // A copy: this program goes on talking there.
  return make(ByteEnd::inherited(copy_of(fd).release(), ByteEnd::Access::write), "standard error");
}

ChildOutlets RunOutputs::outlets() noexcept {
  ChildOutlets outlets;
  outlets.out = kept_out_ ? static_cast<OutputSink*>(kept_out_.get()) : out_.get();
  outlets.err = kept_err_ ? static_cast<OutputSink*>(kept_err_.get()) : err_.get();
  outlets.is_merged = is_merged_;
  outlets.out_fd = out_file_.get();
  outlets.err_fd = err_file_.get();
  return outlets;
}

void RunOutputs::move_captured(ChildReport& report) {
  if (kept_out_) report.out = kept_out_->release();
  if (kept_err_) report.err = kept_err_->release();
}

void RunOutputs::add_result(std::string_view line) {
  PassedOutput& result = out_is_ours_ ? *out_ : *result_;
  result.add_line(line);
}

bool RunOutputs::is_behind() const noexcept {
  for (const auto* output : {out_.get(), err_.get(), result_.get()})
    if (output != nullptr && output->is_behind()) return true;
  return false;
}

std::size_t RunOutputs::pending() const noexcept {
  std::size_t sum = 0;
  for (const auto* output : {out_.get(), err_.get(), result_.get()})
    if (output != nullptr) sum += output->pending();
  return sum;
}

bool RunOutputs::has_failed() const noexcept {
  for (const auto* output : {out_.get(), err_.get(), result_.get()})
    if (output != nullptr && output->error() != 0) return true;
  return false;
}

std::optional<ExitStatus> RunOutputs::close(Reporter& reporter) {
  std::optional<ExitStatus> status;
  for (auto* output : {out_.get(), err_.get(), result_.get()}) {
    if (output == nullptr) continue;
    output->close();
    if (output->error() == 0 || status) continue;
    status = output->error() == EPIPE ? ended_by_signal(SIGPIPE) : ExitStatus::io_error;
    if (output->error() != EPIPE)
      reporter.error(Error::from_errno(output->error(), "write", escape(output->name())).what());
  }
  return status;
}

}  // namespace ioa::cli

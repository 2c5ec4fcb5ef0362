#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "cli/commands/run_child/child_report.hpp"
#include "ioa/base/byte_buffer.hpp"
#include "ioa/base/unique_fd.hpp"
#include "ioa/base/unique_function.hpp"
#include "ioa/io/byte_end.hpp"
#include "ioa/loop/watch.hpp"

namespace ioa::cli {

/// Where an output of a child goes that this program sees.
class OutputSink {
 public:
  virtual ~OutputSink() = default;
  /// More of it; never empty. All of it is taken.
  virtual void take(std::string_view bytes) = 0;
  /// True while it wants no more: the child is not read from until ChildRun::resume_output().
  virtual bool is_behind() const noexcept = 0;
  /// That child writes no more to it.
  virtual void end_of_child() = 0;
};

/// Keeps what comes, up to a limit; what is more is dropped.
class KeptOutput final : public OutputSink {
 public:
  explicit KeptOutput(std::size_t limit) : limit_(limit) {}

  void take(std::string_view bytes) override;
  bool is_behind() const noexcept override { return false; }
  void end_of_child() override {}

  /// What was kept; it begins anew after that.
  CapturedText release();

 private:
  std::size_t limit_;
  CapturedText kept_;
};

/// What each line of an output begins with.
struct LinePrefix {
  std::optional<std::string> tag;
  bool timestamps = false;

  bool empty() const noexcept { return !tag && !timestamps; }
  /// `2026-11-22T18:30:00.123Z<TAB>tag<TAB>`
  std::string text() const;
  /// Appends the bytes, with this in front of each line that begins in them; `begins` says whether
  /// the first of them begins one.
  void add_lines(ByteBuffer& to, std::string_view bytes, bool begins) const;
};

/// Passes an output on to a descriptor, with a prefix for each line if that is wanted. It never
/// waits for whoever reads there: what that does not take yet stays here, which bounds itself,
/// since a child is not read from meanwhile.
class PassedOutput final : public OutputSink {
 public:
  /// `name` is what errors call it. `on_change` is called, from the loop, when it is no longer
  /// behind, or has failed.
  PassedOutput(Loop& loop, ByteEnd end, std::string name, LinePrefix prefix,
               UniqueFunction<void()> on_change);

  void take(std::string_view bytes) override;
  bool is_behind() const noexcept override { return is_behind_; }
  void end_of_child() override;

  /// Adds a line of our own, without a prefix and on a line of its own, however what came before
  /// has ended.
  void add_line(std::string_view line);
  /// What it has not got rid of.
  std::size_t pending() const noexcept { return buffer_.size(); }
  /// The errno value of the write that failed; 0 if none did.
  int error() const noexcept { return error_; }
  const std::string& name() const noexcept { return name_; }
  /// Drops what is pending and closes it, which may be when a file system reports a failed write.
  void close();

 private:
  void add(std::string_view bytes);
  void flush();
  void ready();
  void fail(int error);

  ByteEnd end_;
  IoWatch watch_;
  DeferredCall changed_;
  std::string name_;
  LinePrefix prefix_;
  ByteBuffer buffer_;
  bool is_at_line_start_ = true;
  bool child_has_ended_ = false;
  bool is_behind_ = false;
  int error_ = 0;
};

/// Reads an output of a child into a sink, until its end.
class OutputReader {
 public:
  /// `fd` is ours alone and non-blocking. `on_bytes` is called after each piece, `on_end` once; it
  /// may destroy this.
  OutputReader(Loop& loop, UniqueFd fd, OutputSink& sink, UniqueFunction<void()> on_bytes,
               UniqueFunction<void()> on_end);

  bool has_ended() const noexcept { return !fd_; }
  /// Whether it waits for its sink.
  bool is_paused() const noexcept { return is_paused_; }
  /// The sink is not behind any more.
  void resume();
  /// Reads what there is, and no more after that.
  void finish();
  /// Reads no more at once: what the child writes from now on fails.
  void abandon();

 private:
  bool read_once();
  void readable();
  void end();

  IoWatch watch_;
  UniqueFd fd_;
  OutputSink& sink_;
  UniqueFunction<void()> on_bytes_;
  UniqueFunction<void()> on_end_;
  bool is_paused_ = false;
  bool is_at_end_ = false;
};

}  // namespace ioa::cli

#pragma once

#include <cstdint>
#include <string_view>

#include "cli/commands/run_child/child_output.hpp"
#include "cli/commands/run_child/spill_file.hpp"
#include "ioa/base/byte_buffer.hpp"
#include "ioa/base/unique_function.hpp"

namespace ioa::cli {

/// An output of one of many children, on its way to where all of them go.
class JobSink : public OutputSink {
 public:
  /// Its turn has come: what it has goes on, and what comes.
  virtual void open() = 0;
  /// Passes on what it can; returns whether nothing is left.
  virtual bool drain() = 0;
};

/// An output that is kept whole: it waits until its turn comes, and then passes on what it has
/// stored, and what comes, as it comes. With a prefix, a last line without an end gets one.
class WholeOutput final : public JobSink {
 public:
  /// `to` and `room` are borrowed. `before_write` is called before bytes are passed on; may be
  /// null.
  WholeOutput(PassedOutput& to, SpillRoom& room, LinePrefix prefix,
              UniqueFunction<void()>* before_write);

  void take(std::string_view bytes) override;
  bool is_behind() const noexcept override;
  void end_of_child() override;
  void open() override { is_open_ = true; }
  bool drain() override;

 private:
  void add(std::string_view bytes);
  void pass(std::string_view bytes);

  PassedOutput& to_;
  StoredOutput stored_;
  LinePrefix prefix_;
  UniqueFunction<void()>* before_write_;
  ByteBuffer prefixed_;
  bool is_at_line_start_ = true;
  bool is_open_ = false;
};

class LineOutput;

/// Whose line it is that is being written to an output of several children, where that is too long
/// to be kept until its end: the others wait.
struct LineTurn {
  const LineOutput* holder = nullptr;
  /// Called when the line is at its end, in the middle of things: it only notes that.
  UniqueFunction<void()> on_release;
};

/// An output that shares its way with others line by line. Lines go on as they end; what is no line
/// yet is kept, up to kLongLine, beyond which it has the way to itself until the line ends. A last
/// line without an end gets one.
class LineOutput final : public JobSink {
 public:
  static constexpr std::size_t kLongLine = std::size_t{256} << 10;

  LineOutput(PassedOutput& to, LineTurn& turn, LinePrefix prefix,
             UniqueFunction<void()>* before_write);
  LineOutput(const LineOutput&) = delete;
  LineOutput& operator=(const LineOutput&) = delete;
  ~LineOutput() override;

  void take(std::string_view bytes) override;
  bool is_behind() const noexcept override;
  void end_of_child() override;
  void open() override {}
  bool drain() override;

 private:
  bool is_kept_out() const noexcept { return turn_.holder != nullptr && turn_.holder != this; }
  void flush();
  void pass(std::size_t size);
  void release();

  PassedOutput& to_;
  LineTurn& turn_;
  LinePrefix prefix_;
  UniqueFunction<void()>* before_write_;
  ByteBuffer kept_;
  std::size_t searched_ = 0;      // of the front of kept_: the last line in it is not at its end
  bool is_at_line_start_ = true;  // of what comes next
};

}  // namespace ioa::cli

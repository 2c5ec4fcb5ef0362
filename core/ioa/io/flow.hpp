#pragma once

#include <cstdint>
#include <string_view>

#include "ioa/base/byte_buffer.hpp"
#include "ioa/base/event_slot.hpp"
#include "ioa/io/byte_end.hpp"
#include "ioa/io/splice_pipe.hpp"
#include "ioa/loop/watch.hpp"

namespace ioa {

/// Moves bytes one way, from a source to a sink, until the source ends or one of them fails.
///
/// It takes the fastest path that the two ends allow and falls back by itself: sendfile(2) from a
/// regular file, splice(2) where one end is a pipe, splice(2) through a pipe of our own once a
/// stream between two other ends proves to be bulk, else read and write. A slow sink bounds memory:
/// nothing is read while bytes wait for it.
///
/// OWNERSHIP: source, sink and pool are borrowed and outlive the flow. LIFETIME: the callback may
/// destroy the flow.
class Flow {
 public:
  enum class Method { copy, sendfile, splice, splice_through_pipe };
  enum class State {
    idle,  ///< Not started.
    moving,
    ended,    ///< The source has ended and the sink has taken every byte.
    stopped,  ///< stop() was called and what had been read is through; or drained, see drain().
    source_failed,
    sink_failed,
  };

  Flow(Loop& loop, ByteEnd& source, ByteEnd& sink, PipePool& pool);
  Flow(const Flow&) = delete;
  Flow& operator=(const Flow&) = delete;
  ~Flow() = default;

  /// Begins to move. `on_change` is called, from the loop, after bytes have moved and when the
  /// state changes; never inside start().
  void start(UniqueFunction<void()> on_change);

  /// Reads no more; what was read is still written.
  void stop();
  /// Lets go of both ends at once: what was read and not yet written is lost. No callback follows.
  void abort() noexcept;
  /// Goes on while the source has bytes ready, and stops when it would have to wait for more.
  void drain();

  State state() const noexcept { return state_; }
  /// True once no more bytes will move.
  bool is_over() const noexcept { return state_ > State::moving; }
  /// The errno value behind source_failed and sink_failed, and the system call that gave it.
  int error() const noexcept { return error_; }
  std::string_view failed_call() const noexcept { return failed_call_; }

  std::uint64_t bytes_read() const noexcept { return bytes_read_; }
  std::uint64_t bytes_written() const noexcept { return bytes_written_; }
  Method method() const noexcept { return method_; }
  static std::string_view name(Method method) noexcept;
  /// True if the flow waits for its source, false if for its sink.
  bool waits_for_source() const noexcept { return waits_for_source_; }

 private:
  enum class Step { moved, source_drained, source_blocked, sink_blocked, source_end, retry, over };

  void advance();
  void wait_for(Step step);
  void finish(State state, int error = 0, std::string_view call = {});
  Step fail_source(std::string_view call);
  Step fail_sink(std::string_view call);

  void choose_method() noexcept;
  Step move_some();
  Step write_pending();
  Step copy_some();
  Step sendfile_some();
  Step splice_some();
  Step fill_pipe();
  Step empty_pipe();
  Step pipe_to_buffer();
  Step blocked_side() const noexcept;
  void count_bulk(std::size_t size) noexcept;
  void fall_back_to_copy() noexcept { method_ = Method::copy, may_splice_ = false; }
  bool has_pending() const noexcept { return !pending_.empty() || pipe_.size > 0; }

  ByteEnd& source_;
  ByteEnd& sink_;
  PipePool& pool_;
  IoWatch source_watch_;
  IoWatch sink_watch_;
  DeferredCall restart_;
  CallbackSlot<> on_change_;

  State state_ = State::idle;
  Method method_ = Method::copy;
  bool may_splice_ = true;
  bool is_stopping_ = false;
  bool is_draining_ = false;
  bool source_ended_ = false;
  bool waits_for_source_ = true;
  bool has_enlarged_pipe_ = false;
  int bulk_score_ = 0;
  int error_ = 0;
  std::string_view failed_call_;
  std::uint64_t bytes_read_ = 0;
  std::uint64_t bytes_written_ = 0;
  ByteBuffer pending_;  // read, not yet written
  SplicePipe pipe_;     // the same, in the kernel
};

}  // namespace ioa

#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <string_view>
#include <vector>

#include "ioa/base/byte_buffer.hpp"
#include "ioa/base/event_slot.hpp"
#include "ioa/io/byte_end.hpp"
#include "ioa/io/byte_filter.hpp"
#include "ioa/io/splice_pipe.hpp"
#include "ioa/io/token_bucket.hpp"
#include "ioa/loop/time_queue.hpp"
#include "ioa/loop/watch.hpp"

namespace ioa {

/// Moves bytes one way, from a source to a sink, until the source ends or one of them fails.
///
/// It takes the fastest path that the two ends allow and falls back by itself: sendfile(2) from a
/// regular file, splice(2) where one end is a pipe, splice(2) through a pipe of our own once a
/// stream between two other ends proves to be bulk, else read and write. A slow sink bounds memory:
/// nothing is read while bytes wait for it. Filters have to see the bytes, so that a flow with any
/// reads and writes; a limit of the rate holds whatever the path.
///
/// OWNERSHIP: source, sink, pool and filters are borrowed and outlive the flow. LIFETIME: the
/// callback may destroy the flow.
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

  /// Before it starts: every byte goes through `filter`, and then through those added later.
  void add_filter(ByteFilter& filter) { filters_.push_back(&filter); }
  /// Before it starts: moves no more than so many bytes a second; 0: as many as it can.
  void limit_rate(std::uint64_t bytes_per_second);
  /// Before it starts: no more than so many bytes are read ahead of the sink; 0: as many as prove
  /// fast.
  void limit_buffer(std::size_t bytes) noexcept { buffer_ = bytes > 0 ? bytes : kUnlimited; }
  /// Before it starts: a sink whose reader has left (EPIPE) is no failure. The source is then read
  /// to its end for nobody; bytes_written() tells what had been taken.
  void forgive_leaving_reader() noexcept { forgives_leaving_ = true; }

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

  /// What was read, as the filters have made it; and what of it the sink has taken.
  std::uint64_t bytes_read() const noexcept { return bytes_read_; }
  std::uint64_t bytes_written() const noexcept { return bytes_written_; }
  Method method() const noexcept { return method_; }
  static std::string_view name(Method method) noexcept;
  /// True once the sink's reader has left and that was forgiven.
  bool is_for_nobody() const noexcept { return is_for_nobody_; }
  /// True if the flow waits for its source, false if for its sink.
  bool waits_for_source() const noexcept { return waits_for_source_; }

 private:
  enum class Step {
    moved,
    source_drained,
    source_blocked,
    sink_blocked,
    rate_reached,
    retry,
    over,
  };

  /// What holds it to a rate.
  struct Throttle {
    Throttle(Flow& flow, std::uint64_t rate);
    TokenBucket bucket;
    TimeWatch timer;
  };

  void advance();
  void wait_for(Step step);
  void finish(State state, int error = 0, std::string_view call = {});
  Step fail_source(std::string_view call);
  Step fail_sink(std::string_view call);

  void choose_method() noexcept;
  Step move_some();
  Step write_pending();
  Step read_some(std::size_t most);
  Step copy_some(std::size_t most);
  Step sendfile_some(std::size_t most);
  Step splice_some(std::size_t most);
  Step fill_pipe(std::size_t most);
  Step empty_pipe();
  Step pipe_to_buffer();
  Step blocked_side() const noexcept;
  Step sink_left();
  void wait_for_rate();
  void wait_for_end(bool on_sink);
  void stop_waiting() noexcept;
  void count_read(std::uint64_t bytes);
  void count_written(std::string_view bytes);
  void count_bulk(std::size_t size) noexcept;
  void fall_back_to_copy() noexcept { method_ = Method::copy, may_splice_ = false; }
  bool has_pending() const noexcept { return !pending_.empty() || pipe_.size > 0; }

  static constexpr std::size_t kUnlimited = std::numeric_limits<std::size_t>::max();

  Loop& loop_;
  ByteEnd& source_;
  ByteEnd& sink_;
  PipePool& pool_;
  std::vector<ByteFilter*> filters_;
  std::unique_ptr<Throttle> throttle_;
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
  bool forgives_leaving_ = false;
  bool is_for_nobody_ = false;
  bool waits_for_source_ = true;
  bool has_enlarged_pipe_ = false;
  std::size_t buffer_ = kUnlimited;
  int bulk_score_ = 0;
  int error_ = 0;
  std::string_view failed_call_;
  std::uint64_t bytes_read_ = 0;
  std::uint64_t bytes_written_ = 0;
  ByteBuffer pending_;  // read, not yet written
  SplicePipe pipe_;     // the same, in the kernel
};

}  // namespace ioa

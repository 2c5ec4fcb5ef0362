#pragma once

#include <sys/types.h>

#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "ioa/base/bytes.hpp"
#include "ioa/base/event_slot.hpp"
#include "ioa/base/unique_fd.hpp"
#include "ioa/future/promise.hpp"
#include "ioa/io/stream.hpp"
#include "ioa/loop/notifier.hpp"
#include "ioa/loop/watch.hpp"
#include "ioa/process/pid_watch.hpp"
#include "ioa/process/wait_status.hpp"
#include "ioa/worker/blocking_channel.hpp"
#include "ioa/worker/codec.hpp"
#include "ioa/worker/worker_error.hpp"
#include "ioa/worker/worker_start.hpp"

namespace ioa {

/// Runs code of this program in a process or on a thread of its own, joined to others by channels.
///
///     auto [ours, theirs] = make_channel();
///     std::vector<UniqueFd> ends;
///     ends.push_back(std::move(theirs));
///     auto& routine = loop.add(std::make_unique<Routine>(
///         WorkerModel::process, std::move(ends), [](std::span<BlockingChannel> channels) {
///           while (auto text = channels[0].receive()) channels[0].send(shout(*text));
///           return 42;
///         }));
///     auto& channel = routine.add_child(std::make_unique<Channel>(std::move(ours)));
///     …
///     int answer = decode<int>(co_await routine.result());
///
/// A channel whose two ends are given to two Routines joins those. The code gets the ends in the
/// order in which they are given here. What it returns (nothing, or a value with a Codec) comes
/// back as bytes.
///
/// It starts when it enters a loop, and leaves it by itself when the code is through, after
/// everything has been told. Starting fails with the Error of fork or pthread_create, which leaves
/// add().
///
/// LIFETIME: removing it earlier ends a process at once (SIGKILL). A thread cannot be ended: it
/// goes on until its code is through (its channels are at their end by then), and its result is
/// dropped; so it captures by value what it uses. A thread must not outlive what it refers to.
class Routine final : public Notifier {
 public:
  using Code = UniqueFunction<Bytes(std::span<BlockingChannel>)>;
  using Callback = UniqueFunction<void(Routine&)>;

  template <class F>
  Routine(WorkerModel model, std::vector<UniqueFd> ends, F code, std::string name = "ioa-routine")
      : Routine(model, std::move(ends), Code(wrap(std::move(code))), std::move(name)) {}
  Routine(WorkerModel model, std::vector<UniqueFd> ends, Code code, std::string name);
  ~Routine() override;

  WorkerModel model() const noexcept { return model_; }
  /// "P" and the process id, or "T" and the thread's; empty before it has started.
  std::string id() const;

  /// What the code has returned. Fails with WorkerError for what it has thrown; with kind
  /// `disconnected` if its process has ended in another way (killed by a signal, _exit). Asked for
  /// once.
  Future<Bytes> result() {
    has_given_result_ = true;
    return result_.future();
  }

  /// The code has returned, with these bytes; has failed (if neither this nor the Future is there,
  /// that goes to invoke_error()); is through, whichever it was.
  void on_return(UniqueFunction<void(Routine&, std::string_view)> callback);
  void on_error_thrown(UniqueFunction<void(Routine&, const Error&)> callback);
  void on_finish(Callback callback);
  /// How its process has ended; unknown before, and for a thread.
  const WaitStatus& status() const noexcept { return status_; }

  /// Sends a signal to the process; false if it has ended, or is a thread.
  bool kill(int signal) const noexcept;

 protected:
  void added_to_loop(Loop& loop) override;
  void removing_from_loop(Loop& loop) override;

 private:
  template <class F>
  static auto wrap(F code) {
    return [code = std::move(code)](std::span<BlockingChannel> channels) mutable {
      using Result = std::invoke_result_t<F&, std::span<BlockingChannel>>;
      if constexpr (std::is_void_v<Result>) {
        code(channels);
        return Bytes();
      } else {
        return encode<Result>(code(channels));
      }
    };
  }

  void read_outcome(ByteBuffer& in, bool eof);
  void exited(const ExitReport& report);
  void finish_if_over();
  void finish();

  WorkerModel model_;
  std::vector<UniqueFd> ends_;
  Code code_;
  std::string name_;
  ::pid_t id_ = 0;
  std::optional<PidWatch> watch_;
  WaitStatus status_;
  Stream* outcome_stream_ = nullptr;  // a child, until the outcome is there
  std::optional<Bytes> outcome_;      // as it came
  bool has_given_result_ = false;
  std::optional<DeferredCall> finish_;
  Promise<Bytes> result_;
  Event<void(Routine&, std::string_view)> on_return_;
  Event<void(Routine&, const Error&)> on_error_thrown_;
  Event<void(Routine&)> on_finish_;
};

}  // namespace ioa

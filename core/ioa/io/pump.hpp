#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "ioa/base/clock.hpp"
#include "ioa/base/error.hpp"
#include "ioa/base/event_slot.hpp"
#include "ioa/future/promise.hpp"
#include "ioa/io/byte_end.hpp"
#include "ioa/io/byte_filter.hpp"
#include "ioa/io/flow.hpp"
#include "ioa/io/splice_pipe.hpp"
#include "ioa/loop/notifier.hpp"
#include "ioa/loop/time_queue.hpp"

namespace ioa {

/// What a Pump does when its near source has ended; all that was read is sent first in every case.
enum class NearEof {
  half_close,   ///< Shuts the far side's writing down and goes on receiving.
  after_reply,  ///< The same, once the far side has said something.
  close,        ///< Ends.
  keep,         ///< Goes on receiving, the far side's writing left open.
};

/// What a Pump does when its far side has ended; the near sink is closed in every case.
enum class FarEof {
  finish,  ///< Goes on sending until the near source ends.
  exit,    ///< Sends what was read and what the near source has ready, then ends.
};

/// What ends a Pump, and what bounds it.
struct PumpOptions {
  NearEof near_eof = NearEof::half_close;
  FarEof far_eof = FarEof::exit;
  /// Ends so long after the near source has ended and everything was sent.
  std::optional<Duration> quit_after;
  /// Ends, as a failure, when no byte has moved either way for so long; zero: never.
  Duration idle_timeout{0};
  /// False: nothing is read from the near source, and the far side's writing stays open.
  bool sends = true;
  /// No more bytes a second each way; 0: no limit.
  std::uint64_t rate = 0;
  /// No more than so many bytes are read from one side ahead of what the other has taken, each way;
  /// 0: as many as prove fast. What lies in pipes that an end is made of is not counted.
  std::size_t buffer = 0;
  /// The far side's end is passed on to the near sink by ByteEnd::end_writing(), and a failure of
  /// its connection is one: for sockets and children. Otherwise the sink is closed, and that its
  /// reader has gone (EPIPE) is `near_left`.
  bool near_half_closes = false;
  /// Both near ends belong to one thing, a command or a connection or an echo, that may take
  /// nothing as long as nobody takes what it gives. A pump that has lost the far side, or is
  /// interrupted, does not wait for a sink like that: what it does not take at once is lost.
  bool near_is_one = false;
  /// The near sink's reader may leave: what is received from then on is thrown away. For children,
  /// which need not read what they are sent.
  bool near_reader_may_leave = false;
  /// What errors call the two near ends.
  std::string near_source_name = "standard input";
  std::string near_sink_name = "standard output";
  /// Whether a near sink whose reader has gone is PumpEnd::near_left, as in a pipeline, and not a
  /// failure as any other.
  bool near_leaves_quietly = true;
  /// False: what is received is thrown away, and the pump ends once everything was sent.
  bool receives = true;
};

/// Why a Pump ended.
enum class PumpEnd {
  complete,      ///< Both sides ended in order and every byte that was read has arrived.
  quit,          ///< PumpOptions::quit_after; every byte that was read has arrived.
  far_failed,    ///< The far side was reset, or would not take everything.
  near_failed,   ///< Reading the near source, or writing the near sink, failed.
  near_left,     ///< The reader of the near sink has gone (EPIPE).
  idle_timeout,  ///< PumpOptions::idle_timeout.
  interrupted,   ///< interrupt().
  cut_off,       ///< cut_off().
};

/// How a Pump has ended, and what it has moved until then.
struct PumpResult {
  PumpEnd end = PumpEnd::complete;
  std::optional<Error> error;  ///< With far_failed, near_failed and near_left.
  std::uint64_t sent = 0;      ///< Bytes that the far side's kernel has, as far as can be known.
  /// Bytes that the near sink has taken; those of them that its kernel has, where it is TCP.
  std::uint64_t received = 0;
  /// Bytes read from the near source that the far side does not have.
  std::uint64_t undelivered = 0;
  /// Bytes received that nobody wanted: PumpOptions::near_reader_may_leave.
  std::uint64_t unwanted = 0;
  /// How the bytes were moved, towards the far side and from it.
  Flow::Method sent_by = Flow::Method::copy;
  Flow::Method received_by = Flow::Method::copy;
};

/// Joins a near side (standard input and output, say) and a far side (a socket) in both directions,
/// with half-close, counters and an idle time.
///
///     Pump& pump = loop.add(std::make_unique<Pump>(std::move(in), std::move(out),
///                                                  std::move(socket), options));
///     PumpResult result = co_await pump.result();
///
/// Before it reports success over TCP it waits until the peer has acknowledged every byte, for as
/// long as the kernel tries: a program that ends sooner cannot know that they arrived.
///
/// OWNERSHIP: owns both sides. It begins when it joins a loop, and removes itself when it has
/// ended.
class Pump : public Notifier {
 public:
  /// Which side has ended, for on_eof.
  enum class Side { near, far };

  Pump(ByteEnd near_source, ByteEnd near_sink, UniqueFd far, PumpOptions options);

  /// The outcome; asked for once. It does not fail.
  Future<PumpResult> result() { return promise_.future(); }

  /// Ends in an orderly way: what was received is written out, then it is over. See
  /// PumpOptions::near_is_one.
  void interrupt();

  /// Ends now: what has not been written is lost, and the result says how much that is.
  void cut_off() { finish(PumpEnd::cut_off); }

  /// The near side has gone altogether, as a child does that ends: what its source has ready is
  /// sent, then it is over.
  void end_near();

  /// Before it joins a loop: what goes towards that side is shown to `filter`, which is borrowed
  /// and outlives the pump.
  void add_filter(Side towards, ByteFilter& filter);

  /// Called when a side has ended and all its bytes are through.
  void on_eof(UniqueFunction<void(Side)> callback) { on_eof_ = std::move(callback); }

  /// The bytes so far: accepted by the far socket, and by the near sink.
  std::uint64_t sent() const noexcept { return up_ ? up_->bytes_written() : 0; }
  std::uint64_t received() const noexcept { return down_ ? down_->bytes_written() : 0; }
  /// The two directions, for those who report how bytes move; null outside a loop.
  const Flow* up() const noexcept { return up_ ? &*up_ : nullptr; }
  const Flow* down() const noexcept { return down_ ? &*down_ : nullptr; }

 protected:
  void added_to_loop(Loop& loop) override;
  void removing_from_loop(Loop& loop) override;

 private:
  void changed();
  void near_ended();
  void far_ended();
  void half_close();
  bool check_failures();
  bool is_near_stuck() const noexcept;
  void settle();
  void restart_idle_timer();
  void await_end();
  bool check_connections();
  void finish(PumpEnd end, std::optional<Error> error = std::nullopt);
  std::uint64_t unacknowledged_by_far() const noexcept;
  std::uint64_t unacknowledged_by_near() const noexcept;
  bool says_near_end_by_closing() const noexcept;
  int end_near_sink();

  ByteEnd near_source_;
  ByteEnd near_sink_;
  ByteEnd far_;
  ByteEnd far_reader_;
  PumpOptions options_;
  PipePool pipes_;
  std::vector<ByteFilter*> up_filters_;
  std::vector<ByteFilter*> down_filters_;
  std::optional<Flow> up_;
  std::optional<Flow> down_;
  std::optional<TimeWatch> idle_timer_;
  std::optional<TimeWatch> quit_timer_;
  std::optional<TimeWatch> acknowledgement_timer_;
  Duration acknowledgement_delay_{};
  std::uint64_t moved_ = 0;
  std::uint64_t unacknowledged_ = std::numeric_limits<std::uint64_t>::max();  // when last asked
  Event<void(Side)> on_eof_;
  Promise<PumpResult> promise_;
  std::optional<Error> far_write_error_;
  PumpEnd orderly_end_ = PumpEnd::complete;
  bool near_eof_handled_ = false;
  bool far_eof_handled_ = false;
  bool is_shut_down_ = false;
  bool has_sent_end_ = false;
  bool has_near_end_ = false;  // the near sink has been told the end
  bool has_near_gone_ = false;
  bool is_interrupted_ = false;
  bool is_settling_ = false;
  bool is_over_ = false;
};

}  // namespace ioa

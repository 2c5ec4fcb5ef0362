#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ioa/base/byte_buffer.hpp"
#include "ioa/base/clock.hpp"
#include "ioa/base/error.hpp"
#include "ioa/base/event_slot.hpp"
#include "ioa/future/promise.hpp"
#include "ioa/io/byte_end.hpp"
#include "ioa/io/byte_filter.hpp"
#include "ioa/io/pump.hpp"
#include "ioa/io/token_bucket.hpp"
#include "ioa/loop/notifier.hpp"
#include "ioa/loop/time_queue.hpp"
#include "ioa/loop/watch.hpp"
#include "ioa/net/datagram_cutter.hpp"
#include "ioa/net/datagram_side.hpp"
#include "ioa/net/socket.hpp"
#include "ioa/net/socket_address.hpp"

namespace ioa {

/// How a DatagramPump cuts, sends and ends.
struct DatagramPumpOptions {
  DatagramFraming framing = DatagramFraming::chunk;
  /// Of DatagramFraming::chunk, in bytes.
  std::size_t chunk_size = 1400;
  /// The longest record of the other framings that is taken, and the longest datagram that is
  /// received whole, in bytes.
  std::size_t longest = Socket::kReceiveSize;
  /// Where datagrams go, over a socket that is not connected; empty: to the connected peer.
  SocketAddress to;
  NearEof near_eof = NearEof::half_close;
  /// For packet connections, which have an end.
  FarEof far_eof = FarEof::exit;
  /// Ends so long after the near source has ended and everything was sent. Each datagram that
  /// comes then begins that time anew, save on a packet connection. Nothing: never.
  std::optional<Duration> quit_after;
  /// Ends, as a failure, when no datagram went or came for so long; zero: never.
  Duration idle_timeout{0};
  /// False: nothing is read from the near source.
  bool sends = true;
  /// False: what is received is thrown away.
  bool receives = true;
  /// No more bytes a second each way, 0: no limit. What comes faster waits in the kernel, which
  /// drops what is too much.
  std::uint64_t rate = 0;
  /// As PumpOptions has them.
  bool near_half_closes = false;
  bool near_reader_may_leave = false;
  /// What errors call the ends.
  std::string near_source_name = "standard input";
  std::string near_sink_name = "standard output";
  /// As PumpOptions has it.
  bool near_leaves_quietly = true;
  std::string far_name;
};

/// How a DatagramPump ended. Sent is what the kernel has taken.
struct DatagramPumpResult : PumpResult {
  std::uint64_t datagrams_sent = 0;
  std::uint64_t datagrams_received = 0;
  /// Received datagrams that were longer than DatagramPumpOptions::longest: their rest is lost.
  std::uint64_t truncated = 0;
  /// Bytes received that nobody wanted: DatagramPumpOptions::near_reader_may_leave.
  std::uint64_t unwanted = 0;
  /// Datagrams that the kernel threw away, as nobody took them in time (SO_MEMINFO).
  std::uint64_t dropped = 0;
  /// Datagrams that the far side threw away, as the near sink took nothing, and those that it has
  /// received and not passed on.
  std::uint64_t thrown_away = 0;
  std::uint64_t kept = 0;
  /// Bytes received that the near sink has not taken; `received` does not have them.
  std::uint64_t unwritten = 0;
};

/// Joins a near side of bytes and a socket of datagrams: UDP, Unix datagrams, or the packets of a
/// seqpacket connection. What the near source has is cut into datagrams, what is received is
/// joined to what the near sink gets.
///
///     auto& pump = loop.add(std::make_unique<DatagramPump>(std::move(in), std::move(out),
///                                                          std::move(socket), options));
///     DatagramPumpResult result = co_await pump.result();
///
/// ENDING: datagrams have no end, so quit_after is what ends it: at `complete` if no ICMP error
/// came back until then. One that does ends it with `far_failed`, as a datagram does that cannot be
/// sent. A packet connection ends as a stream does.
///
/// MEMORY is bounded: nothing is read while the socket's queue is full, and nothing received while
/// the near sink takes nothing (the kernel then drops what is too much, and counts it).
///
/// OWNERSHIP: owns both sides. It begins when it joins a loop, and removes itself when it has
/// ended.
class DatagramPump : public Notifier, private DatagramSide::User {
 public:
  using Side = Pump::Side;

  DatagramPump(ByteEnd near_source, ByteEnd near_sink, UniqueFd far, DatagramPumpOptions options);
  /// With another far side than a socket of its own; DatagramPumpOptions::to counts for nothing.
  DatagramPump(ByteEnd near_source, ByteEnd near_sink, std::unique_ptr<DatagramSide> far,
               DatagramPumpOptions options);

  /// The outcome; asked for once. It does not fail.
  Future<DatagramPumpResult> result() { return promise_.future(); }

  /// Ends in an orderly way: what was received is written out, then it is over.
  void interrupt();
  /// Ends now: what has not been written is lost.
  void cut_off() { finish(PumpEnd::cut_off); }

  /// The near side has gone altogether, as a child does that ends: what its source has ready is
  /// sent, then it is over.
  void end_near();

  /// Before it joins a loop: what goes towards that side is shown to `filter`, which is borrowed
  /// and outlives the pump. It sees what is read before that is cut into datagrams, and what is
  /// received as it came; `delivered` is a whole datagram.
  void add_filter(Side towards, ByteFilter& filter);

  /// Called when a side has ended and all its bytes are through; only a packet connection's far
  /// side has an end.
  void on_eof(UniqueFunction<void(Side)> callback) { on_eof_ = std::move(callback); }

  /// So far: what the kernel has taken, and what the near sink has.
  std::uint64_t bytes_sent() const noexcept;
  std::uint64_t bytes_received() const noexcept;
  std::uint64_t datagrams_sent() const noexcept;
  std::uint64_t datagrams_received() const noexcept { return received_count_; }

 protected:
  void added_to_loop(Loop& loop) override;
  void removing_from_loop(Loop& loop) override;

 private:
  bool is_ending() const noexcept { return is_over_ || ending_.has_value(); }
  void send_some();
  void source_has_ended();
  void add_input(std::string_view bytes);
  bool may_send();
  bool cut_and_send(DatagramCutter::Input input);
  void send(std::string_view datagram);
  void settle_queue(std::size_t failed) noexcept;
  void all_sent() override;
  bool waits_for_reply() const noexcept;
  void half_close();
  void received(const Datagram& datagram) override;
  void pace_receiving(std::size_t size);
  void pause_receiving();
  void peer_has_ended() override;
  bool forget_reader(int error);
  void close_sink();
  void flush();
  void receiving_failed(const Error& error) override;
  void sending_failed(const Error& error) override;
  void writable() override { send_some(); }
  void restart_idle_timer();
  void restart_quit_timer();
  void settle(PumpEnd end);
  void end_with(PumpEnd end, std::optional<Error> error = std::nullopt);
  void finish(PumpEnd end, std::optional<Error> error = std::nullopt);

  ByteEnd near_source_;
  ByteEnd near_sink_;
  DatagramPumpOptions options_;
  std::unique_ptr<DatagramSide> far_;
  DatagramCutter cutter_;
  ByteBuffer out_;                  // received, for the near sink
  std::deque<std::size_t> queued_;  // the sizes of the datagrams that the socket still has
  bool is_packet_stream_ = false;
  std::optional<IoWatch> source_watch_;
  std::optional<IoWatch> sink_watch_;
  std::optional<DeferredCall> send_later_;
  std::optional<DeferredCall> flush_later_;
  std::optional<TimeWatch> idle_timer_;
  std::optional<TimeWatch> quit_timer_;
  std::optional<TokenBucket> send_bucket_;
  std::optional<TokenBucket> receive_bucket_;
  std::optional<TimeWatch> send_pace_;
  std::optional<TimeWatch> receive_pace_;
  std::vector<ByteFilter*> send_filters_;
  std::vector<ByteFilter*> receive_filters_;
  Event<void(Side)> on_eof_;
  Promise<DatagramPumpResult> promise_;
  std::uint64_t read_ = 0;     // bytes, of the near source
  std::uint64_t framing_ = 0;  // bytes of these that go into no datagram
  std::uint64_t given_ = 0;    // bytes, to the socket
  std::uint64_t given_count_ = 0;
  std::uint64_t lost_ = 0;  // bytes of these that could not be sent
  std::uint64_t lost_count_ = 0;
  std::uint64_t received_ = 0;  // bytes
  std::uint64_t received_count_ = 0;
  std::uint64_t truncated_ = 0;
  std::uint64_t unwanted_ = 0;
  struct Ending {
    PumpEnd end;
    std::optional<Error> error;
  };
  std::optional<Ending> ending_;  // once it only waits for the near sink
  bool has_source_ended_ = false;
  bool has_sent_all_ = false;
  bool has_peer_ended_ = false;
  bool is_draining_ = false;   // sends what the near source has ready, then ends
  bool is_sink_told_ = false;  // the peer's end
  bool is_over_ = false;
};

}  // namespace ioa

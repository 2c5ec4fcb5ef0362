#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "ioa/base/byte_buffer.hpp"
#include "ioa/base/bytes.hpp"
#include "ioa/base/error.hpp"
#include "ioa/base/event_slot.hpp"
#include "ioa/io/handle.hpp"
#include "ioa/io/transport.hpp"
#include "ioa/io/write_pieces.hpp"

namespace ioa {
namespace detail {
class Incoming;
class Outgoing;
class Reader;
}  // namespace detail

/// A Handle whose bytes are a stream: it buffers what comes in until it is consumed, and what goes
/// out until the kernel takes it.
///
///     auto& echo = loop.add(std::make_unique<Stream>(std::move(socket)));
///     echo.on_read([](Stream& self, ByteBuffer& in, bool) {
///       self.write(in.view());
///       in.clear();
///     });
///
/// or, in a coroutine:
///
///     for (;;) {
///       std::optional<std::string> line = co_await stream.read_line();
///       if (!line) break;
///       co_await stream.write_done(*line + "\n");
///     }
///
/// READING: bytes go to the read Futures and temporary readers first, in the order in which these
/// were made, then to on_read. Nothing is read while nobody asks, so the kernel makes the peer
/// wait. While on_read runs, its Stream does not read, in no turn inside it, and read Futures made
/// there are served when it has returned. Where a Future has completed, bytes left over and the end
/// of file reach on_read, on_read_eof and the closing one turn later, so that a coroutine can go on
/// first.
///
/// WRITING: write() gives the kernel what it takes at once and queues the rest, in order. Futures
/// of bytes and generators have their places in that order: what is written after them waits.
///
/// ENDING: at end of file it closes, once its queue is sent (set_close_on_read_eof). close() sends
/// the queue first, close_now() drops it. All Futures of a Stream that closes complete or fail;
/// those of one that is destroyed fail with kind `abandoned`.
///
/// ERRORS: on_read_error and on_write_error; without them, the Stream closes.
///
/// CALLBACKS may do anything to their Stream: write, close, remove it or a parent, run the Loop.
/// None is called inside the call that caused it, save on_closed inside close(), close_now() and
/// shutdown_write().
///
/// SIGNALS: writing to a pipe without a reader raises SIGPIPE, which the program has to ignore.
/// Sockets do not raise it.
///
/// LIFETIME: as a Handle's; a coroutine that waits for something other than the Stream it uses
/// wants set_leaves_when_closed(false).
///
/// Where it differs from IO::Async's Stream.pm: the end of file and closing do not lose what is
/// queued; a write error is told once; closing fails pending reads; read errors stop the reading;
/// bytes are asked for before they are read; on_read loops by itself instead of returning true.
class Stream : public Handle {
 public:
  using ReadCallback = UniqueFunction<void(Stream&, ByteBuffer& in, bool eof)>;
  using StreamCallback = UniqueFunction<void(Stream&)>;
  using ErrorCallback = UniqueFunction<void(Stream&, const Error&)>;
  /// Whether a temporary reader has what it wants, or is to be called again with more.
  enum class Reading { done, more };
  using TemporaryReader = UniqueFunction<Reading(Stream&, ByteBuffer& in, bool eof)>;

  using Matcher = UniqueFunction<std::optional<std::size_t>(std::string_view)>;

  static constexpr std::size_t kNoLimit = std::numeric_limits<std::size_t>::max();
  /// How long a line, or what read_until() looks for, may be where nothing else is said.
  static constexpr std::size_t kMaxLine = std::size_t{1} << 20;
  /// The write marks at first.
  static constexpr std::size_t kWriteLow = std::size_t{64} << 10;
  static constexpr std::size_t kWriteHigh = std::size_t{256} << 10;

  /// As Handle. What is written before there is a descriptor, or before the Stream is in a loop,
  /// waits.
  Stream();
  explicit Stream(UniqueFd fd);
  Stream(UniqueFd read_fd, UniqueFd write_fd);
  ~Stream() override;

  // --- Reading ------------------------------------------------------------------------------

  /// Called with all bytes that nobody has consumed yet, whenever more have come; it consumes what
  /// it can use, and the rest is there again the next time. At the end of file it is called once
  /// more, with `eof` and the leftovers, which may be none. `in` is the callback's for the time of
  /// the call.
  void on_read(ReadCallback callback);
  /// A reader for the next thing only, served in one order with the read Futures and before
  /// on_read: called as on_read until it is done, or the end of file came. What it leaves goes to
  /// the next one at once. If bytes, or the end of file, are there already it is called soon. It is
  /// dropped if it throws, and without a call if the Stream is closed; an error of reading leaves
  /// it waiting.
  ///
  ///     stream.push_on_read([](Stream&, ByteBuffer& in, bool) {
  ///       if (in.size() < kHeaderSize) return Stream::Reading::more;
  ///       take_header(in);
  ///       return Stream::Reading::done;
  ///     });
  void push_on_read(TemporaryReader reader);
  /// The peer has sent its last byte, and on_read knows. Called before the Stream closes, if it
  /// does.
  void on_read_eof(StreamCallback callback);
  /// Reading failed. If this is set the Stream stays open and reads no more, until resume_reading()
  /// or the next read Future.
  void on_read_error(ErrorCallback callback);

  /// What there is, at least a byte, at most `max`; nullopt at the end of file.
  ///
  /// For this and all the others: DROPPING the Future consumes nothing. At the end of file the
  /// first takes what is left, even if that is less than it wants, the later ones get nullopt. They
  /// FAIL with the error of reading, and with kind `disconnected` if the Stream closes before.
  Future<std::optional<Bytes>> read_some(std::size_t max = kNoLimit);
  /// `size` bytes; fewer only at the end of file.
  Future<std::optional<Bytes>> read_exactly(std::size_t size);
  /// Up to and including `delimiter`, which is not empty. Fails with EMSGSIZE, consuming nothing,
  /// if that is more than `limit` bytes; without the delimiter only at the end of file.
  Future<std::optional<Bytes>> read_until(std::string delimiter, std::size_t limit = kMaxLine);
  /// As many bytes as `end_of(what there is)` says, once it says a number; for what no delimiter
  /// describes. It is asked again whenever more has come, sees at most `limit` bytes, leaves the
  /// Stream alone and does not throw. Fails as read_until().
  Future<std::optional<Bytes>> read_match(Matcher end_of, std::size_t limit = kMaxLine);
  /// A line without its LF or CR LF; the last one need not have any. Fails as read_until().
  Future<std::optional<std::string>> read_line(std::size_t limit = kMaxLine);
  /// All that comes, which may be nothing. Fails with EMSGSIZE if it is more than `limit` bytes.
  Future<Bytes> read_until_eof(std::size_t limit = kNoLimit);

  /// Holds reading, and the calls of on_read. The second calls on_read (soon) if bytes wait for it.
  void pause_reading() noexcept { is_paused_ = true; }
  void resume_reading();
  bool is_reading_paused() const noexcept { return is_paused_; }

  /// Reading pauses when `high` bytes or more are not consumed, and resumes when fewer than `low`
  /// are left, or none. At first there is no limit. A pending read Future is served regardless: it
  /// has asked for its bytes.
  void set_read_marks(std::size_t low, std::size_t high);
  /// The high mark was reached, and what is left has fallen below the low one: in turns, once each.
  void on_read_high(StreamCallback callback);
  void on_read_low(StreamCallback callback);
  /// How many bytes have been received and not been consumed.
  std::size_t unread_bytes() const noexcept;
  bool is_read_eof() const noexcept { return is_read_eof_; }
  /// Inside on_read: true once the read side that its bytes came from is closed, opened anew or
  /// not. What it leaves of them is nobody's then.
  bool has_dropped_unread() const noexcept { return drops_presented_; }

  // --- Writing ------------------------------------------------------------------------------

  /// Sends `bytes`, after all that was written before. Never blocks and never fails here: see
  /// on_write_error. After close(), shutdown_write() or a write error it does nothing.
  void write(std::string_view bytes);
  /// The same for several buffers in a row, in one system call where that is possible.
  void write_gathered(std::span<const std::string_view> parts);
  /// Sends what `bytes` gives, in its place among what was written before and after; until it is
  /// ready all that is behind it waits, and costs no turns. Its failure is a failure of writing.
  /// Closing the Stream drops it; close() and shutdown_write() wait for it.
  void write(Future<Bytes> bytes);
  /// Sends what `generator` gives, until it gives nothing more: bytes, or Futures of them, in their
  /// order and before all that is written later. (Not further generators: it may keep one and give
  /// what that gives.) It is called when the kernel can take bytes and
  /// the queue before it is sent, once each time, never inside this call, and may do anything to
  /// the Stream. What it throws is a failure of writing; if neither on_write_error nor any Future
  /// hears of that, it goes to invoke_error().
  void write_from(WriteGenerator generator);
  /// As write(); the Future is ready when the kernel has the last of them, at once if it takes them
  /// all. Dropping it takes back nothing but the interest. Fails with the error of writing, or with
  /// kind `disconnected` if the Stream does not take them or closes before.
  Future<> write_done(std::string_view bytes);
  /// The same for all that has been written so far.
  Future<> flushed();
  /// How many bytes the kernel has not taken yet. Those of Futures and generators count once they
  /// are there and it is their turn.
  std::size_t pending_bytes() const noexcept;

  /// Everything written has been handed to the kernel.
  void on_outgoing_empty(StreamCallback callback);
  /// Writing failed because nobody reads any more (EPIPE); on_write_error follows.
  void on_write_eof(StreamCallback callback);
  /// Writing failed; the queue is dropped and its Futures have failed. If this is set the Stream
  /// stays open for reading.
  void on_write_error(ErrorCallback callback);
  bool is_write_eof() const noexcept { return is_write_eof_; }

  /// A Stream with `high` or more pending bytes is not writable until fewer than `low` are left, or
  /// none. It takes more all the same; a producer that waits for writable() bounds the memory.
  void set_write_marks(std::size_t low, std::size_t high);
  bool is_writable() const noexcept { return !is_full_; }
  /// The queue has fallen below the low mark, having reached the high one.
  void on_writable(StreamCallback callback);
  /// The same, once; ready at once if it is writable. Fails as write_done().
  Future<> writable();

  /// The kernel takes no more for now (the first time that it took less than it was offered), and
  /// takes bytes again. The second follows each of the first, save where the Stream closes.
  void on_write_blocked(StreamCallback callback);
  void on_write_unblocked(StreamCallback callback);

  /// Says "no more bytes" to the peer once the queue is sent: shuts a socket's sending down; where
  /// the write side is a descriptor of its own, closes that. A terminal cannot say it.
  void shutdown_write();

  // --- Ending -------------------------------------------------------------------------------

  /// Whether the end of file closes the Stream (by close()); true at first.
  void set_close_on_read_eof(bool closes) noexcept { keeps_open_at_eof_ = !closes; }
  /// Stops reading and taking writes at once, and closes when the queue is sent; outside a loop, at
  /// once. Read Futures fail.
  void close() override;
  /// True while close() waits for the queue to be sent.
  bool is_closing() const noexcept { return is_closing_; }
  /// Closes at once. What is queued is lost, and its Futures fail.
  void close_now();

  using Handle::on_closed;
  /// The same with a callback that gets the Stream.
  template <class F>
  requires std::invocable<F&, Stream&>
  void on_closed(F callback) {
    Handle::on_closed([callback = std::move(callback)](Handle& self) mutable {
      callback(static_cast<Stream&>(self));
    });
  }

  /// Reads and writes through `transport` from now on, what is queued included; null for the
  /// descriptor itself. It stays until the Stream is opened anew.
  void set_transport(std::unique_ptr<Transport> transport);

 protected:
  void added_to_loop(Loop& loop) override;
  void removing_from_loop(Loop& loop) override;
  void read_ready() override;
  void write_ready() override;
  void handles_set() override;
  void sides_closed(IoEvents sides) override;

 private:
  // A Stream manages these itself.
  using Handle::on_read_ready;
  using Handle::on_write_ready;
  using Handle::want_read_ready;
  using Handle::want_write_ready;
  using Handle::wants_read_ready;
  using Handle::wants_write_ready;

  struct Settings;
  template <class Match>
  class MatchReader;
  class CallbackReader;
  enum class Task : std::uint16_t;
  enum class When { soon, after_reactions };

  Settings& settings();
  void start_io();
  void defer(Task task, When when = When::soon);
  void run_deferred();
  void run(Task task);
  Error make_error(std::error_code code, const char* operation) const;
  std::exception_ptr closed_error(const char* operation) const;
  bool is_unopened() const noexcept { return !is_open() && !is_closed_; }

  template <class Match>
  Future<typename Match::Result> start_read(Match match);
  void withdraw(detail::Reader& reader);
  detail::Incoming& incoming();
  bool has_readers() const noexcept;
  bool wants_to_read() const noexcept;
  void update_read_interest();
  void drop_read_interest();
  void read_step();
  IoResult read_some_into(std::span<char> space);
  void keep(ByteBuffer& data);
  void fail_read(std::error_code code);

  template <class Call>
  bool lend(ByteBuffer& data, Call call);
  template <class Work>
  void use(ByteBuffer& data, Work work);
  ByteBuffer take_unread() noexcept;
  bool may_call() const noexcept;
  bool serve_readers(ByteBuffer& data, bool is_news);
  bool call_reader(ByteBuffer& data);
  void call_on_read(ByteBuffer& data);
  void deliver(ByteBuffer& data);
  void pass_on(ByteBuffer& data, bool is_awaited);
  void offer_unread();
  void defer_missed();
  void call_readers();
  void present_unread();
  void end_of_file();
  void announce_eof();
  void announce_mark();
  bool is_at_eof() const noexcept;

  detail::Outgoing& outgoing();
  bool takes_writes() const noexcept;
  bool may_send() const noexcept;
  IoResult send(std::string_view bytes);
  std::size_t sent_at_once(const IoResult& result, std::size_t size);
  bool has_queue() const noexcept;
  void enqueue(std::string_view bytes);
  void mark_full() noexcept;
  void update_full();
  void await_write();
  void await_piece();
  static void piece_ready(void* self);
  bool load_pieces();
  void fail_piece(std::exception_ptr failure, bool is_thrown);
  void note_blocked();
  void announce_blocked();
  void announce_unblocked();
  void wait_to_write(IoEvent event);
  void write_step();
  void announce_sent();
  bool is_writing() const noexcept;
  void find_failure(std::error_code code);
  Error as_error(const std::exception_ptr& failure) const;
  void fail_write();
  void tell_failure();
  void close_failed();
  void finish_writing();
  void shut_down_now();

  // In the gap that Handle leaves; see there.
  bool is_read_eof_ : 1 = false;
  bool is_read_failed_ : 1 = false;  // until the next attempt
  bool is_paused_ : 1 = false;
  bool is_over_mark_ : 1 = false;
  bool is_presenting_ : 1 = false;    // on_read is running
  bool drops_presented_ : 1 = false;  // and what it leaves is nobody's
  bool is_eof_announced_ : 1 = false;
  bool keeps_open_at_eof_ : 1 = false;
  bool is_write_eof_ : 1 = false;
  bool is_full_ : 1 = false;
  bool is_closing_ : 1 = false;
  bool is_shutting_down_ : 1 = false;
  bool is_shut_down_ : 1 = false;
  bool is_closed_ : 1 = false;
  bool reads_no_socket_ : 1 = false;
  bool writes_no_socket_ : 1 = false;
  std::unique_ptr<detail::Incoming> in_;
  std::unique_ptr<detail::Outgoing> out_;
  Event<void(Stream&, ByteBuffer&, bool)> on_read_;
  std::unique_ptr<Settings> settings_;  // what most streams never use
};

}  // namespace ioa

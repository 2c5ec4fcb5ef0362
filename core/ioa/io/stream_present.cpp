// What a Stream has read, given to those who read it by callbacks.
#include <memory>
#include <utility>

#include "ioa/base/assert.hpp"
#include "ioa/io/stream.hpp"
#include "ioa/io/stream_queues.hpp"
#include "ioa/io/stream_settings.hpp"
#include "ioa/loop/trace.hpp"

namespace ioa {

/// A temporary reader.
class Stream::CallbackReader final : public detail::Reader {
 public:
  CallbackReader(TemporaryReader called, bool is_pushed_late)
      : function(std::move(called)), is_late(is_pushed_late) {}

  bool serve(ByteBuffer&, bool) override { return false; }
  void fail(const std::exception_ptr&) override {}
  bool is_callback() const noexcept override { return true; }

  TemporaryReader function;
  bool is_late;                 // pushed by a callback: see serve_readers()
  bool waits_for_more = false;  // has seen all that there is
};

void Stream::on_read(ReadCallback callback) {
  on_read_ = std::move(callback);
  if (on_read_ && (is_presenting_ || unread_bytes() > 0 || is_read_eof_))
    defer(Task::present_unread);
  update_read_interest();
}

void Stream::push_on_read(TemporaryReader reader) {
  IOA_ASSERT(static_cast<bool>(reader), "an empty function reads nothing");
  if (is_closing_ || (read_fd() < 0 && !is_unopened())) return;
  incoming().readers.push(*new CallbackReader(std::move(reader), is_presenting_));
  is_read_failed_ = false;
  offer_unread();
  update_read_interest();
}

/// Has those called who read by callbacks, if there is something that they may not have seen.
void Stream::offer_unread() {
  if (has_readers()) {
    if (in_->is_callback_next() && (unread_bytes() > 0 || is_read_eof_)) defer(Task::call_readers);
  } else if (on_read_ && unread_bytes() > 0) {
    defer(Task::present_unread);
  }
}

// --- Calling out ----------------------------------------------------------------------------

/// Calls `call`, to which the bytes belong for that time. Returns false if what is left of them is
/// nobody's any more.
template <class Call>
bool Stream::lend(ByteBuffer& data, Call call) {
  struct End {
    End(Stream& lender, ByteBuffer& lent) : stream(lender), data(lent) {}
    End(const End&) = delete;
    End& operator=(const End&) = delete;
    ~End() {
      stream.is_presenting_ = false;
      if (stream.drops_presented_) data.clear();
    }
    Stream& stream;
    ByteBuffer& data;
  };
  is_presenting_ = true;
  drops_presented_ = false;
  {
    const End end(*this, data);
    call();
  }
  defer_missed();
  return !drops_presented_;
}

/// What came due inside a call to the readers or on_read, and could not be done there.
void Stream::defer_missed() {
  if (!settings_) return;
  if (std::exchange(settings_->is_call_due, false)) defer(Task::present_unread);
  if (std::exchange(settings_->is_eof_due, false)) defer(Task::announce_eof);
}

/// Calls `work` with bytes that lie in `data`, and stores what is left of them.
template <class Work>
void Stream::use(ByteBuffer& data, Work work) {
  try {
    work();
  } catch (...) {
    keep(data);
    defer_missed();
    if (has_readers()) offer_unread();
    update_read_interest();
    throw;
  }
  keep(data);
  update_read_interest();
}

ByteBuffer Stream::take_unread() noexcept { return in_ ? std::move(in_->bytes) : ByteBuffer(); }

bool Stream::may_call() const noexcept { return loop() != nullptr && !is_paused_ && !is_closing_; }

/// Gives the readers, in their order, what they want, until one needs more. Returns whether a
/// Future was served. A callback that was pushed by another one which consumed nothing waits for
/// the next turn, so that no chain of them holds up the Loop.
bool Stream::serve_readers(ByteBuffer& data, bool is_news) {
  bool is_awaited = false;
  bool was_consumed = true;
  while (has_readers()) {
    if (in_->serve(data, is_read_eof_)) is_awaited = true;
    if (!in_->is_callback_next()) break;
    const auto* reader = static_cast<CallbackReader*>(in_->readers.first());
    if ((data.empty() && !is_read_eof_) || !may_call()) break;
    if (reader->waits_for_more && !is_news) break;
    if (reader->is_late && !was_consumed) {
      defer(Task::call_readers);
      break;
    }
    const std::size_t size = data.size();
    if (!call_reader(data)) break;
    was_consumed = data.size() < size;
  }
  return is_awaited;
}

/// Calls the reader that is the first, and drops it unless it needs more. Returns whether the next
/// one may go on with what is left.
bool Stream::call_reader(ByteBuffer& data) {
  std::unique_ptr<CallbackReader> reader(static_cast<CallbackReader*>(in_->readers.first()));
  in_->readers.remove(*reader);
  const bool eof = is_read_eof_;
  Reading wish = Reading::done;
  if (!lend(data, [&] { wish = reader->function(*this, data, eof); })) return false;
  if (wish == Reading::done || eof) return true;
  reader->waits_for_more = true;
  incoming().readers.push_front(*reader.release());
  return false;
}

void Stream::call_on_read(ByteBuffer& data) {
  trace_event<Stream>(*this, "on_read");
  if (!lend(data, [&] { on_read_(*this, data, is_read_eof_); }) || !has_readers()) return;
  const std::size_t size = data.size();
  serve_readers(data, true);
  if (data.size() < size && !data.empty() && on_read_ && !has_readers() && !is_read_eof_)
    defer(Task::present_unread, When::after_reactions);
}

// --- When -----------------------------------------------------------------------------------

/// New bytes have come.
void Stream::deliver(ByteBuffer& data) {
  use(data, [&] {
    const bool is_awaited = has_readers() && serve_readers(data, true);
    pass_on(data, is_awaited);
  });
}

/// The readers had their turn: the rest is for on_read; later, if a coroutine may go on first.
void Stream::pass_on(ByteBuffer& data, bool is_awaited) {
  if (!on_read_ || data.empty() || has_readers() || is_read_eof_ || !may_call()) return;
  if (is_awaited)
    defer(Task::present_unread, When::after_reactions);
  else
    call_on_read(data);
}

void Stream::call_readers() {
  if (is_presenting_) settings_->is_call_due = true;
  if (!has_readers() || is_presenting_ || !may_call()) return;
  ByteBuffer data = take_unread();
  use(data, [&] {
    const bool is_awaited = serve_readers(data, false);
    pass_on(data, is_awaited);
  });
}

void Stream::present_unread() {
  if (is_presenting_) settings_->is_call_due = true;
  if (!on_read_ || is_presenting_ || has_readers() || !may_call()) return;
  // What comes before the end of file is announced goes with it.
  if (is_read_eof_ ? !is_eof_announced_ : unread_bytes() == 0) return;
  ByteBuffer data = take_unread();
  use(data, [&] { call_on_read(data); });
}

void Stream::end_of_file() {
  is_read_eof_ = true;
  drop_read_interest();
  if (!has_readers()) return announce_eof();
  defer(Task::announce_eof, When::after_reactions);
  ByteBuffer data = take_unread();
  use(data, [&] { serve_readers(data, true); });
}

bool Stream::is_at_eof() const noexcept { return loop() != nullptr && is_open() && is_read_eof_; }

void Stream::announce_eof() {
  if (!is_at_eof() || is_eof_announced_ || !may_call()) return;
  if (is_presenting_) {  // a turn inside a callback: what that leaves comes first
    settings().is_eof_due = true;
    return;
  }
  is_eof_announced_ = true;
  if (on_read_) {
    ByteBuffer data = take_unread();
    use(data, [&] { call_on_read(data); });
  }
  if (is_at_eof() && settings_) settings_->on_read_eof(*this);
  if (is_at_eof() && !keeps_open_at_eof_) close();
}

}  // namespace ioa

// The part of a Stream's write queue that is not plain bytes, and the events of a full kernel.
#include <utility>

#include "ioa/base/assert.hpp"
#include "ioa/io/stream.hpp"
#include "ioa/io/stream_queues.hpp"
#include "ioa/io/stream_settings.hpp"

namespace ioa {

void Stream::write(Future<Bytes> bytes) {
  IOA_ASSERT(bytes.valid(), "a Future without an operation cannot be written");
  if (!takes_writes()) return;
  outgoing().pieces().add(std::move(bytes));
  await_write();
}

void Stream::write_from(WriteGenerator generator) {
  IOA_ASSERT(static_cast<bool>(generator), "an empty function generates nothing");
  if (!takes_writes()) return;
  outgoing().pieces().add(std::move(generator));
  await_write();
}

/// The queue has no bytes at its front: waits for the Future there, or for the next opportunity to
/// write. Readiness to write means nothing while there is nothing to write.
void Stream::await_piece() {
  if (!out_->pieces().is_pending()) return static_cast<void>(want_write_ready(true));
  out_->pieces().react(&Stream::piece_ready, this);
  if (!settings_ || !settings_->read_waits_for_write) want_write_ready(false);
}

void Stream::piece_ready(void* self) {
  auto& stream = *static_cast<Stream*>(self);
  if (stream.has_queue()) stream.await_write();
}

/// Gets bytes of Futures and generators to the front of the queue, calling at most one generator.
/// Returns false if there are none for now, or no more at all.
bool Stream::load_pieces() {
  using Next = detail::WritePieces::Next;
  bool is_thrown = false;
  try {
    Next next = out_->load();
    if (next == Next::call) {
      is_thrown = true;
      const bool is_there = out_->pieces().call(*this);
      is_thrown = false;
      if (!is_there || !is_writing()) return false;
      next = out_->load();
    }
    mark_full();
    if (!out_->bytes.empty()) return true;
    out_->sent(0);  // completes what had no bytes
    if (next == Next::loaded) return true;
  } catch (...) {
    fail_piece(std::current_exception(), is_thrown);
    return false;
  }
  await_write();
  return false;
}

void Stream::fail_piece(std::exception_ptr failure, bool is_thrown) {
  // The generator has ended the Stream before it threw.
  if (!is_writing() || !has_queue()) return invoke_error(std::move(failure));
  Settings& settings = this->settings();
  settings.found_failure = std::move(failure);
  settings.is_found_eof = false;
  settings.is_found_thrown = is_thrown;
  fail_write();
}

// --- The kernel takes no more ---------------------------------------------------------------

void Stream::note_blocked() {
  if (settings_->blocked != Settings::Blocked::no) return;
  if (!settings_->on_write_blocked && !settings_->on_write_unblocked) return;
  settings_->blocked = Settings::Blocked::untold;
  defer(Task::announce_blocked);
}

void Stream::announce_blocked() {
  if (settings_->blocked != Settings::Blocked::untold) return;
  settings_->blocked = Settings::Blocked::told;
  settings_->on_write_blocked(*this);
}

/// What was not told need not be taken back.
void Stream::announce_unblocked() {
  const auto before = std::exchange(settings_->blocked, Settings::Blocked::no);
  if (before == Settings::Blocked::told) settings_->on_write_unblocked(*this);
}

}  // namespace ioa

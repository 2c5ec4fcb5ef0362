#pragma once

#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <system_error>

#include "ioa/io/stream.hpp"
#include "ioa/loop/watch.hpp"

namespace ioa {

/// What a Stream does later, since it must not happen inside the call that caused it. In the order
/// in which they are done.
enum class Stream::Task : std::uint16_t {
  fail_write = 1,
  tell_failure = 2,
  close_failed = 4,
  announce_blocked = 8,
  announce_sent = 16,
  read_more = 32,
  call_readers = 64,
  present_unread = 128,
  announce_mark = 256,
  announce_eof = 512,
};

/// The parts of a Stream that most never use; not part of the interface.
struct Stream::Settings {
  Event<void(Stream&)> on_read_eof;
  Event<void(Stream&)> on_read_high;
  Event<void(Stream&)> on_read_low;
  Event<void(Stream&)> on_write_eof;
  Event<void(Stream&)> on_outgoing_empty;
  Event<void(Stream&)> on_writable;
  Event<void(Stream&)> on_write_blocked;
  Event<void(Stream&)> on_write_unblocked;
  Event<void(Stream&, const Error&)> on_read_error;
  Event<void(Stream&, const Error&)> on_write_error;

  std::size_t read_low = kNoLimit;
  std::size_t read_high = kNoLimit;
  std::size_t write_low = kWriteLow;
  std::size_t write_high = kWriteHigh;

  std::unique_ptr<Transport> transport;
  bool read_waits_for_write = false;  // the other way round than usual
  bool write_waits_for_read = false;

  enum class Blocked : std::uint8_t { no, untold, told };
  Blocked blocked = Blocked::no;  // kept only for who wants to be told
  bool is_mark_told = false;      // what was told of the high mark
  bool is_eof_due = false;        // to be announced: it fell into a call of theirs
  bool is_call_due = false;       // of the readers or on_read: it fell into a call of theirs

  std::exception_ptr found_failure;  // of writing, not yet told
  bool is_found_eof = false;         // nobody reads any more
  bool is_found_thrown = false;      // a generator threw it, and nobody has heard of it
  std::exception_ptr failure;        // once told

  // Bits of Task: to be done now, when the deferred call comes, and when it comes once more.
  unsigned tasks_now = 0;
  unsigned tasks_soon = 0;
  unsigned tasks_after_reactions = 0;
  std::optional<DeferredCall> deferred;
};

}  // namespace ioa

#include <cerrno>
#include <utility>

#include "ioa/base/assert.hpp"
#include "ioa/future/promise.hpp"
#include "ioa/io/plain_io.hpp"
#include "ioa/io/read_match.hpp"
#include "ioa/io/read_space.hpp"
#include "ioa/io/stream.hpp"
#include "ioa/io/stream_queues.hpp"
#include "ioa/io/stream_settings.hpp"

namespace ioa {
using detail::Found;

namespace {

std::exception_ptr too_long(std::string_view subject, std::size_t limit) {
  return std::make_exception_ptr(Error::from_errno(
      EMSGSIZE, "read", std::string(subject), "no end within " + std::to_string(limit) + " bytes"));
}

}  // namespace

template <class Match>
class Stream::MatchReader final : public detail::Reader {
 public:
  MatchReader(Stream& stream, Match match) : stream_(stream), match_(std::move(match)) {
    promise_.on_cancel([this] { stream_.withdraw(*this); });
  }
  Future<typename Match::Result> future() { return promise_.future(); }

  bool serve(ByteBuffer& in, bool eof) override {
    typename Match::Result result;
    switch (match_(in, eof, result)) {
      case Found::no:
        return false;
      case Found::yes:
        promise_.done(std::move(result));
        return true;
      case Found::too_long:
        promise_.fail(too_long(stream_.name(), match_.max));
        return true;
    }
    return true;
  }
  void fail(const std::exception_ptr& error) override { promise_.fail(error); }

 private:
  Stream& stream_;
  Match match_;
  Promise<typename Match::Result> promise_;
};

// --- Futures --------------------------------------------------------------------------------

Future<std::optional<Bytes>> Stream::read_some(std::size_t max) {
  IOA_ASSERT(max > 0, "a read of no bytes cannot tell them from the end of file");
  return start_read(detail::SomeMatch{max});
}
Future<std::optional<Bytes>> Stream::read_exactly(std::size_t size) {
  return start_read(detail::ExactMatch{size});
}
Future<std::optional<Bytes>> Stream::read_until(std::string delimiter, std::size_t limit) {
  IOA_ASSERT(!delimiter.empty(), "an empty delimiter is everywhere");
  return start_read(detail::UntilMatch{std::move(delimiter), limit});
}
Future<std::optional<std::string>> Stream::read_line(std::size_t limit) {
  return start_read(detail::LineMatch{limit});
}
Future<Bytes> Stream::read_until_eof(std::size_t limit) {
  return start_read(detail::AllMatch{limit});
}

template <class Match>
Future<typename Match::Result> Stream::start_read(Match match) {
  using Result = typename Match::Result;
  if (!has_readers() && !is_presenting_) {
    ByteBuffer none;
    ByteBuffer& in = in_ ? in_->bytes : none;
    Result result;
    const Found found = match(in, is_read_eof_, result);
    if (found == Found::too_long) return Future<Result>::failed(too_long(name(), match.max));
    if (found == Found::yes) {
      keep(none);
      if (settings_) update_read_interest();  // it may have paused at the high mark
      return Future<Result>::resolved(std::move(result));
    }
  }
  if (is_closing_ || (read_fd() < 0 && !is_unopened()))
    return Future<Result>::failed(closed_error("read"));
  auto* reader = new MatchReader<Match>(*this, std::move(match));
  incoming().readers.push(*reader);
  is_read_failed_ = false;
  update_read_interest();
  return reader->future();
}

/// Its Future was dropped: the next one may want less.
void Stream::withdraw(detail::Reader& reader) {
  in_->readers.remove(reader);
  delete &reader;
  if (is_presenting_) return;
  ByteBuffer data = std::move(in_->bytes);
  in_->serve(data, is_read_eof_);
  if (!has_readers() && on_read_ && !data.empty()) defer(Task::present_unread);
  keep(data);
}

// --- What there is, and whether more is wanted ----------------------------------------------

detail::Incoming& Stream::incoming() {
  if (!in_) in_ = std::make_unique<detail::Incoming>();
  return *in_;
}

bool Stream::has_readers() const noexcept { return in_ && !in_->readers.empty(); }
std::size_t Stream::unread_bytes() const noexcept { return in_ ? in_->bytes.size() : 0; }

void Stream::set_read_marks(std::size_t low, std::size_t high) {
  IOA_ASSERT(low <= high && high > 0, "a low mark is not above the high one");
  settings().read_low = low;
  settings().read_high = high;
  ByteBuffer none;
  keep(none);
  update_read_interest();
}

void Stream::on_read(ReadCallback callback) {
  on_read_ = std::move(callback);
  if (on_read_ && (is_presenting_ || unread_bytes() > 0 || is_read_eof_))
    defer(Task::present_unread);
  update_read_interest();
}

void Stream::resume_reading() {
  is_paused_ = is_read_failed_ = false;
  if (on_read_ && unread_bytes() > 0) defer(Task::present_unread);
  update_read_interest();
}

bool Stream::wants_to_read() const noexcept {
  if (read_fd() < 0 || is_read_eof_ || is_paused_ || is_read_failed_ || is_closing_ ||
      is_presenting_)
    return false;
  return has_readers() || (on_read_ && !is_over_mark_);
}

/// Sees to it that what is wanted comes. What is not wanted is found out when it comes, by
/// read_ready(): whoever reads again within the turn, as nearly all do, saves two system calls.
void Stream::update_read_interest() {
  if (loop() == nullptr || !wants_to_read()) return;
  if (settings_ && settings_->transport) {
    if (settings_->transport->has_unread()) defer(Task::read_more);
    if (settings_->read_waits_for_write) return static_cast<void>(want_write_ready(true));
  }
  want_read_ready(true);
}

/// Stores what is left of what came in, and does the book-keeping after any change of that.
void Stream::keep(ByteBuffer& data) {
  if (!data.empty()) {
    IOA_ASSERT(incoming().bytes.empty(), "bytes were received while others were presented");
    in_->bytes = std::move(data);
  }
  if (in_ && in_->empty()) in_.reset();
  if (!settings_) return;
  const std::size_t size = unread_bytes();
  if (is_over_mark_)
    is_over_mark_ = size > 0 && size >= settings_->read_low;
  else
    is_over_mark_ = size >= settings_->read_high;
}

// --- Reading --------------------------------------------------------------------------------

void Stream::read_ready() {
  if (settings_ && std::exchange(settings_->write_waits_for_read, false)) {
    write_step();
    if (loop() == nullptr || !is_open()) return;
    update_read_interest();
  }
  if (wants_to_read() && !(settings_ && settings_->read_waits_for_write))
    read_step();
  else
    drop_read_interest();
}

void Stream::drop_read_interest() {
  if (!settings_ || !settings_->write_waits_for_read) want_read_ready(false);
}

IoResult Stream::read_some_into(std::span<char> space) {
  if (settings_ && settings_->transport) return settings_->transport->read(read_fd(), space);
  bool is_socket = !reads_no_socket_;
  const IoResult result = detail::read_descriptor(read_fd(), space, is_socket);
  reads_no_socket_ = !is_socket;
  return result;
}

void Stream::read_step() {
  const ReadSpace space;
  const IoResult result = read_some_into(space.space());
  if (settings_)
    settings_->read_waits_for_write =
        result.status == IoResult::Status::blocked && result.waits_for == IoEvent::write;
  switch (result.status) {
    case IoResult::Status::end:
      return end_of_file();
    case IoResult::Status::failed:
      return fail_read(result.error);
    case IoResult::Status::blocked:
      return update_read_interest();
    case IoResult::Status::done:
      break;
  }
  const std::string_view kept = in_ ? in_->bytes.view() : std::string_view();
  if (kept.size() <= ReadSpace::kFront) {
    ByteBuffer data = ByteBuffer::borrow(space.bytes(result.size, kept));
    if (in_) in_->bytes.clear();
    deliver(data);
  } else {
    in_->bytes.append(space.bytes(result.size));
    ByteBuffer data = std::move(in_->bytes);
    deliver(data);
  }
}

void Stream::deliver(ByteBuffer& data) {
  const bool served = in_ && in_->serve(data, false);
  if (on_read_ && !data.empty() && !has_readers()) {
    if (!served) return present(data);
    defer(Task::present_unread, When::after_reactions);
  }
  keep(data);
  update_read_interest();
}

void Stream::present(ByteBuffer& data) {
  is_presenting_ = true;
  drops_presented_ = false;
  try {
    on_read_(*this, data, is_read_eof_);
  } catch (...) {
    finish_presenting(data);
    throw;
  }
  finish_presenting(data);
}

void Stream::finish_presenting(ByteBuffer& data) {
  is_presenting_ = false;
  if (drops_presented_)
    data.clear();
  else if (in_ && in_->serve(data, is_read_eof_) && on_read_ && !data.empty() && !has_readers())
    defer(Task::present_unread, When::after_reactions);
  keep(data);
  update_read_interest();
}

void Stream::present_unread() {
  if (!on_read_ || is_paused_ || is_closing_ || is_presenting_ || has_readers()) return;
  // What comes before the end of file is announced goes with it.
  if (is_read_eof_ ? !is_eof_announced_ : unread_bytes() == 0) return;
  ByteBuffer data;
  if (in_) data = std::move(in_->bytes);
  present(data);
}

void Stream::end_of_file() {
  is_read_eof_ = true;
  drop_read_interest();
  const bool has_served = has_readers();
  if (has_served) {
    ByteBuffer data = std::move(in_->bytes);
    in_->serve(data, true);
    keep(data);
    defer(Task::announce_eof, When::after_reactions);
  } else {
    announce_eof();
  }
}

bool Stream::is_at_eof() const noexcept { return loop() != nullptr && is_open() && is_read_eof_; }

void Stream::announce_eof() {
  if (!is_at_eof() || is_closing_) return;
  is_eof_announced_ = true;
  if (on_read_) {
    ByteBuffer data;
    if (in_) data = std::move(in_->bytes);
    present(data);
  }
  if (is_at_eof() && settings_) settings_->on_read_eof(*this);
  if (is_at_eof() && !keeps_open_at_eof_) close();
}

void Stream::fail_read(std::error_code code) {
  const Error error = make_error(code, "read");
  is_read_failed_ = true;
  drop_read_interest();
  if (in_) in_->fail_all(std::make_exception_ptr(error));
  if (settings_ && settings_->on_read_error)
    settings_->on_read_error(*this, error);
  else
    close();
}

}  // namespace ioa

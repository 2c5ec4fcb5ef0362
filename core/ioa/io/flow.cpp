#include "ioa/io/flow.hpp"

#include <fcntl.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <utility>

#include "ioa/base/assert.hpp"
#include "ioa/base/syscall.hpp"
#include "ioa/io/scratch_buffer.hpp"
#include "ioa/loop/loop.hpp"

namespace ioa {
namespace {

// Moves within one callback, so that one busy flow does not keep the others of its loop waiting.
constexpr int kMovesPerCallback = 16;
constexpr std::size_t kSendfileSize = std::size_t{16} << 20;
// A read of this size means bulk: from here on a pipe and its descriptors are worth their price,
// below it a copy is cheaper than two splices.
constexpr std::size_t kBulkSize = std::size_t{32} << 10;
constexpr std::size_t kSmallSize = std::size_t{4} << 10;
constexpr int kBulkScore = 2;
constexpr int kMaxBulkScore = 8;
constexpr unsigned kSpliceFlags = SPLICE_F_MOVE | SPLICE_F_NONBLOCK;

ssize_t splice_between(int from, int to, std::size_t most) noexcept {
  const std::size_t size = std::min(most, PipePool::kPipeSize);
  return retry_on_eintr([&] { return ::splice(from, nullptr, to, nullptr, size, kSpliceFlags); });
}

/// The kernel will not do this for this pair of descriptors; reading and writing may work.
bool is_refusal(int error) noexcept {
  return error == EINVAL || error == ENOSYS || error == EOPNOTSUPP || error == ESPIPE;
}

/// What a connection that broke says, and says only once: asking with another call is no use.
bool is_of_connection(int error) noexcept {
  switch (error) {
    case ECONNRESET:
    case ECONNABORTED:
    case ETIMEDOUT:
    case EHOSTUNREACH:
    case EHOSTDOWN:
    case ENETUNREACH:
    case ENETDOWN:
    case ENOTCONN:
      return true;
    default:
      return false;
  }
}

}  // namespace

Flow::Throttle::Throttle(Flow& flow, std::uint64_t rate)
    : bucket(rate, flow.loop_.now()), timer(flow.loop_.timers(), [&flow] { flow.advance(); }) {}

Flow::Flow(Loop& loop, ByteEnd& source, ByteEnd& sink, PipePool& pool)
    : loop_(loop),
      source_(source),
      sink_(sink),
      pool_(pool),
      source_watch_(loop),
      sink_watch_(loop),
      restart_(loop, [this] { advance(); }) {
  source_watch_.set_callback([this](IoEvent) { advance(); });
  sink_watch_.set_callback([this](IoEvent) { advance(); });
}

std::string_view Flow::name(Method method) noexcept {
  switch (method) {
    case Method::copy:
      return "copy";
    case Method::sendfile:
      return "sendfile";
    case Method::splice:
      return "splice";
    case Method::splice_through_pipe:
      return "splice through a pipe";
  }
  return "";
}

void Flow::limit_rate(std::uint64_t bytes_per_second) {
  throttle_ = bytes_per_second > 0 ? std::make_unique<Throttle>(*this, bytes_per_second) : nullptr;
}

void Flow::start(UniqueFunction<void()> on_change) {
  IOA_ASSERT(state_ == State::idle, "a flow starts once");
  on_change_.set(std::move(on_change));
  state_ = State::moving;
  choose_method();
  // A FIFO that nobody has opened to write is at its end for read(2); a fresh connection has
  // nothing to read.
  source_.awaits_writer() ? wait_for_end(false) : restart_.schedule();
}

void Flow::stop() {
  is_stopping_ = true;
  if (!is_over()) restart_.schedule();
}

void Flow::abort() noexcept {
  if (!is_over()) finish(State::stopped);
  stop_waiting();
}

void Flow::drain() {
  is_draining_ = true;
  if (!is_over()) restart_.schedule();
}

void Flow::choose_method() noexcept {
  const auto is_for_kernel = [](const ByteEnd& end) {
    return end.never_blocks() && end.fd() >= 0 && end.kind() != FdKind::terminal;
  };
  may_splice_ = filters_.empty() && is_for_kernel(source_) && is_for_kernel(sink_);
  if (!may_splice_) return;
  const bool to_socket_or_pipe = sink_.kind() == FdKind::socket || sink_.kind() == FdKind::pipe;
  if (source_.kind() == FdKind::regular_file) {
    if (to_socket_or_pipe) method_ = Method::sendfile;
    may_splice_ = to_socket_or_pipe;
  } else if (source_.kind() == FdKind::pipe || sink_.kind() == FdKind::pipe) {
    method_ = Method::splice;
  }
}

void Flow::advance() {
  if (state_ != State::moving) return;
  Step step = Step::retry;
  for (int i = 0; i < kMovesPerCallback && (step == Step::moved || step == Step::retry); ++i)
    step = move_some();
  wait_for(step);
  on_change_();
}

void Flow::wait_for(Step step) {
  if (state_ != State::moving) return stop_waiting();
  const bool on_sink = step == Step::sink_blocked || has_pending();
  if (!on_sink && pipe_.read_end) pool_.give_back(std::exchange(pipe_, {}));
  if (step == Step::rate_reached) return wait_for_rate();
  if (!on_sink && is_draining_) {
    if (source_.is_readable()) return restart_.schedule();
    finish(State::stopped);
    return stop_waiting();
  }
  wait_for_end(on_sink);
}

void Flow::wait_for_end(bool on_sink) {
  waits_for_source_ = !on_sink;
  IoWatch& idle = on_sink ? source_watch_ : sink_watch_;
  IoWatch& active = on_sink ? sink_watch_ : source_watch_;
  const ByteEnd& end = on_sink ? sink_ : source_;
  if (idle.is_started()) idle.want({});
  if (end.fd() < 0)
    restart_.schedule();
  else if (!active.is_started())
    active.start(end.fd(), on_sink ? IoEvent::write : IoEvent::read);
  else
    active.want(on_sink ? IoEvent::write : IoEvent::read);
}

void Flow::wait_for_rate() {
  if (source_watch_.is_started()) source_watch_.want({});
  if (sink_watch_.is_started()) sink_watch_.want({});
  throttle_->timer.arm(throttle_->bucket.next());
}

void Flow::stop_waiting() noexcept {
  source_watch_.stop();
  sink_watch_.stop();
  if (throttle_) throttle_->timer.disarm();
}

void Flow::finish(State state, int error, std::string_view call) {
  state_ = state;
  error_ = error;
  failed_call_ = call;
  restart_.call_off();
}

Flow::Step Flow::fail_source(std::string_view call) {
  finish(State::source_failed, errno, call);
  return Step::over;
}

Flow::Step Flow::fail_sink(std::string_view call) {
  if (errno == EPIPE && forgives_leaving_) return sink_left();
  finish(State::sink_failed, errno, call);
  return Step::over;
}

Flow::Step Flow::sink_left() {
  is_for_nobody_ = true;
  sink_watch_.stop();
  pending_.clear();
  pipe_ = {};
  fall_back_to_copy();
  return Step::retry;
}

void Flow::count_read(std::uint64_t bytes) {
  bytes_read_ += bytes;
  if (throttle_) throttle_->bucket.take(bytes, loop_.now());
}

void Flow::count_written(std::string_view bytes) {
  bytes_written_ += bytes.size();
  for (ByteFilter* filter : filters_) filter->delivered(bytes);
}

Flow::Step Flow::move_some() {
  if (pipe_.size > 0) return empty_pipe();
  if (!pending_.empty()) return write_pending();
  if (source_ended_ || is_stopping_) {
    finish(source_ended_ ? State::ended : State::stopped);
    return Step::over;
  }
  if (!throttle_) return read_some(std::numeric_limits<std::size_t>::max());
  const std::uint64_t most = throttle_->bucket.available(loop_.now());
  return most > 0 ? read_some(most) : Step::rate_reached;
}

Flow::Step Flow::read_some(std::size_t most) {
  switch (method_) {
    case Method::sendfile:
      return sendfile_some(most);
    case Method::splice:
      return splice_some(most);
    case Method::splice_through_pipe:
      return fill_pipe(most);
    case Method::copy:
      break;
  }
  return copy_some(most);
}

Flow::Step Flow::write_pending() {
  const ssize_t size = sink_.write(pending_.view());
  if (size < 0) return would_block(errno) ? Step::sink_blocked : fail_sink("write");
  count_written(pending_.view().substr(0, static_cast<std::size_t>(size)));
  pending_.consume(static_cast<std::size_t>(size));
  return Step::moved;
}

Flow::Step Flow::copy_some(std::size_t most) {
  std::span<char> space = scratch_buffer();
  space = space.first(std::min({space.size(), most, buffer_}));
  const ssize_t got = source_.read(space);
  if (got < 0) return would_block(errno) ? Step::source_blocked : fail_source("read");
  if (got == 0) {
    source_ended_ = true;
    return Step::retry;
  }
  const auto size = static_cast<std::size_t>(got);
  std::string_view bytes(space.data(), size);
  for (ByteFilter* filter : filters_) bytes = filter->transform(bytes);
  count_read(bytes.size());
  if (is_for_nobody_) return size == space.size() ? Step::moved : Step::source_drained;
  count_bulk(size);
  const ssize_t put = sink_.write(bytes);
  if (put < 0 && !would_block(errno)) return fail_sink("write");
  const auto written = static_cast<std::size_t>(std::max<ssize_t>(put, 0));
  count_written(bytes.substr(0, written));
  if (written == bytes.size()) return size == space.size() ? Step::moved : Step::source_drained;
  pending_.append(bytes.substr(written));
  return Step::moved;
}

/// Both a pipe and its bytes cost something: a stream earns them by large reads.
void Flow::count_bulk(std::size_t size) noexcept {
  if (size >= kBulkSize)
    bulk_score_ = std::min(bulk_score_ + 1, kMaxBulkScore);
  else if (size < kSmallSize)
    bulk_score_ = std::max(bulk_score_ - 1, 0);
  if (!may_splice_ || source_.kind() != FdKind::socket) return;
  if (method_ == Method::copy && bulk_score_ >= kBulkScore) method_ = Method::splice_through_pipe;
  if (method_ == Method::splice_through_pipe && bulk_score_ == 0) method_ = Method::copy;
}

Flow::Step Flow::sendfile_some(std::size_t most) {
  const ssize_t size = retry_on_eintr(
      [&] { return ::sendfile(sink_.fd(), source_.fd(), nullptr, std::min(most, kSendfileSize)); });
  if (size > 0) {
    count_read(static_cast<std::uint64_t>(size));
    bytes_written_ += static_cast<std::uint64_t>(size);
    if (sink_.kind() == FdKind::pipe && !std::exchange(has_enlarged_pipe_, true))
      enlarge_pipe(sink_.fd());
    return Step::moved;
  }
  if (size == 0) {
    source_ended_ = true;
    return Step::retry;
  }
  if (would_block(errno)) return Step::sink_blocked;
  if (errno == EPIPE || is_of_connection(errno)) return fail_sink("sendfile");
  // Refused, or one of the two ends fails: reading and writing will tell which.
  fall_back_to_copy();
  return Step::retry;
}

Flow::Step Flow::splice_some(std::size_t most) {
  const ssize_t size = splice_between(source_.fd(), sink_.fd(), most);
  if (size > 0) {
    const auto moved = static_cast<std::size_t>(size);
    count_read(moved);
    bytes_written_ += moved;
    if (moved >= kBulkSize && !std::exchange(has_enlarged_pipe_, true)) {
      if (source_.kind() == FdKind::pipe) enlarge_pipe(source_.fd());
      if (sink_.kind() == FdKind::pipe) enlarge_pipe(sink_.fd());
    }
    return moved == PipePool::kPipeSize ? Step::moved : Step::source_drained;
  }
  if (size == 0) {
    source_ended_ = true;
    return Step::retry;
  }
  if (would_block(errno)) return blocked_side();
  if (errno == EPIPE) return fail_sink("splice");
  if (is_of_connection(errno))
    return source_.kind() == FdKind::socket ? fail_source("splice") : fail_sink("splice");
  // Refused, or one of the two ends fails: reading and writing will tell which.
  fall_back_to_copy();
  return Step::retry;
}

/// EAGAIN of a splice does not say which end it means.
Flow::Step Flow::blocked_side() const noexcept {
  if (!source_.is_readable()) return Step::source_blocked;
  return sink_.is_writable() ? Step::retry : Step::sink_blocked;
}

Flow::Step Flow::fill_pipe(std::size_t most) {
  if (!pipe_.read_end) pipe_ = pool_.take();
  if (!pipe_.read_end) return copy_some(most);  // out of descriptors
  const ssize_t size = splice_between(source_.fd(), pipe_.write_end.get(), std::min(most, buffer_));
  if (size > 0) {
    pipe_.size = static_cast<std::size_t>(size);
    count_read(pipe_.size);
    count_bulk(pipe_.size);
    return empty_pipe();
  }
  if (size == 0) {
    source_ended_ = true;
    return Step::retry;
  }
  if (would_block(errno)) return Step::source_blocked;
  if (is_refusal(errno)) {
    fall_back_to_copy();
    return Step::retry;
  }
  return fail_source("splice");
}

Flow::Step Flow::empty_pipe() {
  const ssize_t size = retry_on_eintr([&] {
    return ::splice(pipe_.read_end.get(), nullptr, sink_.fd(), nullptr, pipe_.size, kSpliceFlags);
  });
  if (size >= 0) {
    pipe_.size -= static_cast<std::size_t>(size);
    bytes_written_ += static_cast<std::uint64_t>(size);
    return Step::moved;
  }
  if (would_block(errno)) return Step::sink_blocked;
  return is_refusal(errno) ? pipe_to_buffer() : fail_sink("splice");
}

/// The sink refuses splice(2) (a file opened to append, /dev/full): what lies in the pipe is read
/// out.
Flow::Step Flow::pipe_to_buffer() {
  fall_back_to_copy();
  while (pipe_.size > 0) {
    const std::span<char> space = pending_.prepare(pipe_.size);
    const ssize_t size = retry_on_eintr([&] {
      return ::read(pipe_.read_end.get(), space.data(), std::min(space.size(), pipe_.size));
    });
    if (size <= 0) return fail_sink("read");
    pending_.commit(static_cast<std::size_t>(size));
    pipe_.size -= static_cast<std::size_t>(size);
  }
  return Step::retry;
}

}  // namespace ioa

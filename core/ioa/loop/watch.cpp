#include "ioa/loop/watch.hpp"

#include <utility>

#include "ioa/base/assert.hpp"
#include "ioa/loop/loop.hpp"

namespace ioa {

IoWatchBase::IoWatchBase() noexcept {
  run_ = &IoWatchBase::dispatch;
  argument_ = this;
}

void IoWatchBase::start(Loop& loop, int fd, IoEvents events) {
  stop();
  registration_ = loop.backend().register_io(fd, *this);
  try {
    want(events);
  } catch (...) {
    stop();
    throw;
  }
}

void IoWatchBase::want(IoEvents events) {
  IOA_ASSERT(registration_ != nullptr, "a watch without a descriptor cannot want events");
  if (events == wanted_) return;
  registration_->want(events);
  wanted_ = events;
  pending_ = pending_.common(events);
  if (pending_.empty()) unlink();
}

void IoWatchBase::stop() noexcept {
  registration_.reset();
  wanted_ = pending_ = {};
  unlink();
}

void IoWatchBase::io_ready(IoEvents events) noexcept {
  pending_ = pending_.with(events.common(wanted_));
  if (!pending_.empty()) watching_loop().ready_.push(*this);
}

int IoWatchBase::descriptor_of(const Job& job) noexcept {
  if (!job.runs(&IoWatchBase::dispatch)) return -1;
  return static_cast<const IoWatchBase&>(job).registration_->fd();
}

void IoWatchBase::dispatch(void* self) {
  auto& watch = *static_cast<IoWatchBase*>(self);
  for (const IoEvent event : {IoEvent::read, IoEvent::write}) {
    if (!watch.pending_.has(event)) continue;
    watch.pending_ = watch.pending_.without(event);
    if (!watch.io_event(event)) return;
  }
}

SignalWatch::SignalWatch(Loop& loop, int signal, UniqueFunction<void()> callback)
    : loop_(&loop), signal_(signal) {
  run_ = &SignalWatch::dispatch;
  argument_ = this;
  callback_.set(std::move(callback));
  loop.signals_.add(*this);
}

SignalWatch::~SignalWatch() { loop_->signals_.remove(*this); }

int SignalWatch::signal_of(const Job& job) noexcept {
  return job.runs(&SignalWatch::dispatch) ? static_cast<const SignalWatch&>(job).signal_ : -1;
}

void SignalWatch::dispatch(void* self) {
  auto& watch = *static_cast<SignalWatch*>(self);
  ++watch.loop_->counters().signal_callbacks;
  watch.callback_();
}

/// The place of a DeferredCall in the Loop's queue. If the queue drops it, the call knows.
class DeferredCall::Turn {
 public:
  explicit Turn(DeferredCall& call) noexcept : call_(&call) {}
  Turn(Turn&& other) noexcept : call_(std::exchange(other.call_, nullptr)) {}
  Turn& operator=(Turn&&) = delete;
  ~Turn() { take(); }

  void operator()() {
    if (DeferredCall* call = take()) call->callback_();
  }

 private:
  DeferredCall* take() noexcept {
    if (call_ != nullptr) call_->ticket_ = 0;
    return std::exchange(call_, nullptr);
  }

  DeferredCall* call_;
};

DeferredCall::DeferredCall(Loop& loop, UniqueFunction<void()> callback) : loop_(&loop) {
  callback_.set(std::move(callback));
}

void DeferredCall::schedule() {
  if (!is_scheduled()) ticket_ = loop_->deferred_.push(Turn(*this));
}

void DeferredCall::call_off() noexcept {
  if (is_scheduled()) loop_->deferred_.cancel(ticket_);
}

}  // namespace ioa

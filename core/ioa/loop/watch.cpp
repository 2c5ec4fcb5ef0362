#include "ioa/loop/watch.hpp"

#include <utility>

#include "ioa/base/assert.hpp"
#include "ioa/loop/loop.hpp"

namespace ioa {

IoWatch::IoWatch(Loop& loop) noexcept : loop_(&loop) {
  run_ = &IoWatch::dispatch;
  argument_ = this;
}

void IoWatch::start(int fd, IoEvents events) {
  stop();
  registration_ = loop_->backend().register_io(fd, *this);
  want(events);
}

void IoWatch::want(IoEvents events) {
  IOA_ASSERT(registration_ != nullptr, "a watch without a descriptor cannot want events");
  if (events == wanted_) return;
  registration_->want(events);
  wanted_ = events;
  pending_ = pending_.common(events);
}

void IoWatch::stop() noexcept {
  registration_.reset();
  wanted_ = pending_ = {};
  unlink();
}

void IoWatch::io_ready(IoEvents events) noexcept {
  pending_ = pending_.with(events.common(wanted_));
  if (!pending_.empty()) loop_->ready_.push(*this);
}

void IoWatch::dispatch(void* self) {
  auto& watch = *static_cast<IoWatch*>(self);
  for (const IoEvent event : {IoEvent::read, IoEvent::write}) {
    if (!watch.pending_.has(event)) continue;
    watch.pending_ = watch.pending_.without(event);
    if (!watch.callback_(event)) return;
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

void SignalWatch::dispatch(void* self) { static_cast<SignalWatch*>(self)->callback_(); }

detail::QueuedFunction::QueuedFunction(UniqueFunction<void()> function)
    : function_(std::move(function)) {
  run_ = [](void* self) {
    const std::unique_ptr<QueuedFunction> owned(static_cast<QueuedFunction*>(self));
    owned->function_();
  };
  argument_ = this;
}

DeferredCall::DeferredCall(Loop& loop, UniqueFunction<void()> callback) : loop_(&loop) {
  callback_.set(std::move(callback));
}

void DeferredCall::schedule() {
  if (queued_ != nullptr) return;
  queued_ = &loop_->queue(loop_->deferred_, [this] {
    queued_ = nullptr;
    callback_();
  });
}

}  // namespace ioa

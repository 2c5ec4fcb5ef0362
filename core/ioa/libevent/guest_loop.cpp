#include "ioa/libevent/guest_loop.hpp"

#include <utility>

#include "ioa/base/assert.hpp"
#include "ioa/libevent/guest_backend.hpp"

namespace ioa {

GuestLoop::GuestLoop(event_base* base) {
  auto backend = std::make_unique<detail::GuestBackend>(base, [this] { return turn(); });
  backend_ = backend.get();
  loop_ = std::make_unique<Loop>(std::move(backend));
}

GuestLoop::~GuestLoop() {
  IOA_ASSERT(!backend_->is_turning() && !backend_->is_waiting(),
             "a Loop cannot be destroyed while it turns");
}

void GuestLoop::attend() {
  if (!backend_->is_turning()) backend_->attend(loop_->next_due());
}

void GuestLoop::rethrow() {
  if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
}

std::optional<TimePoint> GuestLoop::turn() noexcept {
  try {
    loop_->turn();
  } catch (...) {
    fail(std::current_exception());
  }
  return loop_->next_due();
}

void GuestLoop::fail(std::exception_ptr error) noexcept {
  if (on_exception_) {
    try {
      on_exception_(std::move(error));
      return;
    } catch (...) {
      error = std::current_exception();
    }
  }
  if (!failure_) failure_ = std::move(error);
  backend_->break_base();
}

}  // namespace ioa

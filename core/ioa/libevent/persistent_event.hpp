#pragma once

#include <event2/event.h>
#include <event2/event_struct.h>

#include <string>

#include "ioa/base/error.hpp"
#include "ioa/base/unique_fd.hpp"

namespace ioa::detail {

/// The failure of a libevent call that has left its reason in errno, or none.
Error libevent_error(const char* operation, std::string subject);

/// Owns what a system call has opened; throws Error if it has failed.
UniqueFd opened(int fd, const char* operation);

/// One persistent libevent event.
class PersistentEvent {
 public:
  PersistentEvent(event_base* base, int fd, short what, event_callback_fn callback,
                  void* argument) {
    event_assign(&event_, base, fd, static_cast<short>(what | EV_PERSIST), callback, argument);
  }
  PersistentEvent(const PersistentEvent&) = delete;
  PersistentEvent& operator=(const PersistentEvent&) = delete;
  ~PersistentEvent() { event_del(&event_); }

  int fd() const { return event_get_fd(&event_); }
  void* argument() const { return event_get_callback_arg(&event_); }

  bool is_active() const {
    return event_pending(&event_, EV_READ | EV_WRITE | EV_SIGNAL, nullptr) != 0;
  }
  /// False, with errno, if libevent or the kernel refuses.
  bool set_active(bool active);

 private:
  event event_{};
};

}  // namespace ioa::detail

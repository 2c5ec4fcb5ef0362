#pragma once

#include <event2/event.h>

#include <memory>
#include <string>

#include "ioa/libevent/libevent_backend.hpp"

namespace ioa::test {

/// An event_base as a program has one that knows nothing of ioa.
class GuestBase {
 public:
  /// `method` is one of LibeventBackend::methods().
  explicit GuestBase(const std::string& method) : base_(make(method)) {}

  event_base* get() const { return base_.get(); }

 private:
  struct Free {
    void operator()(event_base* base) const { event_base_free(base); }
  };
  static event_base* make(const std::string& method) {
    const std::unique_ptr<event_config, void (*)(event_config*)> config(event_config_new(),
                                                                        &event_config_free);
    // Not event_get_supported_methods(): the array that it returns belongs to all threads.
    for (const std::string& name : LibeventBackend::methods())
      if (method != name) event_config_avoid_method(config.get(), name.c_str());
    return event_base_new_with_config(config.get());
  }

  std::unique_ptr<event_base, Free> base_;
};

}  // namespace ioa::test

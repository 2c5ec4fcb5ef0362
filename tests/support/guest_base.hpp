#pragma once

#include <event2/event.h>

#include <memory>
#include <string>

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
    for (const char** name = event_get_supported_methods(); *name != nullptr; ++name)
      if (method != *name) event_config_avoid_method(config.get(), *name);
    return event_base_new_with_config(config.get());
  }

  std::unique_ptr<event_base, Free> base_;
};

}  // namespace ioa::test

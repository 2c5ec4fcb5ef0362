#pragma once

#include <string_view>
#include <typeinfo>

#include "ioa/base/event_sink.hpp"
#include "ioa/loop/loop.hpp"
#include "ioa/loop/notifier.hpp"

/// How the engine's notifiers tell what they do. All of it is a test of a pointer where nobody
/// wants to know.
namespace ioa {
namespace detail {
void trace_step(const Notifier& who, TraceStep step);
void trace_event(const Notifier& who, const std::type_info& raised_by, std::string_view event);
}  // namespace detail

inline bool is_traced(const Notifier& who) noexcept {
  return who.loop() != nullptr && who.loop()->trace_sink() != nullptr;
}

/// Tells the trace what `who` does; see TraceStep.
inline void trace(const Notifier& who, std::string_view text, int level = 1) {
  if (is_traced(who)) detail::trace_step(who, {{}, text, level});
}

/// The same of an event of `Class`: at level 1 if that is what `who` is, at level 2, and with the
/// name of the class, if it only derives from it.
template <class Class>
void trace_event(const Class& who, std::string_view event) {
  if (is_traced(who)) detail::trace_event(who, typeid(Class), event);
}

/// Says that the callback which is being called now is `who`'s, for the report of a slow one.
inline void note_callback(Notifier& who) {
  if (CallbackMonitor* monitor = who.loop()->monitor()) monitor->note(who);
}

}  // namespace ioa

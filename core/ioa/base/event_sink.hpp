#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>

namespace ioa {

/// One named value of an event. Text and lists are borrowed for the call.
struct EventField {
  std::string_view name;
  std::variant<std::string_view, std::int64_t, double, bool, std::span<const std::string>> value;
};

/// Where the engine reports what happens (attempts, connections, look-ups, ends of streams).
///
/// The engine writes nowhere on its own: a Loop without a sink reports nothing and pays one test of
/// a pointer. OWNERSHIP: borrowed by the Loop, must outlive it or be unset first.
class EventSink {
 public:
  virtual ~EventSink() = default;
  /// `name` is one of the names in ioa(1), EVENTS. Called on the loop's thread; must not throw.
  virtual void event(std::string_view name, std::span<const EventField> fields) = 0;
};

}  // namespace ioa

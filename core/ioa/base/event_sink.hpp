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

/// One step of one object: finer than an event, for people who debug. Borrowed for the call.
struct TraceStep {
  enum class Bytes : std::uint8_t { none, read, written };

  std::string_view subject;  ///< Who, and whose child: "Stream{rw=4}<-EchoServer".
  std::string_view text;     ///< "EVENT on_read", "READ 512 bytes".
  int level = 1;             ///< 1: what its users see of it; 2: its inner life.
  Bytes direction = Bytes::none;
  std::string_view bytes = {};  ///< What was read or written.
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

  /// Whether it wants trace() to be called; asked once, when a Loop gets it.
  virtual bool wants_trace() const noexcept { return false; }
  /// As event().
  virtual void trace(const TraceStep& step) { static_cast<void>(step); }
};

}  // namespace ioa

#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ioa/base/event_sink.hpp"

namespace ioa::test {

/// Keeps every event as a line of text, "connected address=127.0.0.1:80 local=...": numbers with a
/// fraction (durations) as "*", lists in brackets.
class RecordingSink final : public EventSink {
 public:
  void event(std::string_view name, std::span<const EventField> fields) override;

  /// The lines so far, of the events whose name begins with `prefix`.
  std::vector<std::string> lines(std::string_view prefix = {}) const;

  /// Called after each event, with its name.
  std::function<void(std::string_view)> on_event;

 private:
  std::vector<std::string> lines_;
};

}  // namespace ioa::test

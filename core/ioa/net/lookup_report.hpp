#pragma once

#include <cstdint>
#include <exception>
#include <span>
#include <string>
#include <string_view>

#include "ioa/base/clock.hpp"
#include "ioa/base/error.hpp"
#include "ioa/base/event_sink.hpp"
#include "ioa/loop/metrics.hpp"
#include "ioa/net/resolver.hpp"

namespace ioa::detail {

enum class LookupKind : std::uint8_t { addresses, name, records };

/// What a look-up is about, as events say it.
struct LookupSubject {
  std::string name;
  std::string service;
  Family family = Family::any;
  /// The type of record that is asked for ("MX"), a literal; empty for addresses and names.
  std::string_view type = {};
  LookupKind kind = LookupKind::addresses;
};

/// Counts one look-up, and tells the Loop's EventSink, if it has one: `resolve.start` when it is
/// made, then `resolve.done` or `resolve.failed`. Copies tell of the same one.
class LookupReport {
 public:
  LookupReport(Loop& loop, LookupSubject subject);

  const LookupSubject& subject() const noexcept { return subject_; }
  void done(const LookupResult& result) const;
  void done(const NameResult& result) const;
  /// What records say.
  void done(std::span<const std::string> records) const;
  void failed(const Error& error) const;
  void failed(const std::exception_ptr& error) const;

 private:
  void tell(std::string_view event, std::span<const EventField> fields) const;
  void tell_failed(const Error& error) const;
  LookupCount& count() const noexcept;

  Loop* loop_;
  LookupSubject subject_;
  TimePoint started_;
};

}  // namespace ioa::detail

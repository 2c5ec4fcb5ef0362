#include "ioa/net/lookup_report.hpp"

#include <array>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "ioa/base/duration_text.hpp"
#include "ioa/base/event_sink.hpp"
#include "ioa/loop/loop.hpp"

namespace ioa::detail {
namespace {

std::string_view family_name(Family family) {
  if (family == Family::ipv4) return "ipv4";
  return family == Family::ipv6 ? "ipv6" : "any";
}

}  // namespace

LookupReport::LookupReport(Loop& loop, LookupSubject subject)
    : loop_(&loop), subject_(std::move(subject)) {
  ++loop.counters().lookups;
  if (loop.event_sink() == nullptr) return;
  started_ = loop.backend().now();
  tell("resolve.start", {});
}

bool LookupReport::is_told() const noexcept { return started_ && loop_->event_sink() != nullptr; }

double LookupReport::duration_ms() const {
  return milliseconds(loop_->backend().now() - *started_);
}

/// The event with the fields of the subject in front.
void LookupReport::tell(std::string_view event, std::span<const EventField> fields) const {
  std::vector<EventField> all{{"name", subject_.name},
                              {"service", subject_.service},
                              {"family", family_name(subject_.family)}};
  if (!subject_.type.empty()) all.push_back({"type", subject_.type});
  for (const EventField& field : fields)
    if (field.name == "service")
      all[1].value = field.value;
    else
      all.push_back(field);
  loop_->event_sink()->event(event, all);
}

void LookupReport::done(const LookupResult& result) const {
  if (!is_told()) return;
  std::vector<std::string> texts;
  for (const ResolvedAddress& found : result.addresses)
    texts.push_back(subject_.service.empty() ? found.address.host() : found.address.to_string());
  const std::array<EventField, 2> fields{
      {{"addresses", std::span<const std::string>(texts)}, {"duration_ms", duration_ms()}}};
  tell("resolve.done", fields);
}

void LookupReport::done(const NameResult& result) const {
  if (!is_told()) return;
  const std::array<std::string, 1> names{result.host};
  const std::array<EventField, 3> fields{{{"service", result.service},
                                          {"names", std::span<const std::string>(names)},
                                          {"duration_ms", duration_ms()}}};
  tell("resolve.done", fields);
}

void LookupReport::done(std::span<const std::string> records) const {
  if (!is_told()) return;
  const std::array<EventField, 2> fields{{{"records", records}, {"duration_ms", duration_ms()}}};
  tell("resolve.done", fields);
}

void LookupReport::failed(const Error& error) const {
  ++loop_->counters().failed_lookups;
  tell_failed(error);
}

void LookupReport::tell_failed(const Error& error) const {
  if (!is_told()) return;
  const std::string symbol = error.code() ? error_name(error.code()) : std::string("timeout");
  const std::string message = error.reason();
  const std::array<EventField, 3> fields{
      {{"error", symbol}, {"message", message}, {"duration_ms", duration_ms()}}};
  tell("resolve.failed", fields);
}

void LookupReport::failed(const std::exception_ptr& error) const {
  ++loop_->counters().failed_lookups;
  if (!is_told()) return;
  try {
    std::rethrow_exception(error);
  } catch (const Error& known) {
    tell_failed(known);
  } catch (const std::exception& other) {
    tell_failed(Error(ErrorKind::failed, {}, "resolve", subject_.name, other.what()));
  }
}

}  // namespace ioa::detail

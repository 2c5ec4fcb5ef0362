#include "cli/commands/run_child/child_report.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <nlohmann/json.hpp>

#include "cli/escape.hpp"
#include "cli/exit_status.hpp"
#include "cli/reporter.hpp"

namespace ioa::cli {
namespace {

using Json = nlohmann::ordered_json;

// Whole microseconds: more digits say nothing about a process.
double seconds(Duration duration) {
  return static_cast<double>(
             std::chrono::duration_cast<std::chrono::microseconds>(duration).count()) /
         1e6;
}

int status_of(const Error& error) {
  if (error.operation() != "exec") return to_int(ExitStatus::child_failed);
  const bool is_missing = error.code().value() == ENOENT;
  return to_int(is_missing ? ExitStatus::command_not_found : ExitStatus::cannot_execute);
}

std::string fate(const ChildReport& report) {
  switch (report.limit) {
    case ChildLimit::run_time:
      return "timed out, ";
    case ChildLimit::silence:
      return "silent for too long, ";
    case ChildLimit::none:
      break;
  }
  return {};
}

void add_output(Json& object, const char* name, const std::optional<CapturedText>& captured) {
  if (!captured) return;
  object[name] = captured->text;
  object[std::string(name) + "_truncated"] = captured->is_truncated;
}

}  // namespace

int ChildReport::exit_status() const noexcept {
  if (error) return status_of(*error);
  return limit == ChildLimit::none ? status.shell_status() : to_int(ExitStatus::time_limit);
}

std::string ChildReport::name() const {
  return escape_argument(item ? item->text : command.front());
}

std::string ChildReport::reason() const {
  return limit == ChildLimit::none ? status.text() : "a time limit was reached";
}

std::string report_text(const ChildReport& report) {
  const std::string name = report.name();
  const std::string attempts =
      report.attempts == 1 ? "" : fmt::format(", {} attempts", report.attempts);
  if (report.error) return fmt::format("{}: not started{}", name, attempts);
  return fmt::format("{}: {}{} after {} (user {}, system {}, {:.1f} MiB{})", name, fate(report),
                     report.status.text(), format_measured(report.wall),
                     format_measured(report.usage.user), format_measured(report.usage.system),
                     static_cast<double>(report.usage.max_rss) / (1 << 20), attempts);
}

std::string report_json(const ChildReport& report) {
  Json object = Json::object();
  if (report.item) object["n"] = report.item->number;
  if (report.item) object["line"] = report.item->text;
  object["command"] = report.command;
  object["pid"] = report.pid == 0 ? Json(nullptr) : Json(report.pid);
  object["status"] = report.exit_status();
  const auto signal = report.status.signal();
  object["signal"] = signal ? Json(*signal) : Json(nullptr);
  object["timed_out"] = report.limit != ChildLimit::none;
  object["wall_s"] = seconds(report.wall);
  object["user_s"] = seconds(report.usage.user);
  object["system_s"] = seconds(report.usage.system);
  object["max_rss_kb"] = report.usage.max_rss / 1024;
  object["attempts"] = report.attempts;
  if (report.error) object["error"] = report.error->reason();
  add_output(object, "stdout", report.out);
  add_output(object, "stderr", report.err);
  return object.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace ioa::cli

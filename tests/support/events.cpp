#include "tests/support/events.hpp"

#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <utility>

#include "tests/support/pattern.hpp"

namespace ioa::test {
namespace {

using Json = nlohmann::json;

/// The members that an event has besides event, time and elapsed_ms, in the words of ioa(1): s is a
/// string, n a number, a an array of strings; in capitals, it may be missing.
const std::map<std::string, std::string>& schema() {
  static const std::map<std::string, std::string> kSchema{
      {"resolve.start", "name:s service:s family:s"},
      {"resolve.done", "name:s service:s family:s addresses:A names:A duration_ms:n"},
      {"resolve.failed", "name:s service:s family:s error:s message:s duration_ms:n"},
      {"attempt.start", "conn:n address:s"},
      {"attempt.failed", "conn:n address:s syscall:s error:s message:s duration_ms:n"},
      {"connected", "conn:n address:s local:s duration_ms:n"},
      {"eof", "conn:N side:s"},
      {"closed",
       "conn:n bytes_sent:n bytes_received:n datagrams_sent:N datagrams_received:N duration_ms:n "
       "reason:s"},
      {"listening", "address:s"},
      {"accepted", "conn:n address:s local:s"},
      {"rejected", "conn:n address:s reason:s"},
      {"retry", "conn:n attempt:n delay_ms:n reason:s"},
      {"child.started", "conn:n pid:n command:a"},
      {"child.exited", "conn:n pid:n status:n signal:N duration_ms:n message:s"},
      {"exit", "status:n"},
  };
  return kSchema;
}

bool is_of_type(const Json& value, char type) {
  switch (type) {
    case 's':
      return value.is_string();
    case 'n':
      return value.is_number();
    default:
      return value.is_array() && std::all_of(value.begin(), value.end(),
                                             [](const Json& each) { return each.is_string(); });
  }
}

std::string check_members(const Json& object, const std::string& members) {
  std::map<std::string, char> allowed{
      {"event", 's'}, {"time", 's'}, {"elapsed_ms", 'n'}, {"conn", 'N'}};
  for (const auto& member : find_all(members, "([a-z_]+):([a-zA-Z])"))
    allowed[member[1]] = member[2][0];
  for (const auto& [name, type] : allowed) {
    const bool is_optional = std::isupper(static_cast<unsigned char>(type)) != 0;
    if (!object.contains(name)) {
      if (!is_optional) return name + " is missing";
    } else if (!is_of_type(object[name], static_cast<char>(std::tolower(type)))) {
      return name + " is of another type";
    }
  }
  for (const auto& [name, value] : object.items())
    if (allowed.count(name) == 0) return name + " is not in the manual";
  return {};
}

}  // namespace

JsonObject::JsonObject(std::string_view line) {
  Json parsed = Json::parse(line, nullptr, false);
  if (!parsed.is_object()) throw std::runtime_error("not a JSON object: " + std::string(line));
  json_ = std::make_unique<Json>(std::move(parsed));
}

JsonObject::JsonObject(JsonObject&&) noexcept = default;
JsonObject& JsonObject::operator=(JsonObject&&) noexcept = default;
JsonObject::~JsonObject() = default;

bool JsonObject::has(std::string_view member) const { return json_->contains(member); }

std::string JsonObject::text(std::string_view member) const {
  const auto found = json_->find(member);
  if (found == json_->end()) return {};
  return found->is_string() ? found->get<std::string>() : found->dump();
}

double JsonObject::number(std::string_view member) const {
  const auto found = json_->find(member);
  return found != json_->end() && found->is_number() ? found->get<double>() : -1;
}

std::string JsonObject::breach() const {
  const auto known = schema().find(name());
  if (known == schema().end()) return "no such event in the manual";
  if (const std::string problem = check_members(*json_, known->second); !problem.empty())
    return problem;
  if (!matches(text("time"), R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z)"))
    return "time is not RFC 3339 with microseconds, UTC";
  if (number("elapsed_ms") < 0) return "elapsed_ms is negative";
  if (has("conn") && number("conn") < 1) return "conn is not a number from 1";
  return {};
}

std::vector<JsonObject> json_lines(std::string_view text) {
  std::vector<JsonObject> objects;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos) throw std::runtime_error("the last line has no end");
    objects.emplace_back(text.substr(0, end));
    text.remove_prefix(end + 1);
  }
  return objects;
}

Events::Events(std::string_view text) : all_(json_lines(text)) {
  double before = 0;
  for (const JsonObject& event : all_) {
    EXPECT_EQ(event.breach(), "") << event.json().dump();
    EXPECT_GE(event.number("elapsed_ms"), before) << "events are out of order";
    before = event.number("elapsed_ms");
  }
}

std::string Events::names() const {
  std::string text;
  for (const JsonObject& event : all_) text += (text.empty() ? "" : " ") + event.name();
  return text;
}

std::size_t Events::count(std::string_view name) const {
  std::size_t number = 0;
  for (const JsonObject& event : all_) number += event.name() == name ? 1 : 0;
  return number;
}

const JsonObject& Events::first(std::string_view name) const {
  for (const JsonObject& event : all_)
    if (event.name() == name) return event;
  ADD_FAILURE() << "no " << name << " among " << names();
  static const JsonObject kNone("{}");
  return kNone;
}

}  // namespace ioa::test

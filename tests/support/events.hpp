#pragma once

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace ioa::test {

/// One event of `--events`, or one object of `--json`.
class JsonObject {
 public:
  /// Throws std::runtime_error if `line` is not one object.
  explicit JsonObject(std::string_view line);
  JsonObject(JsonObject&&) noexcept;
  JsonObject& operator=(JsonObject&&) noexcept;
  ~JsonObject();

  bool has(std::string_view member) const;
  /// The value of a member as text: a string without quotes, anything else as JSON. Empty if it is
  /// missing.
  std::string text(std::string_view member) const;
  /// A number; -1 if it is missing or no number.
  double number(std::string_view member) const;
  /// "event".
  std::string name() const { return text("event"); }
  /// What is wrong with it by the schema of ioa(1), EVENTS; empty if nothing is.
  std::string breach() const;
  const nlohmann::json& json() const noexcept { return *json_; }

 private:
  std::unique_ptr<nlohmann::json> json_;
};

/// The objects of a text, one a line.
std::vector<JsonObject> json_lines(std::string_view text);

/// The events of a run, each held to the schema: a breach fails the test.
class Events {
 public:
  explicit Events(std::string_view text);

  /// Their names in order: "attempt.start connected eof closed exit".
  std::string names() const;
  std::size_t count(std::string_view name) const;
  /// The first of this name; fails the test, and returns an empty object, if there is none.
  const JsonObject& first(std::string_view name) const;
  const std::vector<JsonObject>& all() const noexcept { return all_; }

 private:
  std::vector<JsonObject> all_;
};

}  // namespace ioa::test

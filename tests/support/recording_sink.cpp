#include "tests/support/recording_sink.hpp"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <variant>

namespace ioa::test {
namespace {

struct TextOf {
  std::string operator()(std::string_view text) const { return std::string(text); }
  std::string operator()(std::int64_t number) const { return std::to_string(number); }
  std::string operator()(double) const { return "*"; }
  std::string operator()(bool value) const { return value ? "true" : "false"; }
  std::string operator()(std::span<const std::string> list) const {
    std::string text = "[";
    for (const std::string& item : list) text += (text.size() > 1 ? " " : "") + item;
    return text + "]";
  }
};

}  // namespace

void RecordingSink::event(std::string_view name, std::span<const EventField> fields) {
  std::string line(name);
  for (const EventField& field : fields)
    line += " " + std::string(field.name) + "=" + std::visit(TextOf(), field.value);
  lines_.push_back(std::move(line));
  if (on_event) on_event(name);
}

std::vector<std::string> RecordingSink::lines(std::string_view prefix) const {
  std::vector<std::string> chosen;
  std::copy_if(lines_.begin(), lines_.end(), std::back_inserter(chosen),
               [prefix](const std::string& line) { return line.rfind(prefix, 0) == 0; });
  return chosen;
}

}  // namespace ioa::test

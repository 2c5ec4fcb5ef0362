#include "cli/option_table.hpp"

#include "ioa/base/assert.hpp"

namespace ioa::cli {
namespace {

template <typename Predicate>
const OptionSpec* find_if(const CommandSpec& command, Predicate matches) noexcept {
  for (const OptionGroup& group : command.groups) {
    for (const OptionSpec& option : group.options) {
      if (matches(option)) return &option;
    }
  }
  return nullptr;
}

}  // namespace

std::string OptionSpec::display() const {
  std::string text;
  if (letter != 0) {
    text += '-';
    text += letter;
  }
  if (!name.empty()) {
    text += text.empty() ? "--" : "/--";
    text += name;
  }
  return text;
}

const OptionSpec* CommandSpec::find_name(std::string_view option_name) const noexcept {
  if (option_name.empty()) return nullptr;
  return find_if(*this, [&](const OptionSpec& option) { return option.name == option_name; });
}

const OptionSpec* CommandSpec::find_letter(char letter) const noexcept {
  if (letter == 0) return nullptr;
  return find_if(*this, [&](const OptionSpec& option) { return option.letter == letter; });
}

const OptionSpec& CommandSpec::find_key(std::string_view key) const noexcept {
  const OptionSpec* found =
      find_if(*this, [&](const OptionSpec& option) { return option.key() == key; });
  IOA_ASSERT(found != nullptr, "the command's table has no such option");
  return *found;
}

}  // namespace ioa::cli

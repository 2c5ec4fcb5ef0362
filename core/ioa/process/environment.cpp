#include "ioa/process/environment.hpp"

#include <unistd.h>

#include <algorithm>

namespace ioa {
namespace {

std::string_view name_of(std::string_view entry) noexcept {
  return entry.substr(0, entry.find('='));
}

}  // namespace

Environment Environment::empty() {
  Environment environment;
  environment.inherits_ = false;
  return environment;
}

Environment& Environment::set(std::string name, std::string value) {
  change({std::move(name), std::move(value), true});
  return *this;
}

Environment& Environment::unset(std::string name) {
  change({std::move(name), {}, false});
  return *this;
}

Environment& Environment::clear() { return *this = empty(); }

void Environment::change(Change change) {
  const auto found = std::find_if(changes_.begin(), changes_.end(),
                                  [&](const Change& old) { return old.name == change.name; });
  if (found != changes_.end()) changes_.erase(found);
  changes_.push_back(std::move(change));
}

std::vector<std::string> Environment::strings() const { return strings(::environ); }

std::vector<std::string> Environment::strings(const char* const* inherited) const {
  std::vector<std::string> strings;
  const auto is_changed = [this](std::string_view name) {
    return std::any_of(changes_.begin(), changes_.end(),
                       [name](const Change& change) { return change.name == name; });
  };
  if (inherits_ && inherited != nullptr) {
    for (; *inherited != nullptr; ++inherited)
      if (!is_changed(name_of(*inherited))) strings.emplace_back(*inherited);
  }
  for (const Change& change : changes_)
    if (change.is_set) strings.push_back(change.name + "=" + change.value);
  return strings;
}

}  // namespace ioa

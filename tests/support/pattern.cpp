#include "tests/support/pattern.hpp"

#include <iterator>
#include <regex>

namespace ioa::test {

bool matches(std::string_view text, const std::string& pattern) {
  return std::regex_match(text.begin(), text.end(), std::regex(pattern));
}

std::vector<std::vector<std::string>> find_all(std::string_view text, const std::string& pattern) {
  using Iterator = std::regex_iterator<std::string_view::const_iterator>;
  const std::regex compiled(pattern);
  std::vector<std::vector<std::string>> found;
  for (Iterator it(text.begin(), text.end(), compiled), end; it != end; ++it) {
    std::vector<std::string>& groups = found.emplace_back();
    for (const auto& group : *it) groups.push_back(group.str());
  }
  return found;
}

std::string replace_all(std::string_view text, const std::string& pattern,
                        const std::string& with) {
  std::string replaced;
  std::regex_replace(std::back_inserter(replaced), text.begin(), text.end(), std::regex(pattern),
                     with);
  return replaced;
}

}  // namespace ioa::test

#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ioa::test {

// Regular expressions as ECMAScript has them. They are compiled here and not where they are used:
// the standard library's take longer to compile than most tests.

/// Whether all of `text` is as the pattern says.
bool matches(std::string_view text, const std::string& pattern);

/// Each match in `text`: itself, then its groups.
std::vector<std::vector<std::string>> find_all(std::string_view text, const std::string& pattern);

/// `text` with every match replaced by `with`.
std::string replace_all(std::string_view text, const std::string& pattern, const std::string& with);

}  // namespace ioa::test

#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ioa::cli {

/// Splits a command line into words at blanks, with the shell's quotes ('…', "…", \) and nothing
/// else of it: nothing is expanded, and |, <, >, ;, &, $, * and # are characters like any other.
/// Within double quotes a backslash quotes $, `, ", \ and the end of a line only. (POSIX, Shell
/// Command Language, 2.2)
///
/// Nothing if a quote is not closed, a backslash stands at the end, or there are more than
/// kMaxWords. No words if there is nothing but blanks.
std::optional<std::vector<std::string>> split_words(std::string_view text);

inline constexpr std::size_t kMaxWords = 4096;

}  // namespace ioa::cli

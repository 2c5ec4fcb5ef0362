#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ioa::cli {

/// One line of what `--from` names.
struct JobItem {
  std::uint64_t number = 0;  ///< From 1.
  std::string text;          ///< Without what ended it.
  bool is_too_long = false;  ///< Then there is no text.
};

/// Whether `{}` or `{n}` is in any of the arguments.
bool has_placeholder(const std::vector<std::string>& arguments);

/// `text` with each `{}` replaced by `line` and each `{n}` by the number. What is put in is not
/// looked through again.
std::string substitute(std::string_view text, std::string_view line, std::uint64_t number);

/// The command that is run for an item. The line becomes (a part of) arguments, whatever is in it,
/// and no shell sees it; without a command it is what /bin/sh is to run.
std::vector<std::string> command_for(const std::vector<std::string>& command, const JobItem& item);

/// Why it cannot be run, for people; empty if it can.
std::string_view problem_of(const JobItem& item);

}  // namespace ioa::cli

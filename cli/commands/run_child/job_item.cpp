#include "cli/commands/run_child/job_item.hpp"

namespace ioa::cli {
namespace {

constexpr std::string_view kLine = "{}";
constexpr std::string_view kNumber = "{n}";

}  // namespace

bool has_placeholder(const std::vector<std::string>& arguments) {
  for (const std::string& argument : arguments)
    if (argument.find(kLine) != argument.npos || argument.find(kNumber) != argument.npos)
      return true;
  return false;
}

std::string substitute(std::string_view text, std::string_view line, std::uint64_t number) {
  std::string result;
  while (!text.empty()) {
    const std::size_t brace = text.find('{');
    result.append(text.substr(0, brace));
    if (brace == text.npos) break;
    text.remove_prefix(brace);
    if (text.substr(0, kLine.size()) == kLine) {
      result.append(line);
      text.remove_prefix(kLine.size());
    } else if (text.substr(0, kNumber.size()) == kNumber) {
      result.append(std::to_string(number));
      text.remove_prefix(kNumber.size());
    } else {
      result.push_back('{');
      text.remove_prefix(1);
    }
  }
  return result;
}

std::vector<std::string> command_for(const std::vector<std::string>& command, const JobItem& item) {
  if (command.empty()) {
    std::vector<std::string> shell{"/bin/sh", "-c"};
    const char first = item.text.empty() ? '\0' : item.text.front();
    if (first == '-' || first == '+') shell.emplace_back("--");  // it is no option of the shell
    shell.push_back(item.text);
    return shell;
  }
  std::vector<std::string> arguments;
  arguments.reserve(command.size());
  for (const std::string& argument : command)
    arguments.push_back(substitute(argument, item.text, item.number));
  return arguments;
}

std::string_view problem_of(const JobItem& item) {
  if (item.is_too_long) return "it is longer than an argument can be (128K)";
  if (item.text.find('\0') != item.text.npos) return "it contains a NUL byte";
  return {};
}

}  // namespace ioa::cli

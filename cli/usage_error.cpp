#include "cli/usage_error.hpp"

namespace ioa::cli {
namespace {

std::string join(std::string_view argument, std::string_view problem) {
  std::string text(argument);
  if (!text.empty()) text += ": ";
  return text += problem;
}

std::string program(std::string_view command) {
  std::string text = "ioa";
  if (!command.empty()) {
    text += ' ';
    text += command;
  }
  return text += ": ";
}

}  // namespace

UsageError::UsageError(std::string_view command, std::string_view argument,
                       std::string_view problem)
    : message_(join(argument, problem)), line_(program(command) + message_) {}

}  // namespace ioa::cli

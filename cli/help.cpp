#include "cli/help.hpp"

#include <algorithm>
#include <cstddef>
#include <string_view>

namespace ioa::cli {
namespace {

constexpr std::size_t kWidth = 80;

// Where the text about an option, a command or an example begins.
constexpr std::size_t kOptionColumn = 30;
constexpr std::size_t kCommandColumn = 13;

// Takes as many words from the front of `text` as fit into `width`, but at least one.
std::string_view take_line(std::string_view& text, std::size_t width) {
  std::size_t end = text.size();
  if (end > width) {
    end = text.rfind(' ', width);
    if (end == text.npos) end = std::min(text.find(' '), text.size());
  }
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end);
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  return line;
}

// Appends `left` and, from `column` on, `text` broken into lines. A `left` that reaches into the
// column has a line to itself.
void append_entry(std::string& out, std::string_view left, std::string_view text,
                  std::size_t column) {
  out += left;
  std::size_t at = left.size();
  if (at + 1 >= column && !text.empty() && at > 0) {
    out += '\n';
    at = 0;
  }
  while (!text.empty()) {
    out.append(column - at, ' ');
    out += take_line(text, kWidth - column);
    out += '\n';
    at = 0;
  }
}

std::string option_form(const OptionSpec& option) {
  std::string form = "  ";
  if (option.letter != 0) {
    form += '-';
    form += option.letter;
    if (!option.name.empty()) form += ", ";
  } else {
    form += "    ";
  }
  if (!option.name.empty()) {
    form += "--";
    form += option.name;
  }
  if (option.value == ValueKind::required) form += ' ';
  if (option.value == ValueKind::optional) form += "[=";
  form += option.metavar;
  if (option.value == ValueKind::optional) form += ']';
  return form;
}

void append_usage(std::string& out, const CommandSpec& command) {
  std::string_view before = "usage: ";
  for (const std::string_view form : command.usage) {
    out += before;
    out += "ioa ";
    out += command.name;
    out += ' ';
    out += form;
    out += '\n';
    before = "       ";
  }
}

}  // namespace

std::string overview(std::span<const CommandSpec* const> commands) {
  std::string out =
      "usage: ioa COMMAND [OPTIONS] [ARGUMENTS]\n"
      "       ioa HOST PORT                    as ioa connect HOST PORT\n"
      "       ioa -l PORT                      as ioa listen PORT\n"
      "\nCommands:\n";
  for (const CommandSpec* command : commands) {
    append_entry(out, "  " + std::string(command->name), command->summary, kCommandColumn);
  }
  out +=
      "  help       what a command takes: ioa help COMMAND, ioa COMMAND --help\n"
      "\n"
      "Short options may be clustered (-zvn), values may follow at once or behind\n"
      "a blank or '=' (-w1, -w 1, --wait=1), options may follow operands, and all\n"
      "that follows a lone -- is an operand. Options of run-child end at its command.\n"
      "\n"
      "DUR is 250ms, 1.5s, 2m, 1h30m or 2d; a bare number is seconds. SIZE is 512,\n"
      "64K, 10M or 1G.\n"
      "\n"
      "Exit status:\n"
      "  0      done: all data that was read was delivered\n"
      "  1      an I/O error in mid-stream, or input that could not all be delivered\n"
      "  2      usage: a bad option, address or value\n"
      "  3      a name could not be resolved\n"
      "  4      could not connect or listen, or a probed port is not open\n"
      "  124    a time limit was reached\n"
      "  125    a command could not be run; 126: not executed, 127: not found\n"
      "  128+N  ended by signal N\n"
      "\n"
      "      --version  print the version and exit\n"
      "  -h, --help     print this and exit\n";
  return out;
}

std::string command_help(const CommandSpec& command) {
  std::string out;
  out.reserve(8192);
  append_usage(out, command);
  out += '\n';
  append_entry(out, "", command.description, 0);
  for (const OptionGroup& group : command.groups) {
    out += '\n';
    out += group.title;
    out += ":\n";
    for (const OptionSpec& option : group.options) {
      append_entry(out, option_form(option), option.help, kOptionColumn);
    }
  }
  out += "\nExamples:\n";
  for (const Example& example : command.examples) {
    out += "  ";
    out += example.line;
    out += '\n';
    append_entry(out, "", example.meaning, 6);
  }
  return out;
}

}  // namespace ioa::cli

#include "cli/command_line.hpp"

#include <algorithm>
#include <array>

#include "cli/commands/connect_options.hpp"
#include "cli/commands/listen/listen_options.hpp"
#include "cli/commands/resolve_options.hpp"
#include "cli/commands/run_child/run_child_options.hpp"
#include "cli/commands/timer/timer_options.hpp"
#include "cli/escape.hpp"
#include "cli/help.hpp"
#include "cli/usage_error.hpp"

namespace ioa::cli {
namespace {

using Args = std::span<const std::string_view>;

// Letters of connect and listen that take a value, which ends a cluster.
constexpr std::string_view kLettersWithValue = "ceijmopqswx";

const CommandSpec* find_command(std::string_view name) {
  for (const CommandSpec* command : all_commands()) {
    if (command->name == name || (!name.empty() && command->alias == name)) return command;
  }
  return nullptr;
}

bool is_option(std::string_view arg) { return arg.size() > 1 && arg.front() == '-'; }

// Whether nc would take these arguments for listening: -l in any cluster before a lone "--".
bool asks_to_listen(Args args) {
  for (std::size_t i = 0; i < args.size() && args[i] != "--"; ++i) {
    if (args[i] == "--listen") return true;
    if (!is_option(args[i]) || args[i][1] == '-') continue;
    const std::string_view letters = args[i].substr(1);
    const std::size_t end = letters.find_first_of(kLettersWithValue);
    if (letters.substr(0, end).find('l') != letters.npos) return true;
    if (end == letters.size() - 1) ++i;  // Its value is the next argument.
  }
  return false;
}

// The command that a word at its place was probably meant for.
const CommandSpec* nearest_command(std::string_view word) {
  for (const CommandSpec* command : all_commands()) {
    if (edit_distance(word, command->name, 2) <= 2) return command;
  }
  return nullptr;
}

// Arguments without a command go to connect, unless a command seems to be among them.
void check_habit(Args args, const Arguments& arguments) {
  const bool settled = std::find(args.begin(), args.end(), "--") != args.end();
  if (settled || arguments.operands.empty()) return;
  const std::string& first = arguments.operands.front();
  const bool in_front = args.front() == first;
  if (!in_front && find_command(first) != nullptr) {
    throw UsageError({}, first, "expected the command before its options: ioa " + first + " ...");
  }
  const bool host_and_port =
      arguments.operands.size() == 2 && parse_port(arguments.operands[1]).has_value();
  if (!in_front || host_and_port || first.find(':') != first.npos) return;
  if (const CommandSpec* nearest = nearest_command(first)) {
    throw UsageError({}, escape_argument(first),
                     "unknown command; did you mean " + std::string(nearest->name) + "?");
  }
}

Invocation print(std::string text) { return Invocation{{}, std::move(text)}; }

Invocation read_command(const CommandSpec& command, Args args) {
  Invocation invocation;
  invocation.arguments = read_arguments(command, args);
  if (invocation.arguments.help) return print(command_help(command));
  return invocation;
}

Invocation read_help(Args args) {
  if (args.empty()) return print(overview(all_commands()));
  const CommandSpec* command = find_command(args[0]);
  if (command == nullptr) {
    throw UsageError("help", escape_argument(args[0]), "expected the name of a command");
  }
  if (args.size() > 1) {
    throw UsageError("help", escape_argument(args[1]), "expected nothing behind the command");
  }
  return print(command_help(*command));
}

}  // namespace

std::span<const CommandSpec* const> all_commands() {
  static const std::array commands{&connect_command(), &listen_command(), &resolve_command(),
                                   &run_child_command(), &timer_command()};
  return commands;
}

std::string_view version() noexcept { return IOA_VERSION; }

Invocation read_command_line(Args args) {
  if (args.empty()) {
    throw UsageError({}, "COMMAND", "expected a command or HOST PORT; 'ioa --help' lists them");
  }
  const std::string_view first = args.front();
  if (first == "--help" || first == "-h") return print(overview(all_commands()));
  if (first == "--version") return print("ioa " + std::string(version()) + "\n");
  if (first == "help") return read_help(args.subspan(1));
  if (const CommandSpec* command = find_command(first)) {
    return read_command(*command, args.subspan(1));
  }
  if (asks_to_listen(args)) return read_command(listen_command(), args);
  Invocation invocation = read_command(connect_command(), args);
  if (invocation.arguments.command != nullptr) check_habit(args, invocation.arguments);
  return invocation;
}

}  // namespace ioa::cli

// Whole command lines, an argument a line: nothing but a UsageError of one printable line comes
// out.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "cli/command_line.hpp"
#include "cli/commands/connect_options.hpp"
#include "cli/commands/listen/listen_options.hpp"
#include "cli/commands/resolve_options.hpp"
#include "cli/commands/run_child/run_child_options.hpp"
#include "cli/commands/timer/timer_options.hpp"
#include "cli/usage_error.hpp"

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

std::vector<std::string_view> split(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    lines.push_back(line);
    text.remove_prefix(std::min(line.size() + 1, text.size()));
  }
  return lines;
}

// What the pre-pass made of the arguments means the same to itself.
void check_normal_form(const ioa::cli::Arguments& arguments) {
  std::vector<std::string_view> again(arguments.options.begin(), arguments.options.end());
  again.emplace_back("--");
  again.insert(again.end(), arguments.operands.begin(), arguments.operands.end());
  const ioa::cli::Arguments read = ioa::cli::read_arguments(*arguments.command, again);
  require(read.options == arguments.options && read.operands == arguments.operands);
}

void parse(const ioa::cli::Arguments& arguments) {
  using ioa::cli::Command;
  switch (arguments.command->command) {
    case Command::connect: {
      const auto options = ioa::cli::parse_connect(arguments);
      return require(options.probe == !options.targets.empty() && options.jobs > 0);
    }
    case Command::listen:
      return require(!ioa::cli::parse_listen(arguments).addresses.empty());
    case Command::resolve: {
      const auto options = ioa::cli::parse_resolve(arguments);
      return require(options.from_stdin == options.queries.empty() && options.jobs > 0);
    }
    case Command::run_child: {
      const auto options = ioa::cli::parse_run_child(arguments);
      return require(options.many || !options.child.command.empty());
    }
    case Command::timer:
      static_cast<void>(ioa::cli::parse_timer(arguments, ioa::WallTime()));
  }
}

void run(const std::vector<std::string_view>& args) {
  const ioa::cli::Invocation invocation = ioa::cli::read_command_line(args);
  if (invocation.arguments.command == nullptr) return require(!invocation.text.empty());
  check_normal_form(invocation.arguments);
  parse(invocation.arguments);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    run(split({reinterpret_cast<const char*>(data), size}));
  } catch (const ioa::cli::UsageError& error) {
    const std::string_view line = error.what();
    require(line.substr(0, 3) == "ioa" && line.find(": ") != line.npos && line.size() < 2000);
    require(std::none_of(line.begin(), line.end(),
                         [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }));
  }
  return 0;
}

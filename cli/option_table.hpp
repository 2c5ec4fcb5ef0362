#pragma once

#include <span>
#include <string>
#include <string_view>

namespace ioa::cli {

/// The commands of this release.
enum class Command {
  connect,
  listen,
  resolve,
  run_child,
  timer,
};

/// What an option takes.
enum class ValueKind {
  none,      ///< Nothing: a flag.
  required,  ///< A value: `-w1`, `-w 1`, `--name=1`, `--name 1`.
  optional,  ///< A value with '=' only: `--name`, `--name=1`.
};

/// One option of a command. Tables of them are constant data: the pre-pass, CLI11 and help are all
/// driven by the same ones, and man pages and completions are checked against them.
struct OptionSpec {
  std::string_view name;  ///< Without its dashes; empty: there is a letter only.
  char letter = 0;        ///< The short option; 0: none.
  ValueKind value = ValueKind::none;
  std::string_view metavar = {};  ///< What help calls the value: `DUR`.
  std::string_view help = {};     ///< One sentence fragment, its default in brackets at the end.

  /// What code calls the option by: its name, or its letter if it has none.
  std::string_view key() const noexcept {
    return name.empty() ? std::string_view(&letter, 1) : name;
  }

  /// What an error line calls it: `-w/--connect-timeout`, `--json`, `-4`.
  std::string display() const;
};

/// Options that help shows together.
struct OptionGroup {
  std::string_view title;
  std::span<const OptionSpec> options;
};

/// A short option that other netcats have, each with its own meaning: it is refused.
struct RefusedLetter {
  char letter;
  /// What to use in its place, naming a long option: `use --tos`.
  std::string_view advice;
};

/// A command line worth showing, and what it does.
struct Example {
  std::string_view line;
  std::string_view meaning;
};

/// All there is to say about the command line of one command.
struct CommandSpec {
  Command command;
  std::string_view name;
  std::string_view summary;                 ///< For the overview.
  std::span<const std::string_view> usage;  ///< What follows `ioa NAME` in each of its forms.
  std::string_view description;             ///< For its own help; lines are broken by the writer.
  std::span<const OptionGroup> groups;
  std::span<const RefusedLetter> refused;
  std::span<const Example> examples;
  /// Another name that the command answers to; empty: none.
  std::string_view alias = {};
  /// Its options end at the first operand: what follows belongs to a command that it runs.
  bool operands_end_options = false;

  /// The option with that name (without dashes), or null.
  const OptionSpec* find_name(std::string_view option_name) const noexcept;

  /// The option with that letter, or null.
  const OptionSpec* find_letter(char letter) const noexcept;

  /// The option with that key, which the table must hold.
  const OptionSpec& find_key(std::string_view key) const noexcept;
};

}  // namespace ioa::cli

#include "cli/option_values.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <vector>

#include "cli/escape.hpp"
#include "cli/parse_values.hpp"
#include "cli/usage_error.hpp"
#include "ioa/base/byte_size.hpp"

namespace ioa::cli {
namespace {

// CLI11's name of an option is also its normal form in Arguments.
std::string parser_name(const OptionSpec& option) {
  return (option.name.empty() ? "-" : "--") + std::string(option.key());
}

// Whether an option may be one of those given. Making CLI11's object for one costs more than
// reading the whole command line does, so that only those are made that have a use.
bool is_among(const OptionSpec& option, const std::vector<std::string>& given) {
  const std::string name = parser_name(option);
  return std::any_of(given.begin(), given.end(), [&](const std::string& element) {
    return element.compare(0, name.size(), name) == 0;
  });
}

}  // namespace

struct OptionValues::Parser {
  CLI::App app;

  // What CLI11 does with a value of its own accord (splitting lists, converting) is left out.
  void add(const OptionSpec& spec) {
    const CLI::callback_t ignore = [](const CLI::results_t&) { return true; };
    CLI::Option* option = app.add_option(parser_name(spec), ignore);
    option->allow_extra_args(false)->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
    switch (spec.value) {
      case ValueKind::none:
        option->expected(0);
        break;
      case ValueKind::required:
        option->expected(1);
        break;
      case ValueKind::optional:
        option->expected(0, 1);
        break;
    }
  }

  // Null if the option was not given.
  const CLI::Option* find(const OptionSpec& spec) const {
    return app.get_option_no_throw(parser_name(spec));
  }
};

OptionValues::OptionValues(const Arguments& arguments) : command_(*arguments.command) {
  if (arguments.options.empty()) return;  // a parser costs more than what it would say
  parser_ = std::make_unique<Parser>();
  parser_->app.set_help_flag();
  for (const OptionGroup& group : command_.groups) {
    for (const OptionSpec& option : group.options) {
      if (is_among(option, arguments.options)) parser_->add(option);
    }
  }
  std::vector<std::string> reversed(arguments.options.rbegin(), arguments.options.rend());
  try {
    parser_->app.parse(std::move(reversed));
  } catch (const CLI::Error& error) {
    // The pre-pass lets nothing through that CLI11 objects to, so this is a bug of ours.
    throw UsageError(command_.name, {}, escape(error.what()));
  }
}

OptionValues::~OptionValues() = default;

int OptionValues::count(std::string_view key) const {
  if (!parser_) return 0;
  const CLI::Option* option = parser_->find(command_.find_key(key));
  return option == nullptr ? 0 : static_cast<int>(option->count());
}

std::optional<std::string_view> OptionValues::text(std::string_view key) const {
  if (!parser_) return std::nullopt;
  const CLI::Option* option = parser_->find(command_.find_key(key));
  if (option == nullptr || option->results().empty()) return std::nullopt;
  return option->results().back();
}

std::optional<std::string> OptionValues::word(std::string_view key,
                                              std::string_view expected) const {
  const auto given = text(key);
  if (!given) return std::nullopt;
  if (given->empty()) fail(key, expected);
  return std::string(*given);
}

std::vector<std::string> OptionValues::texts(std::string_view key) const {
  if (!parser_) return {};
  const CLI::Option* option = parser_->find(command_.find_key(key));
  return option == nullptr ? std::vector<std::string>() : option->results();
}

std::optional<std::chrono::nanoseconds> OptionValues::duration(std::string_view key) const {
  const auto given = text(key);
  if (!given) return std::nullopt;
  const auto value = parse_duration(*given);
  if (!value) fail(key, kExpectedDuration);
  return value;
}

std::optional<std::uint64_t> OptionValues::size(std::string_view key, std::uint64_t lowest,
                                                std::uint64_t highest) const {
  const auto given = text(key);
  if (!given) return std::nullopt;
  const auto value = parse_size(*given);
  if (!value) fail(key, kExpectedSize);
  if (*value < lowest || *value > highest) {
    fail(key, "expected a size from " + std::to_string(lowest) + " to " + std::to_string(highest) +
                  " bytes");
  }
  return value;
}

std::optional<std::uint32_t> OptionValues::number(std::string_view key, std::uint32_t lowest,
                                                  std::uint32_t highest) const {
  const auto given = text(key);
  if (!given) return std::nullopt;
  const auto value = parse_decimal(*given, highest);
  if (!value || *value < lowest) {
    fail(key,
         "expected a number from " + std::to_string(lowest) + " to " + std::to_string(highest));
  }
  return static_cast<std::uint32_t>(*value);
}

void OptionValues::fail(std::string_view key, std::string_view problem) const {
  const OptionSpec& option = command_.find_key(key);
  std::string argument = option.display();
  if (const auto given = text(key); given && option.value != ValueKind::none) {
    argument += ' ' + escape_argument(*given);
  }
  throw UsageError(command_.name, argument, problem);
}

void OptionValues::fail(std::string_view key, std::string_view value,
                        std::string_view problem) const {
  throw UsageError(command_.name, command_.find_key(key).display() + ' ' + escape_argument(value),
                   problem);
}

void OptionValues::require(std::string_view key, std::span<const std::string_view> others) const {
  if (!has(key)) return;
  std::string names;
  for (const std::string_view other : others) {
    if (has(other)) return;
    names += (names.empty() ? "" : " or ") + command_.find_key(other).display();
  }
  throw UsageError(command_.name, command_.find_key(key).display(), "expected " + names + " too");
}

void OptionValues::exclude(std::string_view key, std::string_view other) const {
  if (!has(key) || !has(other)) return;
  throw UsageError(command_.name, command_.find_key(key).display(),
                   "cannot be used with " + command_.find_key(other).display());
}

}  // namespace ioa::cli

#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/arguments.hpp"

namespace ioa::cli {

/// The options that were given to a command, by key and as typed values.
///
/// A key is an option's name, or its letter if it has no name; it must be in the command's table.
/// Where an option was given more than once its last value counts. A value of the wrong form throws
/// a UsageError that names the option, the value, and what was expected.
///
///     OptionValues values(arguments);
///     options.nodelay = values.has("nodelay");
///     options.connect_timeout = values.duration("connect-timeout").value_or(30s);
class OptionValues {
 public:
  /// Reads what the pre-pass found through CLI11, with the options of that command alone.
  explicit OptionValues(const Arguments& arguments);
  OptionValues(const OptionValues&) = delete;
  OptionValues& operator=(const OptionValues&) = delete;
  ~OptionValues();

  /// The command whose options these are.
  const CommandSpec& command() const noexcept { return command_; }

  /// How often the option was given.
  int count(std::string_view key) const;

  /// Whether the option was given.
  bool has(std::string_view key) const { return count(key) > 0; }

  /// The value as it was given, which lives as long as this object; nothing if it was not. Empty if
  /// an optional one was left out.
  std::optional<std::string_view> text(std::string_view key) const;

  /// As text(), and not empty; `expected` is what an empty one is answered with.
  std::optional<std::string> word(std::string_view key, std::string_view expected) const;

  /// Every value that was given, in the order given: for an option that may be repeated.
  std::vector<std::string> texts(std::string_view key) const;

  /// A DURATION.
  std::optional<std::chrono::nanoseconds> duration(std::string_view key) const;

  /// A SIZE of at least `lowest` and at most `highest` bytes.
  std::optional<std::uint64_t> size(std::string_view key, std::uint64_t lowest,
                                    std::uint64_t highest) const;

  /// A whole number from `lowest` to `highest`, in decimal digits.
  std::optional<std::uint32_t> number(std::string_view key, std::uint32_t lowest,
                                      std::uint32_t highest) const;

  /// One of a few words, as the value that `choices` pairs it with.
  template <typename T>
  std::optional<T> choice(std::string_view key,
                          std::span<const std::pair<std::string_view, T>> choices) const;

  /// Fails with `option`'s value, or the bare option if it has none, as the argument at fault.
  [[noreturn]] void fail(std::string_view key, std::string_view problem) const;

  /// Fails with that value, of an option that may be repeated, as the argument at fault.
  [[noreturn]] void fail(std::string_view key, std::string_view value,
                         std::string_view problem) const;

  /// Fails if both options were given.
  void exclude(std::string_view key, std::string_view other) const;

  /// Fails if the option was given and none of the others, without which it has no meaning.
  void require(std::string_view key, std::span<const std::string_view> others) const;

 private:
  struct Parser;

  const CommandSpec& command_;
  std::unique_ptr<Parser> parser_;  // null if no option was given
};

template <typename T>
std::optional<T> OptionValues::choice(
    std::string_view key, std::span<const std::pair<std::string_view, T>> choices) const {
  const auto given = text(key);
  if (!given) return std::nullopt;
  std::string expected = "expected ";
  for (std::size_t i = 0; i < choices.size(); ++i) {
    if (choices[i].first == *given) return choices[i].second;
    if (i > 0) expected += i + 1 == choices.size() ? " or " : ", ";
    expected += choices[i].first;
  }
  fail(key, expected);
}

}  // namespace ioa::cli

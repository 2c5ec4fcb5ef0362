#pragma once

#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "cli/commands/listen/address_set.hpp"

namespace ioa::cli {

/// A rule that cannot be read: what was expected, and where.
class AccessRuleError : public std::exception {
 public:
  AccessRuleError(std::size_t line, std::string rule, std::string expected)
      : line_(line), rule_(std::move(rule)), expected_(std::move(expected)) {}

  /// Counted from 1; 0 if it was no line of a text.
  std::size_t line() const noexcept { return line_; }
  /// The rule, as it was written.
  const std::string& rule() const noexcept { return rule_; }
  /// "expected …"
  const std::string& expected() const noexcept { return expected_; }
  const char* what() const noexcept override { return expected_.c_str(); }

 private:
  std::size_t line_;
  std::string rule_;
  std::string expected_;
};

/// Who is meant by some rules: addresses, and hosts that have yet to be looked up.
struct AccessList {
  AddressSet addresses;
  std::vector<std::string> names;

  bool empty() const noexcept { return addresses.empty() && names.empty(); }
};

/// How many rules a text may have, and how many of them may be names: each is a look-up.
inline constexpr std::size_t kMaxAccessRules = 1'000'000;
inline constexpr std::size_t kMaxAccessNames = 1'000;

/// Adds one rule: an address, a prefix (see parse_address_prefix()), or the name of a host. Throws
/// AccessRuleError; the list is then as before. Whoever has added the last one calls
/// `list.addresses.seal()`.
void add_access_rule(std::string_view rule, AccessList& list);

/// The rules of a text, one a line; `#` begins a comment, blanks and CR around a rule count for
/// nothing. Throws AccessRuleError with the line. The list is sealed.
AccessList read_access_rules(std::string_view text);

}  // namespace ioa::cli

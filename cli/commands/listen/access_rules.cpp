#include "cli/commands/listen/access_rules.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace ioa::cli {
namespace {

constexpr std::string_view kBlanks = " \t\r\v\f";
constexpr std::size_t kMaxName = 253;  // RFC 1035 s3.1, as text without the last dot
constexpr std::string_view kExpectedRule =
    "expected an address, a prefix such as 10.0.0.0/8 or fe80::/10, or the name of a host";

std::string_view trim(std::string_view text) noexcept {
  const std::size_t first = text.find_first_not_of(kBlanks);
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

/// What a name may have in it. Bytes beyond ASCII are left to the resolver.
bool is_of_name(char c) noexcept {
  const bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  return is_letter || is_digit(c) || c == '-' || c == '_' || c == '.' ||
         static_cast<unsigned char>(c) >= 0x80;
}

/// getaddrinfo(3) would take "10.1" for 10.0.0.1, and "0x7f000001" for 127.0.0.1.
bool is_number(std::string_view part) noexcept {
  return part.starts_with("0x") || part.starts_with("0X") ||
         std::all_of(part.begin(), part.end(), is_digit);
}

/// A name whose last part is a number is none but an address with a slip in it (RFC 1123 s2.1).
bool is_name(std::string_view text) noexcept {
  if (text.size() > kMaxName || text.front() == '.' || text.front() == '-') return false;
  if (!std::all_of(text.begin(), text.end(), is_of_name)) return false;
  if (text.back() == '.') text.remove_suffix(1);
  const std::size_t dot = text.rfind('.');
  const std::string_view last = dot == text.npos ? text : text.substr(dot + 1);
  return !is_number(last);
}

[[noreturn]] void refuse(std::string_view rule, std::string_view expected) {
  throw AccessRuleError(0, std::string(rule), std::string(expected));
}

std::string_view expected_in_place_of(std::string_view rule) noexcept {
  if (rule.find('%') != rule.npos) return "expected an address with a zone that exists here";
  if (rule.find('/') != rule.npos)
    return "expected a prefix such as 10.0.0.0/8 (a length of 0 to 32) or fe80::/10 (0 to 128)";
  return kExpectedRule;
}

}  // namespace

void add_access_rule(std::string_view rule, AccessList& list) {
  if (const auto prefix = parse_address_prefix(rule)) return list.addresses.add(*prefix);
  if (rule.empty() || !is_name(rule)) refuse(rule, expected_in_place_of(rule));
  if (list.names.size() == kMaxAccessNames)
    refuse(rule, fmt::format("expected no more than {} names", kMaxAccessNames));
  list.names.emplace_back(rule);
}

AccessList read_access_rules(std::string_view text) {
  AccessList list;
  std::size_t rules = 0;
  for (std::size_t line = 1; !text.empty(); ++line) {
    const std::string_view whole = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(whole.size() + 1, text.size()));
    const std::string_view rule = trim(whole.substr(0, whole.find('#')));
    if (rule.empty()) continue;
    if (++rules > kMaxAccessRules)
      throw AccessRuleError(line, std::string(rule),
                            fmt::format("expected no more than {} rules", kMaxAccessRules));
    try {
      add_access_rule(rule, list);
    } catch (const AccessRuleError& error) {
      throw AccessRuleError(line, error.rule(), error.expected());
    }
  }
  list.addresses.seal();
  return list;
}

}  // namespace ioa::cli

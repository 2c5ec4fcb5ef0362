// Rules of access, one a line: each one that is taken means its own first and last address, and
// reads back to the same prefix.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "cli/commands/listen/access_rules.hpp"

namespace {

using ioa::cli::AccessList;
using ioa::cli::AddressPrefix;
using ioa::cli::IpAddress;

void require(bool holds) {
  if (!holds) std::abort();
}

void check_prefix(std::string_view text) {
  const auto prefix = ioa::cli::parse_address_prefix(text);
  if (!prefix) return;
  AccessList list;
  ioa::cli::add_access_rule(text, list);
  list.addresses.seal();
  require(list.names.empty());
  require(list.addresses.contains(prefix->first));
  const IpAddress last{prefix->last(), prefix->first.zone};
  require(prefix->first.bytes <= last.bytes);
  // The last address of ::/0 is one of IPv6, unless a prefix ends where IPv4 has its clothes.
  if (last.is_ipv4() == prefix->is_ipv4()) require(list.addresses.contains(last));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  check_prefix(text);
  try {
    const AccessList list = ioa::cli::read_access_rules(text);
    require(list.names.size() <= ioa::cli::kMaxAccessNames);
    for (const std::string& name : list.names) require(!ioa::cli::parse_address_prefix(name));
  } catch (const ioa::cli::AccessRuleError& error) {
    const auto lines = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
    require(error.line() >= 1 && error.line() <= lines + 1);
  }
  return 0;
}

// The address grammar: nothing but AddressError comes out of it, and what was read is written in a
// way that reads back to the same.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "ioa/net/address.hpp"

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

template <typename Read>
void attempt(Read read) {
  try {
    read();
  } catch (const ioa::AddressError& error) {
    require(error.expected().substr(0, 9) == "expected ");
  }
}

void check_address(const ioa::Address& address, ioa::AddressUse use) {
  require(!address.is_inet() || !address.service.empty());
  require(!address.is_unix() || (!address.path.empty() && address.path.size() <= 108));
  require(ioa::parse_address(address.to_string(), use) == address);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const auto use : {ioa::AddressUse::connect, ioa::AddressUse::listen}) {
    attempt([&] { check_address(ioa::parse_address(text, use), use); });
  }
  attempt([&] {
    const ioa::Address address = ioa::make_unix_address(text);
    check_address(address, ioa::AddressUse::connect);
  });
  attempt([&] {
    const ioa::HostService parsed = ioa::parse_host_service(text);
    require(!parsed.host.empty());
    require(ioa::parse_host(parsed.host) == parsed.host);
  });

  const std::size_t blank = text.find(' ');
  if (blank == std::string_view::npos) return 0;
  attempt([&] {
    const ioa::Address address = ioa::make_address(text.substr(0, blank), text.substr(blank + 1));
    require(address.is_inet() && !address.host.empty());
    check_address(address, ioa::AddressUse::connect);
  });
  return 0;
}

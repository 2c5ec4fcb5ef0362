#pragma once

#include <string>

struct in_addr;

namespace ioa::detail {

/// "192.0.2.1". inet_ntop(3) goes through printf, which costs more than all else that is done with
/// an address.
std::string ipv4_text(const in_addr& address);

}  // namespace ioa::detail

#include "ioa/net/ipv4_text.hpp"

#include <netinet/in.h>

#include <array>
#include <charconv>
#include <cstdint>
#include <cstring>

namespace ioa::detail {

std::string ipv4_text(const in_addr& address) {
  std::array<std::uint8_t, 4> bytes{};
  std::memcpy(bytes.data(), &address, bytes.size());
  std::array<char, INET_ADDRSTRLEN> text{};
  char* end = text.data();
  for (const std::uint8_t byte : bytes) {
    end = std::to_chars(end, text.data() + text.size(), byte).ptr;
    *end++ = '.';
  }
  return {text.data(), end - 1};
}

}  // namespace ioa::detail

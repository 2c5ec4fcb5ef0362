#define OPENSSL_SUPPRESS_DEPRECATED  // see the class

#include "ioa/openssl/sha256.hpp"

#include <openssl/sha.h>

#include <array>

namespace ioa {

Sha256::Sha256() : state_(std::make_unique<SHA256_CTX>()) { SHA256_Init(state_.get()); }

Sha256::~Sha256() = default;

void Sha256::update(std::string_view bytes) noexcept {
  SHA256_Update(state_.get(), bytes.data(), bytes.size());
}

std::string Sha256::hex() const {
  SHA256_CTX copy = *state_;
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
  SHA256_Final(digest.data(), &copy);
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const unsigned char byte : digest) {
    text += kDigits[byte >> 4U];
    text += kDigits[byte & 15U];
  }
  return text;
}

}  // namespace ioa

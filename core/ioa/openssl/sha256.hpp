#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

struct SHA256state_st;

namespace ioa {

/// The SHA-256 of bytes that come in pieces (FIPS 180-4).
///
///     Sha256 hash;
///     hash.update("ab");
///     hash.update("c");
///     hash.hex();  // "ba7816bf…"
///
/// It uses the functions of OpenSSL that do this and nothing else. Those of its newer interface
/// (EVP) bring four megabytes of program with them, whose relocations cost every run 0.4 ms,
/// hashing or not, and the first hash 3 ms.
class Sha256 {
 public:
  Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;
  ~Sha256();

  void update(std::string_view bytes) noexcept;
  /// That of all bytes so far, as 64 hexadecimal digits. More may follow.
  std::string hex() const;

 private:
  std::unique_ptr<SHA256state_st> state_;
};

}  // namespace ioa

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "cli/reporter.hpp"
#include "ioa/io/byte_end.hpp"
#include "ioa/io/byte_filter.hpp"
#include "ioa/openssl/sha256.hpp"

namespace ioa::cli {

/// -C/--crlf: CR LF in place of each LF that has no CR before it, wherever pieces begin and end.
class CrlfFilter final : public ByteFilter {
 public:
  std::string_view transform(std::string_view bytes) override;

 private:
  std::string translated_;
  char last_ = 0;  // of the bytes so far
};

/// --sha256 of what the sink has taken.
class DigestFilter final : public ByteFilter {
 public:
  void delivered(std::string_view bytes) override { hash_.update(bytes); }
  std::string hex() const { return hash_.hex(); }

 private:
  Sha256 hash_;
};

/// Which way bytes went, as a hex dump shows it.
enum class DumpDirection : char { sent = '>', received = '<' };

/// -x/--hex-dump: what goes both ways, written to a file as it goes. Each line has the time at
/// which its bytes were taken, the direction, the offset in that direction, up to 16 bytes, and the
/// same as text:
///
///     2026-11-22T18:30:00.123456Z > 00000000  68 65 6c 6c 6f 0a |hello.|
class HexDump {
 public:
  /// Writes to `file`, which has a descriptor that may block.
  HexDump(Reporter& reporter, ByteEnd file, std::string name);

  /// `offset` is that of the first byte in its direction.
  void write(DumpDirection direction, std::uint64_t offset, std::string_view bytes);
  /// False if something could not be written, which has been said; nothing is written after that.
  bool close();

 private:
  void fail(int error, std::string_view call);

  Reporter& reporter_;
  ByteEnd file_;
  std::string name_;
  bool has_failed_ = false;
};

/// Shows one direction to a HexDump, which outlives it.
class DumpFilter final : public ByteFilter {
 public:
  DumpFilter(HexDump& dump, DumpDirection direction) noexcept
      : dump_(dump), direction_(direction) {}
  void delivered(std::string_view bytes) override;

 private:
  HexDump& dump_;
  DumpDirection direction_;
  std::uint64_t offset_ = 0;
};

/// The lines of a dump for these bytes.
std::string hex_lines(std::string_view time, DumpDirection direction, std::uint64_t offset,
                      std::string_view bytes);

}  // namespace ioa::cli

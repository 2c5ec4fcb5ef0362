#include "cli/byte_filters.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

#include "cli/escape.hpp"
#include "cli/output_fd.hpp"
#include "cli/timestamp.hpp"
#include "ioa/base/error.hpp"

namespace ioa::cli {
namespace {

constexpr std::size_t kBytesPerLine = 16;
constexpr char kHexDigits[] = "0123456789abcdef";

/// "68 65 6c 6c 6f 0a 68 65  6c …  |hello.he…|"
void append_bytes(std::string& out, std::string_view bytes) {
  for (std::size_t i = 0; i < kBytesPerLine; ++i) {
    if (i == kBytesPerLine / 2) out += ' ';
    if (i < bytes.size()) {
      const auto byte = static_cast<unsigned char>(bytes[i]);
      out += kHexDigits[byte >> 4U];
      out += kHexDigits[byte & 15U];
      out += ' ';
    } else {
      out += "   ";
    }
  }
  out += " |";
  for (const char c : bytes) out += c >= ' ' && c <= '~' ? c : '.';
  out += "|\n";
}

}  // namespace

std::string_view CrlfFilter::transform(std::string_view bytes) {
  translated_.clear();
  translated_.reserve(bytes.size() + bytes.size() / 16);
  while (!bytes.empty()) {
    const std::size_t at = bytes.find('\n');
    const std::string_view line = bytes.substr(0, at);
    translated_ += line;
    if (!line.empty()) last_ = line.back();
    if (at == bytes.npos) break;
    translated_ += last_ == '\r' ? "\n" : "\r\n";
    last_ = '\n';
    bytes.remove_prefix(at + 1);
  }
  return translated_;
}

HexDump::HexDump(Reporter& reporter, ByteEnd file, std::string name)
    : reporter_(reporter), file_(std::move(file)), name_(std::move(name)) {}

void HexDump::write(DumpDirection direction, std::uint64_t offset, std::string_view bytes) {
  if (has_failed_ || bytes.empty()) return;
  const std::string lines = hex_lines(timestamp(), direction, offset, bytes);
  if (const int error = write_fully(file_.fd(), lines)) fail(error, "write");
}

bool HexDump::close() {
  const int error = file_.close();
  if (error != 0 && !has_failed_) fail(error, "close");
  return !has_failed_;
}

void HexDump::fail(int error, std::string_view call) {
  has_failed_ = true;
  reporter_.error(escape(Error::from_errno(error, std::string(call), name_).what()) +
                  ", the hex dump ends");
}

void DumpFilter::delivered(std::string_view bytes) {
  dump_.write(direction_, offset_, bytes);
  offset_ += bytes.size();
}

std::string hex_lines(std::string_view time, DumpDirection direction, std::uint64_t offset,
                      std::string_view bytes) {
  std::string out;
  while (!bytes.empty()) {
    const std::string_view line = bytes.substr(0, kBytesPerLine);
    fmt::format_to(std::back_inserter(out), "{} {} {:08x}  ", time, static_cast<char>(direction),
                   offset);
    append_bytes(out, line);
    bytes.remove_prefix(line.size());
    offset += line.size();
  }
  return out;
}

}  // namespace ioa::cli

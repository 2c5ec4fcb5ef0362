#include "ioa/net/datagram_cutter.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>

#include "ioa/base/error.hpp"

namespace ioa {
namespace {

constexpr std::size_t kLengthSize = 4;

std::size_t read_length(std::string_view bytes) noexcept {
  std::uint32_t length = 0;
  for (const char byte : bytes.substr(0, kLengthSize))
    length = length << 8 | static_cast<unsigned char>(byte);
  return length;
}

[[noreturn]] void fail_too_long(std::size_t longest) {
  throw Error::from_errno(EMSGSIZE, "cut into datagrams", {},
                          "a record is over " + std::to_string(longest) + " bytes");
}

}  // namespace

std::optional<std::string_view> DatagramCutter::next(Input input) {
  buffer_.consume(taken_);
  taken_ = 0;
  switch (framing_) {
    case DatagramFraming::chunk:
      return next_chunk(input);
    case DatagramFraming::line:
      return next_until('\n', true, input);
    case DatagramFraming::nul:
      return next_until('\0', false, input);
    case DatagramFraming::len32:
      return next_counted(input);
  }
  return std::nullopt;
}

/// A datagram of `size` bytes behind the first `skipped`; with all that belongs to it it has
/// `total`.
std::optional<std::string_view> DatagramCutter::take(std::size_t skipped, std::size_t size,
                                                     std::size_t total) {
  searched_ = 0;
  taken_ = total;
  return buffer_.view().substr(skipped, size);
}

std::optional<std::string_view> DatagramCutter::next_chunk(Input input) {
  const std::size_t size = std::min(chunk_size_, buffer_.size());
  if (size == 0 || (size < chunk_size_ && input == Input::more)) return std::nullopt;
  return take(0, size, size);
}

std::optional<std::string_view> DatagramCutter::next_until(char delimiter, bool with_delimiter,
                                                           Input input) {
  const std::size_t found = buffer_.view().find(delimiter, searched_);
  if (found != std::string_view::npos) {
    const std::size_t size = with_delimiter ? found + 1 : found;
    if (size > longest_) fail_too_long(longest_);
    return take(0, size, found + 1);
  }
  searched_ = buffer_.size();
  if (searched_ > longest_) fail_too_long(longest_);
  if (input != Input::ended || buffer_.empty()) return std::nullopt;
  return take(0, buffer_.size(), buffer_.size());
}

std::optional<std::string_view> DatagramCutter::next_counted(Input input) {
  if (buffer_.size() >= kLengthSize) {
    const std::size_t length = read_length(buffer_.view());
    if (length > longest_) fail_too_long(longest_);
    if (buffer_.size() - kLengthSize >= length)
      return take(kLengthSize, length, kLengthSize + length);
  }
  if (input == Input::ended && !buffer_.empty())
    throw Error::from_errno(EBADMSG, "cut into datagrams", {}, "the input ends inside a record");
  return std::nullopt;
}

void join_datagram(DatagramFraming framing, std::string_view datagram, ByteBuffer& out) {
  if (framing == DatagramFraming::len32) {
    const auto length = static_cast<std::uint32_t>(datagram.size());
    const std::array<char, kLengthSize> bytes{
        static_cast<char>(length >> 24), static_cast<char>(length >> 16),
        static_cast<char>(length >> 8), static_cast<char>(length)};
    out.append({bytes.data(), bytes.size()});
  }
  out.append(datagram);
  if (framing == DatagramFraming::nul) out.append(std::string_view("\0", 1));
}

}  // namespace ioa

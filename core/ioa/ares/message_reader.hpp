#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

/// Parts of AresResolver; not part of the interface.
namespace ioa::detail {

/// Reads a DNS message (RFC 1035 s4.1) that anybody may have written: nothing beyond its end is
/// touched, and no name costs more than the 255 bytes that it may have.
///
/// c-ares expands names, but would follow fifty pointers, each to thousands of labels, in every
/// record of a hostile message; here each is measured before it gets to see it.
class MessageReader {
 public:
  using Bytes = std::span<const unsigned char>;

  static constexpr std::size_t kHeaderSize = 12;
  static constexpr std::size_t kQuestionSize = 4;  // without its name
  static constexpr std::size_t kRecordSize = 10;   // without its name and its data
  static constexpr std::size_t kMaxNameSize = 255;

  explicit MessageReader(Bytes message) noexcept : message_(message) {}

  const Bytes& message() const noexcept { return message_; }
  std::size_t size() const noexcept { return message_.size(); }

  /// The number at `at`, which the caller has checked to be inside.
  std::uint8_t u8(std::size_t at) const noexcept { return message_[at]; }
  std::uint16_t u16(std::size_t at) const noexcept {
    return static_cast<std::uint16_t>(message_[at] << 8 | message_[at + 1]);
  }
  std::uint32_t u32(std::size_t at) const noexcept {
    return static_cast<std::uint32_t>(u16(at)) << 16 | u16(at + 2);
  }

  /// The response code; only if there is a header.
  int response_code() const noexcept { return message_[3] & 0xf; }
  bool is_response() const noexcept { return (message_[2] & 0x80) != 0; }
  bool is_truncated() const noexcept { return (message_[2] & 0x02) != 0; }
  std::uint16_t questions() const noexcept { return u16(4); }
  std::uint16_t answers() const noexcept { return u16(6); }
  std::uint16_t authorities() const noexcept { return u16(8); }

  /// Where the name at `at` ends; nothing if it is none.
  std::optional<std::size_t> skip_name(std::size_t at) const noexcept;
  /// The name at `at`, which skip_name() has passed: "example.org", with what is not printable
  /// escaped as RFC 1035 s5.1 says; empty for the root.
  std::string name(std::size_t at) const;

  /// Where the records begin, if there is one whole question and no more.
  std::optional<std::size_t> skip_question() const noexcept;

 private:
  Bytes message_;
};

/// Where a record of a message is.
struct RecordPlace {
  std::size_t owner = 0;
  std::uint16_t type = 0;
  std::uint16_t record_class = 0;
  std::uint32_t ttl_s = 0;
  std::size_t data = 0;
  std::size_t size = 0;

  std::size_t end() const noexcept { return data + size; }
};

/// The record that begins at `at`; nothing if it is not whole.
std::optional<RecordPlace> record_at(const MessageReader& reader, std::size_t at) noexcept;

}  // namespace ioa::detail

#include "ioa/worker/frame.hpp"

#include <cerrno>
#include <string>

#include "ioa/base/error.hpp"

namespace ioa::detail {
namespace {

constexpr unsigned char kMagic = 0xA5;

template <class T>
void append_number(Bytes& out, T value) {
  for (std::size_t i = 0; i < sizeof value; ++i) {
    out.push_back(static_cast<char>(value & 0xFF));
    value = static_cast<T>(value >> 8);
  }
}

template <class T>
T number_at(std::string_view bytes, std::size_t position) {
  T value = 0;
  for (std::size_t i = sizeof value; i-- > 0;)
    value = static_cast<T>(value << 8 | static_cast<unsigned char>(bytes[position + i]));
  return value;
}

}  // namespace

std::size_t Frame::size() const noexcept { return kFrameHeaderSize + payload.size(); }

void append_frame(Bytes& out, std::uint8_t kind, std::uint64_t number, std::string_view payload,
                  std::size_t limit) {
  if (payload.size() > limit || payload.size() > kLongestMessage)
    throw Error::from_errno(
        EMSGSIZE, "send", {},
        std::to_string(payload.size()) + " bytes, at most " + std::to_string(limit));
  const char start[] = {static_cast<char>(kMagic), static_cast<char>(kFrameVersion),
                        static_cast<char>(kind), 0};
  out.append(start, sizeof start);
  append_number(out, static_cast<std::uint32_t>(payload.size()));
  append_number(out, number);
  out.append(payload);
}

std::optional<Frame> parse_frame(std::string_view bytes, std::size_t limit) {
  const auto byte = [bytes](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
  if (!bytes.empty() && byte(0) != kMagic)
    throw Error::from_errno(EPROTO, "receive", {}, "this is no message of a worker");
  if (bytes.size() > 1 && byte(1) != kFrameVersion)
    throw Error::from_errno(EPROTO, "receive", {},
                            "message of version " + std::to_string(byte(1)) + ", expected " +
                                std::to_string(kFrameVersion));
  if (bytes.size() < kFrameHeaderSize) return std::nullopt;
  const std::size_t size = number_at<std::uint32_t>(bytes, 4);
  if (size > limit)
    throw Error::from_errno(EMSGSIZE, "receive", {},
                            std::to_string(size) + " bytes, at most " + std::to_string(limit));
  if (bytes.size() - kFrameHeaderSize < size) return std::nullopt;
  Frame frame;
  frame.kind = byte(2);
  frame.number = number_at<std::uint64_t>(bytes, 8);
  frame.payload = bytes.substr(kFrameHeaderSize, size);
  return frame;
}

void check_end_of_frames(std::string_view left) {
  if (!left.empty())
    throw Error::from_errno(
        EPROTO, "receive", {},
        "the last message is cut off after " + std::to_string(left.size()) + " bytes");
}

}  // namespace ioa::detail

// What lies on the socket of a worker, cut into frames: in one piece and in many it is the same,
// and what was taken for a frame is written as the same bytes again. Payloads are decoded as the
// values that calls and answers are made of; what that gives is encoded as the same bytes.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "ioa/base/error.hpp"
#include "ioa/worker/codec.hpp"
#include "ioa/worker/frame.hpp"
#include "ioa/worker/json_codec.hpp"
#include "ioa/worker/worker_error.hpp"

namespace {

using ioa::Bytes;
using ioa::Codec;
using ioa::detail::Frame;

constexpr std::size_t kLimit = 256;

void require(bool holds) {
  if (!holds) std::abort();
}

/// The whole frames at the front of `bytes`, and whether what follows is refused.
std::pair<std::string, bool> read_frames(std::string_view bytes, std::size_t step) {
  std::string taken;
  std::string waiting;
  try {
    for (std::size_t at = 0; at < bytes.size(); at += step) {
      waiting.append(bytes.substr(at, step));
      while (const std::optional<Frame> frame = ioa::detail::parse_frame(waiting, kLimit)) {
        require(frame->payload.size() <= kLimit && frame->size() <= waiting.size());
        Bytes again;
        ioa::detail::append_frame(again, frame->kind, frame->number, frame->payload, kLimit);
        const std::optional<Frame> back = ioa::detail::parse_frame(again, kLimit);
        require(back && back->kind == frame->kind && back->number == frame->number &&
                back->payload == frame->payload && back->size() == frame->size());
        taken.append(again);
        waiting.erase(0, frame->size());
      }
    }
  } catch (const ioa::Error&) {
    return {taken, true};
  }
  return {taken, false};
}

template <class T>
void check_codec(std::string_view bytes) {
  std::string_view in = bytes;
  try {
    const T value = Codec<T>::decode(in);
    Bytes out;
    Codec<T>::encode(out, value);
    std::string_view again(out);
    static_cast<void>(Codec<T>::decode(again));
    require(again.empty());
  } catch (const std::exception&) {
    // What is no such value is told of; that is all that is asked.
  }
}

/// What a worker's failure is told by.
void check_error(std::string_view bytes) {
  try {
    static_cast<void>(ioa::detail::decode_error(bytes));
  } catch (const ioa::Error&) {
    // As above.
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  require(read_frames(bytes, size + 1) == read_frames(bytes, 1));
  check_codec<std::string>(bytes);
  check_codec<std::vector<std::optional<std::string>>>(bytes);
  check_codec<std::tuple<bool, std::uint32_t, std::pair<std::string, double>>>(bytes);
  check_codec<std::vector<std::vector<std::uint16_t>>>(bytes);
  check_codec<nlohmann::json>(bytes);
  check_error(bytes);
  return 0;
}

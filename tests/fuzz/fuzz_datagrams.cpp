// What a stream is cut into by each framing, in one piece and in many, is the same; and what was
// joined is cut into the same again.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "ioa/base/error.hpp"
#include "ioa/net/datagram_cutter.hpp"

namespace {

using ioa::DatagramCutter;
using ioa::DatagramFraming;

constexpr std::size_t kChunk = 7;
constexpr std::size_t kLongest = 64;

void require(bool holds) {
  if (!holds) std::abort();
}

struct Pieces {
  std::vector<std::string> datagrams;
  bool has_failed = false;
};

/// Cuts `text`, which comes `step` bytes at a time.
Pieces cut(DatagramFraming framing, std::string_view text, std::size_t step) {
  Pieces pieces;
  DatagramCutter cutter(framing, kChunk, kLongest);
  const auto take = [&](DatagramCutter::Input input) {
    while (const auto datagram = cutter.next(input)) {
      require(datagram->size() <= kLongest);
      pieces.datagrams.emplace_back(*datagram);
    }
  };
  try {
    for (std::size_t at = 0; at < text.size(); at += step) {
      cutter.add(text.substr(at, step));
      take(DatagramCutter::Input::more);
    }
    take(DatagramCutter::Input::ended);
    require(cutter.pending() == 0);
  } catch (const ioa::Error&) {
    pieces.has_failed = true;
  }
  return pieces;
}

void check(DatagramFraming framing, std::string_view text) {
  const Pieces whole = cut(framing, text, text.size() + 1);
  const Pieces bytewise = cut(framing, text, 1);
  require(whole.has_failed == bytewise.has_failed);
  require(whole.datagrams == bytewise.datagrams);
  ioa::ByteBuffer joined;
  for (const std::string& datagram : whole.datagrams) join_datagram(framing, datagram, joined);
  require(cut(framing, joined.view(), 3).datagrams == whole.datagrams);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const DatagramFraming framing : {DatagramFraming::chunk, DatagramFraming::line,
                                        DatagramFraming::nul, DatagramFraming::len32})
    check(framing, text);
  return 0;
}

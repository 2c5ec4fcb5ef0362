#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ioa/future/promise.hpp"
#include "ioa/io/stream.hpp"
#include "tests/unit/io/stream_fixture.hpp"

namespace ioa::test {

using Given = std::optional<WritePiece>;

/// A Stream whose write queue gets Futures and generators.
class StreamPiecesTest : public StreamTest {
 protected:
  void fill_kernel() {
    while (stream.pending_bytes() == 0) stream.write(block);
  }
  std::string drain_until(const std::function<bool()>& done) {
    std::string all;
    turn_until(
        loop,
        [&] {
          all += received();
          return done();
        },
        "the queue to be sent");
    return all + received();
  }
  /// A generator of these pieces.
  static WriteGenerator give(std::vector<std::string> pieces) {
    return [pieces = std::move(pieces), next = std::size_t{0}](Stream&) mutable -> Given {
      if (next == pieces.size()) return std::nullopt;
      return pieces[next++];
    };
  }
  std::string sent_now() {
    turn_some();
    return received();
  }

  const std::string block = std::string(100'000, 'x');
  Stream& stream = add(std::move(pair.first));
};

}  // namespace ioa::test

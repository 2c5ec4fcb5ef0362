#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace ioa::cli {

/// Makes whole lines of what one peer says in pieces, with a prefix in front of each, so that lines
/// of several peers are not mixed.
class LineGatherer {
 public:
  /// What is longer is cut into lines of this length: a peer that never ends a line does not take
  /// memory for ever, and nobody waits for it.
  static constexpr std::size_t kMaxLine = std::size_t{64} << 10;

  explicit LineGatherer(std::string prefix) : prefix_(std::move(prefix)) {}

  /// Appends to `out` the lines that `bytes` has completed. What is left is kept.
  void add(std::string_view bytes, std::string& out);
  /// Appends what is kept: a line that lacks its end. Returns whether there was any.
  bool finish(std::string& out);

 private:
  void emit(std::string_view rest, std::string& out);

  std::string prefix_;
  std::string kept_;
  bool was_cut_ = false;  // the line that goes on has begun in front of this one
};

}  // namespace ioa::cli

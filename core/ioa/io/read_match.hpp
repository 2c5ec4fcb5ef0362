#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "ioa/base/byte_buffer.hpp"
#include "ioa/base/bytes.hpp"
#include "ioa/base/unique_function.hpp"

/// What each kind of read Future of a Stream looks for; not part of the interface.
namespace ioa::detail {

enum class Found { no, yes, too_long };

// A Match looks for what it wants at the front of the buffer and, if that is there, takes it. At
// the end of file it takes what is left, and its result stays empty if that is nothing. It is
// called again with the same bytes and more behind them. `max` is what it may take, or look
// through.

struct SomeMatch {
  using Result = std::optional<Bytes>;
  Found operator()(ByteBuffer& in, bool eof, Result& result) const;
  std::size_t max;
};

struct ExactMatch {
  using Result = std::optional<Bytes>;
  Found operator()(ByteBuffer& in, bool eof, Result& result) const;
  std::size_t max;
};

struct UntilMatch {
  using Result = std::optional<Bytes>;
  Found operator()(ByteBuffer& in, bool eof, Result& result);
  std::string delimiter;
  std::size_t max;
  std::size_t searched = 0;  // no delimiter begins before
};

/// What the caller's function finds.
struct FunctionMatch {
  using Result = std::optional<Bytes>;
  Found operator()(ByteBuffer& in, bool eof, Result& result);
  UniqueFunction<std::optional<std::size_t>(std::string_view)> end_of;
  std::size_t max;
};

struct LineMatch {
  using Result = std::optional<std::string>;
  Found operator()(ByteBuffer& in, bool eof, Result& result);
  std::size_t max;
  std::size_t searched = 0;
};

struct AllMatch {
  using Result = Bytes;
  Found operator()(ByteBuffer& in, bool eof, Result& result) const;
  std::size_t max;
};

}  // namespace ioa::detail

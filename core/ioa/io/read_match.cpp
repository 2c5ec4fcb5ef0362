#include "ioa/io/read_match.hpp"

#include <algorithm>
#include <string_view>

namespace ioa::detail {
namespace {

std::string take(ByteBuffer& in, std::size_t size) {
  std::string bytes(in.data(), size);
  in.consume(size);
  return bytes;
}

}  // namespace

Found SomeMatch::operator()(ByteBuffer& in, bool eof, Result& result) const {
  if (in.empty()) return eof ? Found::yes : Found::no;
  result = take(in, std::min(in.size(), max));
  return Found::yes;
}

Found ExactMatch::operator()(ByteBuffer& in, bool eof, Result& result) const {
  if (in.size() < max && !eof) return Found::no;
  if (in.size() >= max || !in.empty()) result = take(in, std::min(in.size(), max));
  return Found::yes;
}

Found UntilMatch::operator()(ByteBuffer& in, bool eof, Result& result) {
  const std::size_t at = in.view().find(delimiter, searched);
  const bool found = at != std::string_view::npos;
  const std::size_t size = found ? at + delimiter.size() : in.size();
  if (size > max || (!found && !eof && size == max)) return Found::too_long;
  if (!found && !eof) {
    searched = size - std::min(size, delimiter.size() - 1);
    return Found::no;
  }
  if (size > 0) result = take(in, size);
  return Found::yes;
}

Found FunctionMatch::operator()(ByteBuffer& in, bool eof, Result& result) {
  const std::optional<std::size_t> end =
      in.empty() ? std::nullopt : end_of(in.view().substr(0, max));
  const std::size_t size = end.value_or(in.size());
  if (size > max || (!end && !eof && size == max)) return Found::too_long;
  if (!end && !eof) return Found::no;
  if (size > 0) result = take(in, std::min(size, in.size()));
  return Found::yes;
}

Found LineMatch::operator()(ByteBuffer& in, bool eof, Result& result) {
  const std::string_view view = in.view();
  const std::size_t at = view.find('\n', searched);
  const bool found = at != std::string_view::npos;
  const std::size_t size = found ? at + 1 : view.size();
  if (size > max || (!found && !eof && size == max)) return Found::too_long;
  if (!found && !eof) {
    searched = size;
    return Found::no;
  }
  if (size == 0) return Found::yes;
  std::string_view line = view.substr(0, found ? at : size);
  if (found && line.ends_with('\r')) line.remove_suffix(1);
  result = std::string(line);
  in.consume(size);
  return Found::yes;
}

Found AllMatch::operator()(ByteBuffer& in, bool eof, Result& result) const {
  if (in.size() > max) return Found::too_long;
  if (!eof) return Found::no;
  if (!in.empty()) result = take(in, in.size());
  return Found::yes;
}

}  // namespace ioa::detail

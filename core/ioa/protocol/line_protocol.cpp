#include "ioa/protocol/line_protocol.hpp"

#include <algorithm>
#include <cerrno>
#include <exception>
#include <stdexcept>
#include <string>
#include <utility>

#include "ioa/base/error.hpp"

namespace ioa {

void LineProtocol::write_line(std::string_view text) {
  if (text.find('\n') != text.npos) throw std::invalid_argument("a line with a line feed in it");
  std::string line(text);
  line += "\r\n";
  write(line);
}

void LineProtocol::received(ByteBuffer& in, bool eof) {
  while (!in.empty()) {
    const Step step = raw_ ? read_with_reader(in, eof) : read_line(in, eof);
    if (step != Step::more) return;
  }
}

/// The line is copied: the callback may have the buffer moved, by a transport that goes.
LineProtocol::Step LineProtocol::read_line(ByteBuffer& in, bool eof) {
  const std::string_view bytes = in.view();
  const std::size_t end = bytes.find('\n', in.searched_for_lf());
  const bool is_whole = end != bytes.npos;
  if (std::min(end, bytes.size()) > max_line_) {
    in.clear();
    close();
    invoke_error(std::make_exception_ptr(
        Error::from_errno(EMSGSIZE, "read", std::string(name()),
                          "no end of line within " + std::to_string(max_line_) + " bytes")));
    return Step::stop;
  }
  if (!is_whole && !eof) {
    in.set_searched_for_lf(bytes.size());
    return Step::wait;
  }
  std::string line(bytes.substr(0, end));
  in.consume(is_whole ? end + 1 : bytes.size());
  if (is_whole && line.ends_with('\r')) line.pop_back();
  const WeakRef<LineProtocol> self(*this);
  const Stream* before = transport();
  on_line_(*this, line);
  // A transport that has been exchanged, or is closing, has no more lines for us.
  if (self.get() == nullptr || loop() == nullptr || transport() != before) return Step::stop;
  return before->is_closing() || before->has_dropped_unread() ? Step::stop : Step::more;
}

LineProtocol::Step LineProtocol::read_with_reader(ByteBuffer& in, bool eof) {
  RawReader reader = std::exchange(raw_, nullptr);
  const WeakRef<LineProtocol> self(*this);
  const Stream* before = transport();
  const std::size_t size = in.size();
  const Stream::Reading reading = reader(*this, in, eof);
  if (self.get() == nullptr || loop() == nullptr || transport() != before) return Step::stop;
  if (reading == Stream::Reading::done) return Step::more;
  if (!raw_) raw_ = std::move(reader);
  // It waits for more than there is: only more bytes change that.
  return in.size() < size ? Step::more : Step::wait;
}

}  // namespace ioa

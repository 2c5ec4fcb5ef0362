#pragma once

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <exception>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "ioa/base/byte_buffer.hpp"
#include "ioa/base/error.hpp"
#include "ioa/io/stream.hpp"

namespace ioa {

/// Splits what a Stream receives into lines and calls back for each: a callback for
/// Stream::on_read(), which split_lines() makes.
///
///     stream.on_read(split_lines([](Stream& self, std::string_view line) { answer(self, line);
///     }));
///
/// A line comes without its LF or CR LF; a lone CR is data. The last one need not have an end: it
/// comes at the end of file. Nothing is copied: the view is into what was received, and holds until
/// the callback returns.
///
/// The callback may do anything to the Stream. When it has closed or removed it no line follows,
/// when it has paused reading the rest follows once reading resumes (at the end of file at once). A
/// callback that returns bool says false to stop here: the rest stays unread, for another on_read()
/// or for read Futures that it has made. A read Future in the middle of a line would break it.
///
/// ERRORS: a line of more than `limit` bytes goes to the Stream's invoke_error() as EMSGSIZE. It
/// stays unread, and reading pauses.
template <class F>
class LineSplitter {
 public:
  LineSplitter(F callback, std::size_t limit) : callback_(std::move(callback)), limit_(limit) {}

  /// The bytes that nobody has consumed yet, as on_read() gives them.
  void operator()(Stream& stream, ByteBuffer& in, bool eof) {
    const std::string_view bytes = in.view();
    Done done(in);
    std::size_t searched = in.searched_for_lf();
    for (;;) {
      const std::string_view left = bytes.substr(done.size);
      const std::size_t end = left.find('\n', std::exchange(searched, 0));
      const bool is_whole = end != std::string_view::npos;
      if (std::min(end, left.size()) > limit_) return refuse(stream);
      if (!is_whole && (!eof || left.empty())) {
        return in.set_searched_for_lf(bytes.size());  // before the lines in front are consumed
      }
      done.size += is_whole ? end + 1 : left.size();
      std::string_view line = left.substr(0, end);
      if (is_whole && line.ends_with('\r')) line.remove_suffix(1);
      if (!call(stream, line) || !goes_on(stream, eof)) return;
    }
  }

 private:
  /// What has been called back for is consumed in the end, also if a callback throws.
  struct Done {
    explicit Done(ByteBuffer& buffer) noexcept : in(buffer) {}
    Done(const Done&) = delete;
    Done& operator=(const Done&) = delete;
    ~Done() { in.consume(size); }
    ByteBuffer& in;
    std::size_t size = 0;
  };

  bool call(Stream& stream, std::string_view line) {
    if constexpr (std::is_void_v<std::invoke_result_t<F&, Stream&, std::string_view>>) {
      callback_(stream, line);
      return true;
    } else {
      return callback_(stream, line);
    }
  }
  static bool goes_on(const Stream& stream, bool eof) noexcept {
    return stream.loop() != nullptr && !stream.has_dropped_unread() && !stream.is_closing() &&
           (eof || !stream.is_reading_paused());
  }
  void refuse(Stream& stream) {
    stream.pause_reading();
    stream.invoke_error(std::make_exception_ptr(
        Error::from_errno(EMSGSIZE, "read", std::string(stream.name()),
                          "no end of line within " + std::to_string(limit_) + " bytes")));
  }

  F callback_;
  std::size_t limit_;
};

/// See LineSplitter. `callback` is called as callback(Stream&, std::string_view) and returns
/// nothing or bool; `limit` bounds a line without its LF.
template <class F>
LineSplitter<std::decay_t<F>> split_lines(F&& callback, std::size_t limit = Stream::kMaxLine) {
  return {std::forward<F>(callback), limit};
}

}  // namespace ioa

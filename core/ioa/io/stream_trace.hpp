#pragma once

#include <span>
#include <string>
#include <string_view>

#include "ioa/io/stream.hpp"
#include "ioa/io/transport.hpp"
#include "ioa/loop/loop.hpp"
#include "ioa/loop/trace.hpp"

/// What a Stream counts and tells of its reading and writing; not part of the interface.
namespace ioa::detail {

void trace_io(const Stream& stream, IoEvent direction, const IoResult& result,
              std::string_view bytes);

/// After an attempt to read into `space`. Only inside a loop.
inline void count_read(const Stream& stream, const IoResult& result, std::span<const char> space) {
  stream.loop()->counters().stream_bytes_read += result.size;
  if (is_traced(stream)) trace_io(stream, IoEvent::read, result, {space.data(), result.size});
}

/// After an attempt to write `bytes`. Only inside a loop.
inline void count_write(const Stream& stream, const IoResult& result, std::string_view bytes) {
  stream.loop()->counters().stream_bytes_written += result.size;
  if (is_traced(stream)) trace_io(stream, IoEvent::write, result, bytes.substr(0, result.size));
}

/// The same for bytes that were gathered from several places.
inline void count_write(const Stream& stream, const IoResult& result,
                        std::span<const std::string_view> parts) {
  stream.loop()->counters().stream_bytes_written += result.size;
  if (!is_traced(stream)) return;
  std::string bytes;
  for (const std::string_view part : parts) bytes += part;
  trace_io(stream, IoEvent::write, result, std::string_view(bytes).substr(0, result.size));
}

}  // namespace ioa::detail

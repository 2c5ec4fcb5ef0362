#include "ioa/io/stream_trace.hpp"

#include <cerrno>
#include <string>

#include "ioa/base/event_sink.hpp"

namespace ioa::detail {

void trace_io(const Stream& stream, IoEvent direction, const IoResult& result,
              std::string_view bytes) {
  const bool is_read = direction == IoEvent::read;
  std::string text = is_read ? "READ" : "WRITE";
  TraceStep step;
  switch (result.status) {
    case IoResult::Status::done:
      text += " " + std::to_string(result.size) + " bytes";
      step.direction = is_read ? TraceStep::Bytes::read : TraceStep::Bytes::written;
      step.bytes = bytes;
      break;
    case IoResult::Status::end:
      text += "-EOF";
      break;
    case IoResult::Status::blocked:
      return;
    case IoResult::Status::failed:
      text += result.error == std::error_code(EPIPE, std::system_category())
                  ? "-EOF"
                  : " error: " + result.error.message();
      break;
  }
  step.text = text;
  trace_step(stream, step);
}

}  // namespace ioa::detail

#pragma once

#include <span>
#include <string>
#include <string_view>

#include "ioa/base/event_sink.hpp"

namespace ioa::cli {

/// One JSON object on one line, newline included, the fields in the order given. Text that is no
/// valid UTF-8 has its bad bytes replaced by U+FFFD (RFC 8259 s8.1 demands UTF-8).
std::string json_line(std::span<const EventField> fields);

}  // namespace ioa::cli

#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace ioa {

/// The number of a signal: "TERM", "SIGTERM", "term", "15", "RTMIN+3", "RTMAX-1"; nullopt if there
/// is no such signal.
std::optional<int> signal_number(std::string_view name);

/// The name of a signal without SIG: "TERM", "RTMIN+3"; its number if it has none.
std::string signal_name(int number);

}  // namespace ioa

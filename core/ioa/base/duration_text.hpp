#pragma once

#include <string>

#include "ioa/base/clock.hpp"

namespace ioa {

/// A length of time for people, as the command line takes it: "250ms", "1.5s", "30s", "90s".
std::string duration_text(Duration length);

/// The same as a number of milliseconds, with its fraction: what events carry as duration_ms.
double milliseconds(Duration length) noexcept;

}  // namespace ioa

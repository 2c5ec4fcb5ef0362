#pragma once

#include <string>

namespace ioa::cli {

/// The wall clock now, as RFC 3339 has it, in UTC with microseconds: "2026-11-22T18:30:00.123456Z".
std::string timestamp();

}  // namespace ioa::cli

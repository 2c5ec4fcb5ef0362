#pragma once

#include <string>

namespace ioa {

/// Bytes that are owned: any values, any length, text or not.
using Bytes = std::string;

}  // namespace ioa

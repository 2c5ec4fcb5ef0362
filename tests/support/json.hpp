#pragma once

#include <nlohmann/json.hpp>
#include <string_view>

// Instantiated and parsed in one place: both take longer to compile than most tests.
extern template class nlohmann::basic_json<>;

namespace ioa::test {

/// Throws nlohmann::json::exception if `text` is no JSON.
nlohmann::json parse_json(std::string_view text);

}  // namespace ioa::test

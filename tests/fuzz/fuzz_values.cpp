// DURATION, SIZE, RATE and port ranges as users write them, and the escaping of what is no value.
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "cli/escape.hpp"
#include "cli/parse_values.hpp"

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

void check_duration(std::string_view text) {
  const auto duration = ioa::cli::parse_duration(text);
  if (!duration) return;
  require(duration->count() >= 0);
  const bool nothing = text.find_first_of("123456789") == std::string_view::npos;
  require((duration->count() == 0) == nothing);
  const std::string again = std::to_string(duration->count() / 1'000'000'000) + "s" +
                            std::to_string(duration->count() % 1'000'000'000 / 1'000'000) + "ms";
  require(*ioa::cli::parse_duration(again) <= *duration);
}

void check_escape(std::string_view text) {
  const std::string escaped = ioa::cli::escape(text);
  require(escaped.size() >= text.size());
  require(std::none_of(escaped.begin(), escaped.end(),
                       [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }));
  require(ioa::cli::escape_argument(text).size() <= 200 * 6 + 3);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  check_duration(text);
  check_escape(text);
  if (const auto bytes = ioa::cli::parse_size(text)) {
    require(ioa::cli::parse_rate(text) == bytes);
  }
  if (const auto range = ioa::cli::parse_port_range(text)) require(range->first <= range->last);
  return 0;
}

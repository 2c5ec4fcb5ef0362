// Command lines of exec: and --exec: what they are split into comes out again when each word is
// quoted and all are joined.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "cli/split_words.hpp"

namespace {

std::string quote(std::string_view word) {
  std::string quoted = "'";
  for (const char c : word) c == '\'' ? quoted += "'\\''" : quoted += c;
  return quoted + "'";
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto words = ioa::cli::split_words(text);
  if (!words) return 0;
  if (words->size() > ioa::cli::kMaxWords) std::abort();
  std::string joined;
  for (const std::string& word : *words) joined += quote(word) + " ";
  if (ioa::cli::split_words(joined) != words) std::abort();
  return 0;
}

#include "cli/split_words.hpp"

#include <utility>

namespace ioa::cli {
namespace {

constexpr bool is_blank(char c) noexcept { return c == ' ' || c == '\t' || c == '\n'; }

/// Whether a backslash within double quotes quotes `c`.
constexpr bool is_special_in_quotes(char c) noexcept {
  return c == '$' || c == '`' || c == '"' || c == '\\' || c == '\n';
}

/// Takes the words from the front of a text, one after the other.
class WordReader {
 public:
  explicit WordReader(std::string_view text) : rest_(text) {}

  bool at_end() {
    for (;;) {
      if (!rest_.empty() && is_blank(rest_.front()))
        rest_.remove_prefix(1);
      else if (rest_.substr(0, 2) == "\\\n")
        rest_.remove_prefix(2);
      else
        return rest_.empty();
    }
  }
  /// One word, of which there is at least a character; false if it is malformed.
  bool read(std::string& word) {
    while (!rest_.empty() && !is_blank(rest_.front())) {
      const char c = take();
      const bool good = c == '\''   ? read_single(word)
                        : c == '"'  ? read_double(word)
                        : c == '\\' ? read_escaped(word)
                                    : (word += c, true);
      if (!good) return false;
    }
    return true;
  }

 private:
  char take() {
    const char c = rest_.front();
    rest_.remove_prefix(1);
    return c;
  }
  bool read_single(std::string& word) {
    const std::size_t end = rest_.find('\'');
    if (end == rest_.npos) return false;
    word += rest_.substr(0, end);
    rest_.remove_prefix(end + 1);
    return true;
  }
  bool read_double(std::string& word) {
    while (!rest_.empty()) {
      char c = take();
      if (c == '"') return true;
      if (c == '\\' && !rest_.empty() && is_special_in_quotes(rest_.front())) {
        c = take();
        if (c == '\n') continue;
      }
      word += c;
    }
    return false;
  }
  bool read_escaped(std::string& word) {
    if (rest_.empty()) return false;
    if (const char c = take(); c != '\n') word += c;
    return true;
  }

  std::string_view rest_;
};

}  // namespace

std::optional<std::vector<std::string>> split_words(std::string_view text) {
  std::vector<std::string> words;
  WordReader reader(text);
  while (!reader.at_end()) {
    if (words.size() == kMaxWords) return std::nullopt;
    std::string word;
    if (!reader.read(word)) return std::nullopt;
    words.push_back(std::move(word));
  }
  return words;
}

}  // namespace ioa::cli

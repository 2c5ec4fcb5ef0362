#include "cli/escape.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace ioa::cli {
namespace {

constexpr std::string_view kHex = "0123456789abcdef";

// A character of UTF-8 at the start of a text; its length is 0 if the bytes are no valid UTF-8.
struct Character {
  std::uint32_t code = 0;
  std::size_t length = 0;
};

// RFC 3629 s4: no overlong forms, no surrogates, nothing beyond U+10FFFF.
Character decode(std::string_view text) {
  const auto byte = [&](std::size_t i) -> std::uint32_t {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0;
  };
  const std::uint32_t first = byte(0);
  if (first < 0x80) return {first, 1};
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4) return {};

  std::uint32_t code = first & (0x7fU >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return {};
    code = code << 6 | (byte(i) & 0x3f);
  }
  const bool overlong = (length == 3 && code < 0x800) || (length == 4 && code < 0x10000);
  const bool surrogate = code >= 0xd800 && code <= 0xdfff;
  if (overlong || surrogate || code > 0x10ffff) return {};
  return {code, length};
}

// Line and paragraph separators, and the directional marks, embeddings, overrides and isolates.
bool is_unsafe(std::uint32_t code) {
  return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x061c ||
         (code >= 0x200e && code <= 0x200f) || (code >= 0x2028 && code <= 0x202e) ||
         (code >= 0x2066 && code <= 0x2069) || code == 0xfeff;
}

void append_byte(std::string& out, std::uint32_t byte) {
  out += "\\x";
  out += kHex[byte >> 4 & 0xf];
  out += kHex[byte & 0xf];
}

void append_unsafe(std::string& out, std::uint32_t code) {
  switch (code) {
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    case '\0':
      out += "\\0";
      return;
    default:
      break;
  }
  if (code < 0x80) return append_byte(out, code);
  out += "\\u{";
  bool leading = true;
  for (int shift = 20; shift >= 0; shift -= 4) {
    const std::uint32_t digit = code >> shift & 0xf;
    leading = leading && digit == 0;
    if (!leading) out += kHex[digit];
  }
  out += '}';
}

}  // namespace

std::string escape(std::string_view text) {
  // Most text needs nothing.
  const bool is_plain = std::all_of(text.begin(), text.end(), [](char byte) {
    return byte >= ' ' && byte <= '~' && byte != '\\';
  });
  if (is_plain) return std::string(text);
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const Character character = decode(text);
    if (character.length == 0) {
      append_byte(out, static_cast<unsigned char>(text.front()));
      text.remove_prefix(1);
      continue;
    }
    if (is_unsafe(character.code)) {
      append_unsafe(out, character.code);
    } else {
      if (character.code == '\\') out += '\\';
      out += text.substr(0, character.length);
    }
    text.remove_prefix(character.length);
  }
  return out;
}

std::string escape_argument(std::string_view text) {
  constexpr std::size_t kLongest = 200;
  if (text.empty()) return "''";
  if (text.size() <= kLongest) return escape(text);
  return escape(text.substr(0, kLongest)) + "...";
}

}  // namespace ioa::cli

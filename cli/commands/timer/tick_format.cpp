#include "cli/commands/timer/tick_format.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <utility>

#include "cli/json_line.hpp"
#include "cli/wall_time.hpp"
#include "ioa/base/duration_text.hpp"

namespace ioa::cli {
namespace {

constexpr std::string_view kConversions = "aAbBcCdDeFgGhHIjklmMnpPrRsStTuUVwWxXyYzZ";

/// The digits at the front of `text` that are of this base, `most` of them, which it loses.
std::string_view take_digits(std::string_view& text, int base, std::size_t most) {
  std::size_t size = 0;
  const auto is_digit = [base](char c) {
    return base == 8 ? c >= '0' && c <= '7' : std::isxdigit(static_cast<unsigned char>(c)) != 0;
  };
  while (size < std::min(most, text.size()) && is_digit(text[size])) ++size;
  const std::string_view digits = text.substr(0, size);
  text.remove_prefix(size);
  return digits;
}

/// The character that C means by what is behind a backslash, which `text` loses; nothing if there
/// is no such escape.
std::optional<char> take_escape(std::string_view& text) {
  constexpr std::array<std::pair<char, char>, 12> kEscapes{{{'\\', '\\'},
                                                            {'t', '\t'},
                                                            {'n', '\n'},
                                                            {'r', '\r'},
                                                            {'a', '\a'},
                                                            {'b', '\b'},
                                                            {'e', '\033'},
                                                            {'f', '\f'},
                                                            {'v', '\v'},
                                                            {'"', '"'},
                                                            {'\'', '\''},
                                                            {'?', '?'}}};
  for (const auto& [name, character] : kEscapes) {
    if (text.front() != name) continue;
    text.remove_prefix(1);
    return character;
  }
  const int base = text.front() == 'x' ? 16 : 8;
  if (base == 16) text.remove_prefix(1);
  const std::string_view digits = take_digits(text, base, base == 16 ? 2 : 3);
  unsigned value = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
  if (digits.empty() || value > 0xff) return std::nullopt;
  return static_cast<char>(value);
}

}  // namespace

void TickFormat::add(Kind kind, std::string text) {
  pieces_.push_back(Piece{kind, std::move(text)});
}

void TickFormat::add_text(char character) {
  if (pieces_.empty() || pieces_.back().kind != Kind::text) add(Kind::text, {});
  pieces_.back().text += character;
}

std::optional<TickFormat> TickFormat::parse(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, Kind>, 4> kNames{{{"n}", Kind::number},
                                                                     {"time}", Kind::time},
                                                                     {"late_ms}", Kind::late},
                                                                     {"missed}", Kind::missed}}};
  TickFormat format;
  while (!text.empty()) {
    const char first = text.front();
    text.remove_prefix(1);
    if (first != '{' && first != '%' && first != '\\') {
      format.add_text(first);
      continue;
    }
    if (text.empty()) return std::nullopt;
    const char second = text.front();
    if (second == first && first != '\\') {
      format.add_text(first);
      text.remove_prefix(1);
    } else if (first == '{') {
      const std::pair<std::string_view, Kind>* found = nullptr;
      for (const auto& entry : kNames)
        if (text.substr(0, entry.first.size()) == entry.first) found = &entry;
      if (found == nullptr) return std::nullopt;
      format.add(found->second, {});
      text.remove_prefix(found->first.size());
    } else if (first == '%') {
      if (kConversions.find(second) == kConversions.npos) return std::nullopt;
      format.add(Kind::conversion, {'%', second});
      text.remove_prefix(1);
    } else {
      const auto character = take_escape(text);
      if (!character) return std::nullopt;
      format.add_text(*character);
    }
  }
  return format;
}

TickFormat TickFormat::standard() {
  TickFormat format;
  format.add(Kind::number, {});
  format.add_text('\t');
  format.add(Kind::time, {});
  return format;
}

bool TickFormat::needs_time_zone() const noexcept {
  return std::any_of(pieces_.begin(), pieces_.end(),
                     [](const Piece& piece) { return piece.kind == Kind::conversion; });
}

std::string TickFormat::line(const TickReport& tick) const {
  std::string line;
  for (const Piece& piece : pieces_) {
    switch (piece.kind) {
      case Kind::text:
        line += piece.text;
        break;
      case Kind::number:
        line += std::to_string(tick.number);
        break;
      case Kind::time:
        line += format_time(tick.time);
        break;
      case Kind::late:
        line += fmt::format("{:.3f}", milliseconds(tick.late));
        break;
      case Kind::missed:
        line += std::to_string(tick.missed);
        break;
      case Kind::conversion:
        line += format_by(piece.text, tick.time);
        break;
    }
  }
  return line + '\n';
}

std::string tick_json(const TickReport& tick) {
  const std::string time = format_time(tick.time);
  const std::array<EventField, 4> fields{
      EventField{"n", static_cast<std::int64_t>(tick.number)},
      EventField{"time", std::string_view(time)},
      EventField{"late_ms", milliseconds(tick.late)},
      EventField{"missed", static_cast<std::int64_t>(tick.missed)},
  };
  return json_line(fields);
}

}  // namespace ioa::cli

#include "cli/commands/timer/tick_format.hpp"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "cli/json_line.hpp"
#include "cli/wall_time.hpp"
#include "ioa/base/duration_text.hpp"

namespace ioa::cli {
namespace {

constexpr std::string_view kConversions = "aAbBcCdDeFgGhHIjklmMnpPrRsStTuUVwWxXyYzZ";

/// The character behind a backslash; nothing if there is no such escape.
std::optional<char> unescaped(char letter) {
  constexpr std::array<std::pair<char, char>, 9> kEscapes{{{'\\', '\\'},
                                                           {'t', '\t'},
                                                           {'n', '\n'},
                                                           {'r', '\r'},
                                                           {'0', '\0'},
                                                           {'a', '\a'},
                                                           {'e', '\033'},
                                                           {'f', '\f'},
                                                           {'v', '\v'}}};
  for (const auto& [name, character] : kEscapes)
    if (name == letter) return character;
  return std::nullopt;
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
      const auto character = unescaped(second);
      if (!character) return std::nullopt;
      format.add_text(*character);
      text.remove_prefix(1);
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

#include "cli/general_options.hpp"

#include <climits>
#include <string_view>
#include <utility>

#include "cli/option_values.hpp"
#include "ioa/base/byte_size.hpp"

namespace ioa::cli {
namespace {

constexpr std::pair<std::string_view, ColorMode> kColorModes[] = {
    {"auto", ColorMode::automatic},
    {"always", ColorMode::always},
    {"never", ColorMode::never},
};

EventsTarget read_events(const OptionValues& values) {
  EventsTarget target;
  auto text = values.word("events", "expected the number of a descriptor or the path of a file");
  if (!text) return target;
  // A file whose name is a number can still be called ./3.
  if (const auto fd = parse_decimal(*text, INT_MAX)) {
    target.fd = static_cast<int>(*fd);
  } else {
    target.path = *std::move(text);
  }
  return target;
}

}  // namespace

GeneralOptions read_general(const OptionValues& values) {
  values.exclude("verbose", "quiet");
  GeneralOptions general;
  general.verbosity = values.count("verbose");
  general.quiet = values.has("quiet");
  general.events = read_events(values);
  general.loop = values.word("loop", "expected the name of an event backend").value_or("");
  general.color = values.choice<ColorMode>("color", kColorModes).value_or(ColorMode::automatic);
  return general;
}

}  // namespace ioa::cli

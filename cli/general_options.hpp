#pragma once

#include <array>
#include <string>

#include "cli/option_table.hpp"

namespace ioa::cli {

class OptionValues;

/// When to use colour on standard error.
enum class ColorMode {
  automatic,  ///< On a terminal, unless NO_COLOR is set.
  always,
  never,
};

/// Where the events of a run are written as JSON Lines.
struct EventsTarget {
  /// An inherited descriptor, or -1.
  int fd = -1;
  /// A file to write if fd is -1; empty: nowhere.
  std::string path;

  /// Whether events are wanted at all.
  bool is_set() const noexcept { return fd >= 0 || !path.empty(); }
};

/// The options that every command has.
struct GeneralOptions {
  /// How often -v was given.
  int verbosity = 0;
  /// Nothing but fatal errors. Never together with verbosity.
  bool quiet = false;
  EventsTarget events;
  /// The event backend by name; empty if not given (the caller then reads IOA_LOOP). Not checked
  /// here: the caller knows which there are.
  std::string loop;
  ColorMode color = ColorMode::automatic;
};

/// Reads the options of kGeneralOptions. Throws UsageError.
GeneralOptions read_general(const OptionValues& values);

/// What a command's table holds for the options that every command has.
inline constexpr std::array kGeneralOptions{
    OptionSpec{"verbose", 'v', ValueKind::none, "", "say what is done, on stderr; more with -vv"},
    OptionSpec{"quiet", 0, ValueKind::none, "", "say nothing but fatal errors"},
    OptionSpec{"events", 0, ValueKind::required, "FD|PATH", "write events to it as JSON Lines"},
    OptionSpec{"loop", 0, ValueKind::required, "NAME",
               "event backend: epoll, poll, select [$IOA_LOOP]"},
    OptionSpec{"color", 0, ValueKind::required, "WHEN",
               "colour on stderr: auto, always or never [auto]"},
    OptionSpec{"help", 'h', ValueKind::none, "", "print this and exit"},
};

}  // namespace ioa::cli

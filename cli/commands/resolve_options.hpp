#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "cli/general_options.hpp"
#include "ioa/net/address.hpp"

namespace ioa::cli {

struct Arguments;
struct CommandSpec;

/// One thing to look up.
struct ResolveQuery {
  /// The operand or the line as it was given: what results and failures are reported under.
  std::string name;
  /// A name or a numeric address (the latter always, if the look-up is a reverse one).
  std::string host;
  /// A port or a service name; empty if none was given.
  std::string service;
};

/// What `ioa resolve` was asked to do: complete, checked, and free of contradictions.
struct ResolveOptions {
  GeneralOptions general;

  /// Only these addresses are wanted. Always any if `reverse`.
  Family family = Family::any;
  /// Values only, without the names.
  bool short_output = false;
  /// The first address of each name only.
  bool first = false;
  /// One JSON object a name.
  bool json = false;
  /// Addresses to names.
  bool reverse = false;
  /// Look-ups at once; at least 1.
  std::uint32_t jobs = 32;
  /// How long one name may take; 0 is no limit.
  std::chrono::nanoseconds timeout{0};
  /// Results as they come, not in the order of the input.
  bool unordered = false;

  /// What to look up, in the order given.
  std::vector<ResolveQuery> queries;
  /// Read one name a line from standard input instead; `queries` is empty then.
  bool from_stdin = false;
};

/// The table of the command: see connect_command().
const CommandSpec& resolve_command() noexcept;

/// Turns what the pre-pass read into a plan. Throws UsageError.
ResolveOptions parse_resolve(const Arguments& arguments);

/// Reads one name as an operand or a line of standard input holds it: `HOST`, `HOST:SERVICE`,
/// `[V6]:SERVICE`, or an address if `reverse`. Throws AddressError.
ResolveQuery parse_query(std::string_view text, bool reverse);

}  // namespace ioa::cli

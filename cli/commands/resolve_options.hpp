#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/general_options.hpp"
#include "cli/progress_meter.hpp"
#include "ioa/ares/dns_record.hpp"
#include "ioa/net/address.hpp"
#include "ioa/net/socket_address.hpp"

namespace ioa::cli {

struct Arguments;
struct CommandSpec;

/// One thing to look up.
struct ResolveQuery {
  /// The operand or the line as it was given: what results and failures are reported under.
  std::string name;
  /// A name or a numeric address (the latter always, if the look-up is a reverse one). Where
  /// records are wanted: what to ask for; empty if that is `name`.
  std::string host;
  /// A port or a service name; empty if none was given.
  std::string service;
};

/// How results are written.
enum class ResolveFormat {
  text,    ///< `NAME<TAB>VALUE`.
  json,    ///< One object a name.
  hosts,   ///< As in hosts(5): `ADDRESS<TAB>NAME`.
  getent,  ///< As `getent ahosts` has them, or, in reverse, `getent hosts`.
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
  ResolveFormat format = ResolveFormat::text;
  /// Addresses to names.
  bool reverse = false;
  /// Name servers are asked, not the system.
  bool via_dns = false;
  /// Those to ask; empty for the system's.
  std::vector<SocketAddress> servers;
  /// The records that are wanted, instead of addresses; only with `via_dns`.
  std::optional<RecordType> type;
  /// Look-ups at once; at least 1.
  std::uint32_t jobs = kSystemJobs;
  /// How long one name may take; 0 is no limit.
  std::chrono::nanoseconds timeout{0};
  /// How often a name is tried, by each server; at least 1.
  std::uint32_t attempts = 1;
  /// Names begun in a second; 0 is no limit.
  std::uint32_t max_rate = 0;
  ProgressMode progress = ProgressMode::never;
  /// Results as they come, not in the order of the input.
  bool unordered = false;

  /// What to look up, in the order given.
  std::vector<ResolveQuery> queries;
  /// Read one name a line from standard input instead; `queries` is empty then.
  bool from_stdin = false;

  bool is_json() const noexcept { return format == ResolveFormat::json; }

  static constexpr std::uint32_t kSystemJobs = 32;  ///< Each takes a thread.
  static constexpr std::uint32_t kDnsJobs = 500;
  static constexpr std::uint32_t kDnsAttempts = 3;
};

/// The table of the command: see connect_command().
const CommandSpec& resolve_command() noexcept;

/// Turns what the pre-pass read into a plan. Throws UsageError.
ResolveOptions parse_resolve(const Arguments& arguments);

/// Reads one name as an operand or a line of standard input holds it: `HOST`, `HOST:SERVICE`,
/// `[V6]:SERVICE`; an address if these are reverse look-ups; any domain name if records are wanted
/// (an address too, if those are PTR). Throws AddressError.
ResolveQuery parse_query(std::string_view text, const ResolveOptions& options);

}  // namespace ioa::cli

#pragma once

#include <array>
#include <optional>
#include <string>

#include "cli/commands/listen/hub_plan.hpp"
#include "cli/option_table.hpp"

namespace ioa::cli {

struct ListenOptions;
class OptionValues;

/// What the options say of one source for many peers, besides what they say of any bytes.
struct HubOptions {
  SlowPeer slow_peer = SlowPeer::pause;
  /// What each line of the output begins with, in which {peer} is the peer's address and {n} its
  /// number; empty: the address. Nothing: lines are left as they are.
  std::optional<std::string> tag;
};

/// Reads the options of kHubOptions into `options`: `hub`, `serve_by` and `keep_open`. Throws
/// UsageError.
void read_hub_options(const OptionValues& values, ListenOptions& options);

/// Whether one source is for many peers, or lines are to be told apart: a HubService serves.
bool is_hub(const ListenOptions& options) noexcept;

/// What a command's table holds for it.
inline constexpr std::array kHubOptions{
    OptionSpec{"broker", 0, ValueKind::none, "",
               "give what a peer sends to every other peer; implies -k"},
    OptionSpec{"chat", 0, ValueKind::none, "", "the same by lines, each behind its <userN>"},
    OptionSpec{"slow-peer", 0, ValueKind::required, "HOW",
               "where one reads slowly: pause for all, drop, or disconnect it [pause]"},
    OptionSpec{"tag", 0, ValueKind::optional, "TEXT",
               "begin each line of stdout with TEXT, of which {peer} and {n} are filled in "
               "[{peer}]"},
};

}  // namespace ioa::cli

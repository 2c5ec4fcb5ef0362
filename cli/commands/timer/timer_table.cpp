#include <array>

#include "cli/commands/timer/timer_options.hpp"
#include "cli/option_table.hpp"

namespace ioa::cli {
namespace {

constexpr auto kNone = ValueKind::none;
constexpr auto kRequired = ValueKind::required;

constexpr std::array kTicks{
    OptionSpec{"count", 0, kRequired, "N", "end after N ticks, 0: never [0]"},
    OptionSpec{"for", 0, kRequired, "DUR", "end after so long, 0: never [0]"},
    OptionSpec{"until", 0, kRequired, "TIME", "end at that time"},
    OptionSpec{"first", 0, kRequired, "DUR", "time to the first tick [the interval]"},
    OptionSpec{"align", 0, kNone, "", "tick on the wall clock's multiples of the interval"},
    OptionSpec{"jitter", 0, kRequired, "DUR", "be late by chance, up to so much [0]"},
    OptionSpec{"missed", 0, kRequired, "HOW",
               "what a late loop does: skip, catch-up or drift [skip]"},
};

constexpr std::array kOutput{
    OptionSpec{"print", 0, kNone, "", "print a line a tick also with after, at, idle, a command"},
    OptionSpec{"format", 0, kRequired, "TEXT", "the line: {n}, {time}, {late_ms}, {missed}, %H..."},
    OptionSpec{"json", 0, kNone, "", "a JSON object a tick"},
    kProgressOption,
};

constexpr std::array kCommand{
    OptionSpec{"overlap", 0, kRequired, "HOW",
               "if the last command still runs: skip, queue, kill or parallel [skip]"},
    OptionSpec{"kill-after", 0, kRequired, "DUR", "KILL so long after TERM, 0: never [2s]"},
    OptionSpec{"stop-on-failure", 0, kNone, "", "end when a command fails, with its status"},
};

constexpr std::array kGroups{
    OptionGroup{"Ticks", kTicks},
    OptionGroup{"Output", kOutput},
    OptionGroup{"Commands", kCommand},
    OptionGroup{"General", kGeneralOptions},
};

constexpr std::array<std::string_view, 4> kUsage{
    "after DUR [OPTIONS] [-- CMD [ARG...]]",
    "every DUR [OPTIONS] [-- CMD [ARG...]]",
    "at TIME [OPTIONS] [-- CMD [ARG...]]",
    "idle DUR [OPTIONS] [-- CMD [ARG...]]",
};

constexpr std::array kExamples{
    Example{"ioa timer every 1s | while read n time; do ...; done", "a pace for a loop"},
    Example{"ioa timer every 5m --align -- backup", "at :00, :05, :10, ..."},
    Example{"ioa timer at 18:30 -- shutdown-lab", "once, today or tomorrow"},
    Example{"journal | ioa timer idle 30s", "status 124 if it falls silent"},
};

constexpr CommandSpec kTimer{
    .command = Command::timer,
    .name = "timer",
    .summary = "wait, tick, and run commands on time",
    .usage = kUsage,
    .description =
        "Waits once (after, at), ticks at an interval without drift (every), or fires when no line "
        "has come on stdin for a while (idle). With a command, runs it at each tick.",
    .groups = kGroups,
    .refused = {},
    .examples = kExamples,
};

}  // namespace

const CommandSpec& timer_command() noexcept { return kTimer; }

}  // namespace ioa::cli

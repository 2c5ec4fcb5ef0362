#include <array>

#include "cli/commands/run_child/run_child_options.hpp"
#include "cli/option_table.hpp"
#include "cli/progress_meter.hpp"

namespace ioa::cli {
namespace {

constexpr auto kNone = ValueKind::none;
constexpr auto kRequired = ValueKind::required;
constexpr auto kOptional = ValueKind::optional;

constexpr std::array kEnding{
    OptionSpec{"timeout", 0, kRequired, "DUR", "how long it may run, 0: no limit [0]"},
    OptionSpec{"idle-timeout", 0, kRequired, "DUR",
               "how long it may be without output, 0: no limit [0]"},
    OptionSpec{"kill-signal", 0, kRequired, "SIG",
               "what it and all that it started get at a limit [TERM]"},
    OptionSpec{"kill-after", 0, kRequired, "DUR",
               "what is left so long after that gets KILL, 0: never [2s]"},
    OptionSpec{"guard", 0, kNone, "", "a second process ends all that it started if ioa is killed"},
};

constexpr std::array kSetUp{
    OptionSpec{"chdir", 0, kRequired, "DIR", "run it in this directory"},
    OptionSpec{"env", 0, kRequired, "K=V", "set a variable of its environment; repeatable"},
    OptionSpec{"unset", 0, kRequired, "K", "remove a variable; repeatable"},
    OptionSpec{"clear-env", 0, kNone, "", "begin with an empty environment"},
    OptionSpec{"umask", 0, kRequired, "MODE", "file mode creation mask, octal"},
    OptionSpec{"nice", 0, kRequired, "N", "added to the niceness, -20 to 19"},
    OptionSpec{"user", 0, kRequired, "USER", "run it as this user, with the groups of that"},
    OptionSpec{"group", 0, kRequired, "GROUP", "run it with this group"},
    OptionSpec{"rlimit", 0, kRequired, "NAME=N", "a resource limit, N or SOFT:HARD; repeatable"},
    OptionSpec{"stdin", 0, kRequired, "FILE|-|null", "what it reads, -: stdin [-]"},
    OptionSpec{"stdin-text", 0, kRequired, "TEXT", "what it reads, and then the end"},
    OptionSpec{"stdout", 0, kRequired, "FILE", "where its output goes, truncated first"},
    OptionSpec{"stderr", 0, kRequired, "FILE", "where its errors go, truncated first"},
    OptionSpec{"fd", 0, kRequired, "N=FILE",
               "open a file as its descriptor N; N=<, N=>, N=>>; repeatable"},
    OptionSpec{"pty", 0, kNone, "", "run it on a terminal of its own"},
    OptionSpec{"new-session", 0, kNone, "", "run it in a session of its own"},
    OptionSpec{"listen", 0, kRequired, "ADDRESS",
               "bind this and pass it on as LISTEN_FDS; repeatable"},
};

constexpr std::array kSeeing{
    OptionSpec{"tag", 0, kOptional, "TEXT", "begin each line of output with TEXT [its name]"},
    OptionSpec{"timestamps", 0, kNone, "", "begin each line of output with the time"},
    OptionSpec{"report", 0, kNone, "", "say on stderr at the end how it went"},
    OptionSpec{"json", 0, kNone, "", "the same as a JSON object, the last line on stdout"},
    OptionSpec{"capture", 0, kOptional, "SIZE",
               "with --json: its output as members, at most SIZE of each [16M]"},
};

constexpr std::array kSupervising{
    OptionSpec{"restart", 0, kRequired, "WHEN",
               "run it again: never, on-failure or always [never]"},
    OptionSpec{"max-restarts", 0, kRequired, "N", "restarts at most, 0: no limit [0]"},
    OptionSpec{"retry", 0, kRequired, "N", "run it up to N times more until it succeeds"},
    OptionSpec{"backoff", 0, kRequired, "DUR",
               "pause before it is run again, doubling up to 1m, 0: none [200ms]"},
    OptionSpec{"success-status", 0, kRequired, "LIST",
               "statuses that are success besides 0: 1,3,10-19"},
};

constexpr std::array kMany{
    OptionSpec{"from", 0, kRequired, "FILE|-",
               "run it once for each line: {} is the line, {n} its number"},
    OptionSpec{"jobs", 'j', kRequired, "N", "so many at once [the number of cores]"},
    OptionSpec{"null", '0', kNone, "", "NUL ends a line, not LF"},
    OptionSpec{"unordered", 0, kNone, "", "outputs whole as they end, not in the lines' order"},
    OptionSpec{"interleave", 0, kNone, "", "outputs line by line as they come"},
    OptionSpec{"halt", 0, kRequired, "WHEN",
               "when one has failed: never, soon (start no more) or now (end all) [never]"},
    kProgressOption,
};

constexpr std::array kGroups{
    OptionGroup{"Ending", kEnding}, OptionGroup{"Set-up", kSetUp},
    OptionGroup{"Seeing", kSeeing}, OptionGroup{"Supervising", kSupervising},
    OptionGroup{"Many", kMany},     OptionGroup{"General", kGeneralOptions},
};

// Letters of timeout, env and xargs.
constexpr std::array kRefused{
    RefusedLetter{'s', "use --kill-signal"}, RefusedLetter{'k', "use --kill-after"},
    RefusedLetter{'t', "use --timeout"},     RefusedLetter{'u', "use --unset or --user"},
    RefusedLetter{'i', "use --clear-env"},   RefusedLetter{'n', "use --nice"},
};

constexpr std::array<std::string_view, 2> kUsage{"[OPTIONS] [--] CMD [ARG...]",
                                                 "[OPTIONS] --from FILE|- [--] [CMD [ARG...]]"};

constexpr std::array kExamples{
    Example{"ioa run --timeout 30s make test", "at most 30 s, and nothing of it left after that"},
    Example{"ioa run --retry 3 --report -- fetch-mail", "up to four times, until it succeeds"},
    Example{"ioa run --json --capture -- git status", "output, status and resources as JSON"},
    Example{"ioa run --from urls -j 8 -- curl -sO {}", "eight at once, outputs whole and in order"},
    Example{"ioa run --restart always --listen :8080 -- server", "a service with its socket"},
};

constexpr CommandSpec kRunChild{
    .command = Command::run_child,
    .name = "run-child",
    .summary = "run, supervise and report on a child process (alias: run)",
    .usage = kUsage,
    .description =
        "Runs CMD with its stdin, stdout and stderr untouched, passes signals on, and ends with "
        "its exit status: 124 if a limit ended it, 125 if ioa itself failed, 126 if CMD cannot "
        "be executed, 127 if it was not found, 128+N if signal N killed it. Options end at CMD. "
        "`ioa run` is the same.",
    .groups = kGroups,
    .refused = kRefused,
    .examples = kExamples,
    .alias = "run",
    .operands_end_options = true,
};

}  // namespace

const CommandSpec& run_child_command() noexcept { return kRunChild; }

}  // namespace ioa::cli

#include <array>

#include "cli/commands/connect_options.hpp"
#include "cli/option_table.hpp"
#include "cli/progress_meter.hpp"

namespace ioa::cli {
namespace {

constexpr auto kNone = ValueKind::none;
constexpr auto kRequired = ValueKind::required;

constexpr std::array kConnecting{
    OptionSpec{"", '4', kNone, "", "use IPv4 only"},
    OptionSpec{"", '6', kNone, "", "use IPv6 only"},
    OptionSpec{"numeric", 'n', kNone, "", "look no host name up: HOST is a numeric address"},
    OptionSpec{"unix", 'U', kNone, "", "the operand is the path of a Unix socket"},
    OptionSpec{"source", 's', kRequired, "ADDR[:PORT]", "connect from this local address"},
    OptionSpec{"source-port", 'p', kRequired, "PORT", "connect from this local port"},
    OptionSpec{"interface", 0, kRequired, "IF", "connect through this network interface"},
    OptionSpec{"ttl", 0, kRequired, "N", "time to live or hop limit, 1 to 255"},
    OptionSpec{"tos", 0, kRequired, "N", "type of service or traffic class, 0 to 255"},
    OptionSpec{"nodelay", 0, kNone, "", "send small writes at once (TCP_NODELAY)"},
    OptionSpec{"keepalive", 0, kRequired, "DUR", "probe the peer after so long a silence"},
    OptionSpec{"sndbuf", 0, kRequired, "SIZE", "send buffer of the socket"},
    OptionSpec{"rcvbuf", 0, kRequired, "SIZE", "receive buffer of the socket"},
    OptionSpec{"sequential", 0, kNone, "", "try each address in turn, in the system's order"},
    OptionSpec{"attempt-delay", 0, kRequired, "DUR",
               "head start of each address on the next [250ms]"},
    OptionSpec{"connect-timeout", 'w', kRequired, "DUR",
               "limit of look-up and connecting, 0: none [30s]"},
    OptionSpec{"retry", 0, kRequired, "N", "try a failed connect or look-up N times more [0]"},
    OptionSpec{"wait", 0, kRequired, "DUR", "try again for so long, 0: for ever"},
    OptionSpec{"retry-delay", 0, kRequired, "DUR",
               "pause before the first retry, doubling [200ms]"},
    OptionSpec{"retry-max-delay", 0, kRequired, "DUR", "the longest such pause [5s]"},
};

constexpr std::array kBytes{
    OptionSpec{"idle-timeout", 'i', kRequired, "DUR", "limit of silence both ways, 0: none [0]"},
    OptionSpec{"timeout", 0, kRequired, "DUR", "limit of the whole run, 0: none [0]"},
    OptionSpec{"on-stdin-eof", 0, kRequired, "HOW",
               "when stdin ends: half-close, after-reply, close or keep [half-close]"},
    OptionSpec{"on-peer-eof", 0, kRequired, "HOW",
               "when the peer ends: auto, exit or finish [auto]"},
    OptionSpec{"quit-after", 'q', kRequired, "DUR", "end so long after stdin has ended"},
    OptionSpec{"", 'N', kNone, "", "as --on-stdin-eof half-close, the default"},
    OptionSpec{"send-only", 0, kNone, "", "receive nothing"},
    OptionSpec{"recv-only", 0, kNone, "", "send nothing, leave stdin alone"},
    OptionSpec{"output", 'o', kRequired, "FILE", "store what is received in FILE, not on stdout"},
    OptionSpec{"append", 0, kNone, "", "add to the --output file"},
    kProgressOption,
};

constexpr std::array kProbing{
    OptionSpec{"probe", 'z', kNone, "", "see which ports are open, a line a port"},
    OptionSpec{"jobs", 'j', kRequired, "N", "probe so many ports at once [64]"},
    OptionSpec{"any", 0, kNone, "", "one open port is enough for status 0"},
    OptionSpec{"json", 0, kNone, "", "a JSON object a port"},
};

constexpr std::array kGroups{
    OptionGroup{"Connecting", kConnecting},
    OptionGroup{"Bytes", kBytes},
    OptionGroup{"Probing", kProbing},
    OptionGroup{"General", kGeneralOptions},
};

// Letters of OpenBSD's, traditional and GNU netcat, ncat and socat that do not mean one thing.
constexpr std::array kRefused{
    RefusedLetter{'d', "use --recv-only to leave stdin alone"},
    RefusedLetter{'W', "use --timeout to limit the run"},
    RefusedLetter{'r', "use --jobs to probe ports side by side"},
    RefusedLetter{'x', "use --proxy or --hex-dump, in releases that have them"},
    RefusedLetter{'X', "use --proxy, in releases that have it"},
    RefusedLetter{'P', "use --proxy, in releases that have it"},
    RefusedLetter{'T', "use --tos"},
    RefusedLetter{'M', "use --ttl"},
    RefusedLetter{'I', "use --rcvbuf"},
    RefusedLetter{'O', "use --sndbuf"},
};

constexpr std::array<std::string_view, 3> kUsage{
    "[OPTIONS] HOST PORT | HOST:PORT | [V6]:PORT",
    "[OPTIONS] unix:PATH | -U PATH",
    "-z [OPTIONS] HOST PORT[-PORT]... | HOST:PORT...",
};

constexpr std::array kExamples{
    Example{"ioa connect example.org 80 <request", "send a file, print the answer"},
    Example{"ioa connect -w 3 --retry 5 db:5432", "try for a while"},
    Example{"ioa connect -U /run/app.sock", "talk to a Unix socket"},
    Example{"ioa connect -z localhost 22 80 8000-8010", "see which ports are open"},
};

constexpr CommandSpec kConnect{
    .command = Command::connect,
    .name = "connect",
    .summary = "join stdin and stdout to a peer, or probe ports",
    .usage = kUsage,
    .description =
        "Connects to a TCP or Unix stream socket, sends what stdin holds and writes what comes "
        "back "
        "to stdout. Addresses may also be written tcp:, tcp4: or tcp6:HOST:PORT.",
    .groups = kGroups,
    .refused = kRefused,
    .examples = kExamples,
};

}  // namespace

const CommandSpec& connect_command() noexcept { return kConnect; }

}  // namespace ioa::cli

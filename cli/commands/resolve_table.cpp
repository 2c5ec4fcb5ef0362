#include <array>

#include "cli/commands/resolve_options.hpp"
#include "cli/option_table.hpp"
#include "cli/progress_meter.hpp"

namespace ioa::cli {
namespace {

constexpr auto kNone = ValueKind::none;
constexpr auto kRequired = ValueKind::required;

constexpr std::array kLookingUp{
    OptionSpec{"", '4', kNone, "", "IPv4 addresses only"},
    OptionSpec{"", '6', kNone, "", "IPv6 addresses only"},
    OptionSpec{"reverse", 'x', kNone, "", "addresses to names"},
    OptionSpec{"via", 0, kRequired, "WAY", "system, or dns: straight to name servers [system]"},
    OptionSpec{"server", 0, kRequired, "ADDR[:PORT]",
               "ask this name server; may be repeated [resolv.conf]"},
    OptionSpec{"type", 't', kRequired, "TYPE",
               "records: A, AAAA, PTR, CNAME, MX, NS, TXT, SRV, SOA, CAA, HTTPS"},
    OptionSpec{"jobs", 'j', kRequired, "N", "look so many names up at once [32, with dns 500]"},
    OptionSpec{"timeout", 0, kRequired, "DUR", "limit for each name, 0: none [0]"},
    OptionSpec{"attempts", 0, kRequired, "N", "try each name so often [1, with dns 3]"},
    OptionSpec{"max-rate", 0, kRequired, "N", "begin at most so many names a second [0: no limit]"},
};

constexpr std::array kOutput{
    OptionSpec{"short", 's', kNone, "", "values only, without the names"},
    OptionSpec{"first", 0, kNone, "", "the first value of each name only"},
    OptionSpec{"format", 0, kRequired, "FORMAT", "text, json, hosts or getent [text]"},
    OptionSpec{"json", 0, kNone, "", "a JSON object a name: --format json"},
    OptionSpec{"unordered", 0, kNone, "", "results as they come, not in the input's order"},
    kProgressOption,
};

constexpr std::array kGroups{
    OptionGroup{"Looking up", kLookingUp},
    OptionGroup{"Output", kOutput},
    OptionGroup{"General", kGeneralOptions},
};

// Letters of dig, host and adnshost that do not mean one thing.
constexpr std::array kRefused{
    RefusedLetter{'r', "use --reverse for addresses to names"},
    RefusedLetter{'W', "use --timeout to limit each look-up"},
    RefusedLetter{'w', "use --timeout to limit each look-up"},
};

constexpr std::array<std::string_view, 3> kUsage{
    "[OPTIONS] [HOST | HOST:SERVICE]...",
    "-t TYPE [OPTIONS] [NAME]...",
    "-x [OPTIONS] [ADDRESS]...",
};

constexpr std::array kExamples{
    Example{"ioa resolve example.org", "its addresses, in the order to try them"},
    Example{"ioa resolve -s --first db:postgresql", "one address and port for a script"},
    Example{"ioa resolve -x 192.0.2.1", "the name of an address"},
    Example{"ioa resolve -t MX example.org", "who takes its mail"},
    Example{"ioa resolve -j 100 --json <names", "many, at once, as JSON Lines"},
};

constexpr CommandSpec kResolve{
    .command = Command::resolve,
    .name = "resolve",
    .summary = "names to addresses, addresses to names, DNS records",
    .usage = kUsage,
    .description =
        "Looks names up as every program of this system does, or straight from name servers, and "
        "prints a line for each address or record. Without a NAME, or with a lone -, it reads one "
        "a line from stdin.",
    .groups = kGroups,
    .refused = kRefused,
    .examples = kExamples,
};

}  // namespace

const CommandSpec& resolve_command() noexcept { return kResolve; }

}  // namespace ioa::cli

#include <array>

#include "cli/byte_options.hpp"
#include "cli/commands/listen/listen_options.hpp"
#include "cli/option_table.hpp"

namespace ioa::cli {
namespace {

constexpr auto kNone = ValueKind::none;
constexpr auto kRequired = ValueKind::required;

constexpr std::array kListening{
    OptionSpec{"", '4', kNone, "", "use IPv4 only"},
    OptionSpec{"", '6', kNone, "", "use IPv6 only"},
    OptionSpec{"numeric", 'n', kNone, "", "look no host name up: HOST is a numeric address"},
    OptionSpec{"unix", 'U', kNone, "", "the operands are paths of Unix sockets"},
    OptionSpec{"port", 'p', kRequired, "PORT", "the port to listen on"},
    OptionSpec{"listen", 'l', kNone, "", "accepted, as this is what the command does"},
    OptionSpec{"backlog", 0, kRequired, "N",
               "connections that may wait to be accepted [as the system has it]"},
    OptionSpec{"reuse-port", 0, kNone, "", "share the port with other processes of yours"},
    OptionSpec{"unix-mode", 0, kRequired, "MODE", "permissions of a Unix socket, such as 0600"},
    OptionSpec{"interface", 0, kRequired, "IF", "listen at this network interface only"},
    OptionSpec{"ttl", 0, kRequired, "N", "time to live or hop limit, 1 to 255"},
    OptionSpec{"tos", 0, kRequired, "N", "type of service or traffic class, 0 to 255"},
    OptionSpec{"nodelay", 0, kNone, "", "send small writes at once (TCP_NODELAY)"},
    OptionSpec{"keepalive", 0, kRequired, "DUR", "probe a peer after so long a silence"},
    OptionSpec{"sndbuf", 0, kRequired, "SIZE", "send buffer of the sockets"},
    OptionSpec{"rcvbuf", 0, kRequired, "SIZE", "receive buffer of the sockets"},
    OptionSpec{"fastopen", 0, kNone, "", "take first bytes with the SYN (TCP Fast Open)"},
    OptionSpec{"mptcp", 0, kNone, "", "use Multipath TCP where the system has it"},
};

constexpr std::array kServing{
    OptionSpec{"keep-open", 'k', kNone, "", "serve until told to stop, not one peer only"},
    OptionSpec{"echo", 0, kNone, "", "send back what a peer sends"},
    OptionSpec{"discard", 0, kNone, "", "throw away what a peer sends"},
    OptionSpec{"max-conns", 'm', kRequired, "N", "connections at once, 0: no limit [1024]"},
    OptionSpec{"buffer", 0, kRequired, "SIZE",
               "stop reading one side while so much waits for the other [256K]"},
    OptionSpec{"workers", 0, kRequired, "N", "serve with N processes that share the sockets"},
    OptionSpec{"user", 0, kRequired, "NAME", "become this user once the sockets are bound"},
    OptionSpec{"group", 0, kRequired, "NAME", "become this group once the sockets are bound"},
};

constexpr std::array kReadiness{
    OptionSpec{"port-file", 0, kRequired, "FILE", "write the ports to FILE once listening"},
    OptionSpec{"ready-fd", 0, kRequired, "N", "write ADDRESS PORT to descriptor N once listening"},
};

constexpr std::array kEnds{
    OptionSpec{"idle-timeout", 'i', kRequired, "DUR",
               "limit of silence both ways of a connection, 0: none [0]"},
    OptionSpec{"accept-timeout", 0, kRequired, "DUR",
               "limit of waiting for a peer while none is there, 0: none [0]"},
    OptionSpec{"timeout", 0, kRequired, "DUR", "limit of the whole run, 0: none [0]"},
    OptionSpec{"connect-timeout", 'w', kRequired, "DUR",
               "limit of look-ups, and of connecting to --to ADDRESS, 0: none [30s]"},
    OptionSpec{"drain", 0, kRequired, "DUR",
               "-k: let connections go on so long after a signal, 0: to their end [none]"},
    OptionSpec{"on-stdin-eof", 0, kRequired, "HOW",
               "when stdin ends: half-close, after-reply, close or keep [half-close]"},
    OptionSpec{
        "on-peer-eof", 0, kRequired, "HOW",
        "when the peer ends: auto, exit or finish [auto: finish unless stdin is a terminal]"},
    OptionSpec{"quit-after", 'q', kRequired, "DUR", "end so long after stdin has ended"},
    OptionSpec{"", 'N', kNone, "", "as --on-stdin-eof half-close, the default"},
    OptionSpec{"send-only", 0, kNone, "", "receive nothing"},
    OptionSpec{"recv-only", 0, kNone, "", "send nothing, leave stdin alone"},
};

constexpr std::array kGroups{
    OptionGroup{"Listening", kListening},
    OptionGroup{"Serving", kServing},
    OptionGroup{"In place of stdin and stdout", kNearOptions},
    OptionGroup{"Readiness", kReadiness},
    OptionGroup{"Ends", kEnds},
    OptionGroup{"Bytes", kByteOptions},
    OptionGroup{"General", kGeneralOptions},
};

// Letters of OpenBSD's, traditional and GNU netcat, ncat and socat that do not mean one thing.
constexpr std::array kRefused{
    RefusedLetter{'d', "use --recv-only to leave stdin alone"},
    RefusedLetter{'W', "use --timeout to limit the run"},
    RefusedLetter{'s', "use an operand for the address, and --port for its port"},
    RefusedLetter{'t', "use --quit-after to end a wait; telnet's options are not answered"},
    RefusedLetter{'z', "use 'ioa connect --probe'"},
    RefusedLetter{'T', "use --tos"},
    RefusedLetter{'M', "use --ttl"},
    RefusedLetter{'I', "use --rcvbuf"},
    RefusedLetter{'O', "use --sndbuf"},
};

constexpr std::array<std::string_view, 3> kUsage{
    "[OPTIONS] PORT | HOST PORT | HOST:PORT | [V6]:PORT...",
    "[OPTIONS] unix:PATH | -U PATH | systemd[:NAME]...",
    "[OPTIONS] -k ADDRESS... --echo | --discard | --to ADDRESS",
};

constexpr std::array kExamples{
    Example{"ioa listen 8080 >file", "take one connection, and store what it sends"},
    Example{"ioa listen -k 8080 --to db:5432", "forward a port"},
    Example{"ioa listen -k unix:/run/app.sock --to tcp:127.0.0.1:80", "a door to a TCP server"},
    Example{"ioa listen -k 127.0.0.1 0 --echo --port-file port", "an echo server on a free port"},
};

constexpr CommandSpec kListen{
    .command = Command::listen,
    .name = "listen",
    .summary = "accept peers and serve each",
    .usage = kUsage,
    .description =
        "Listens at TCP and Unix sockets, and joins a peer to stdin and stdout, to another address "
        "or to a command, or echoes or discards what it sends. Serves one peer, or, with -k, all "
        "that come. A PORT alone is listened at on every local address.",
    .groups = kGroups,
    .refused = kRefused,
    .examples = kExamples,
};

}  // namespace

const CommandSpec& listen_command() noexcept { return kListen; }

}  // namespace ioa::cli

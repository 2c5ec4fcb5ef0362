#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/byte_options.hpp"
#include "cli/commands/connect_options.hpp"
#include "cli/commands/listen/access_options.hpp"
#include "cli/commands/listen/hub_options.hpp"
#include "cli/commands/run_child/child_plan.hpp"
#include "cli/commands/socket_tuning.hpp"
#include "cli/general_options.hpp"
#include "ioa/net/address.hpp"

namespace ioa::cli {

struct Arguments;
struct CommandSpec;

/// What serves a peer.
enum class ServeBy {
  stdio,    ///< Standard input and output.
  near,     ///< What ByteOptions::near says: --to, --exec, --sh-exec.
  echo,     ///< --echo: the peer gets back what it sends.
  discard,  ///< --discard: what it sends is thrown away.
  broker,   ///< --broker: the other peers.
  chat,     ///< --chat: the other peers, by lines.
};

/// What `ioa listen` was asked to do: complete, checked, and free of contradictions.
struct ListenOptions : ByteOptions {
  GeneralOptions general;

  /// Where to listen; at least one.
  std::vector<Address> addresses;
  /// No name look-ups. The hosts given are numeric.
  bool numeric = false;
  SocketTuning socket;
  /// Connections that may wait to be accepted; nothing: as many as the system allows.
  std::optional<std::uint32_t> backlog;
  /// SO_REUSEPORT: other processes of this user may share the port.
  bool reuse_port = false;
  /// The permissions of a Unix socket's file; nothing: as the umask has it.
  std::optional<::mode_t> unix_mode;

  /// How datagrams are made of what is sent to a peer.
  DatagramTuning datagrams;
  /// How long a peer of datagrams may be silent until its conversation ends; 0: for ever.
  std::chrono::nanoseconds conversation_idle = std::chrono::seconds(60);

  ServeBy serve_by = ServeBy::stdio;
  HubOptions hub;
  /// Who may connect.
  AccessOptions access;
  /// Serve until told to stop, in place of one peer.
  bool keep_open = false;
  /// Connections at once; 0 is no limit.
  std::uint32_t max_connections = 1024;
  /// Processes that share the sockets; 0: this one serves.
  std::uint32_t workers = 0;

  /// Limits; 0 is none. The first is for looking up, and connecting to, what a peer is joined to.
  std::chrono::nanoseconds connect_timeout = std::chrono::seconds(30);
  std::chrono::nanoseconds timeout{0};
  std::chrono::nanoseconds accept_timeout{0};
  /// How long connections may go on once a signal has ended accepting; 0: for as long as they
  /// need. Nothing: not at all.
  std::optional<std::chrono::nanoseconds> drain;

  /// Where the ports are written once they are known; empty: nowhere.
  std::string port_file;
  /// The descriptor that is told the addresses once they are listened at; -1: none.
  int ready_fd = -1;
  /// Who to become once the sockets are bound.
  ChildIds ids;
};

/// The table of the command.
const CommandSpec& listen_command() noexcept;

/// Turns what the pre-pass read into a plan. Throws UsageError.
ListenOptions parse_listen(const Arguments& arguments);

}  // namespace ioa::cli

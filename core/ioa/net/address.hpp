#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "ioa/net/host_service.hpp"

namespace ioa {

/// Where one end of a conversation is: a typed form of the text a user writes.
///
/// One grammar for every place that takes an address. Which fields count depends on the scheme;
/// the others keep their defaults. It is a value, says nothing about whether the place exists, and
/// looks nothing up.
///
///     Address peer = parse_address("[fe80::1%eth0]:8080", AddressUse::connect);
///     // peer.scheme == tcp, peer.host == "fe80::1%eth0", peer.service == "8080"
struct Address {
  /// What kind of place it is.
  enum class Scheme {
    tcp,             ///< `HOST:PORT`, `tcp:`, `tcp4:`, `tcp6:`; uses family, host, service.
    udp,             ///< `udp:`, `udp4:`, `udp6:`; uses family, host, service.
    tls,             ///< `tls:`, TLS over TCP; uses family, host, service.
    unix_stream,     ///< `unix:`; uses path.
    unix_dgram,      ///< `unix-dgram:`; uses path.
    unix_seqpacket,  ///< `unix-seqpacket:`; uses path.
    exec,            ///< `exec:`, a child on pipes, words split as a shell does; uses command.
    shell,           ///< `shell:`, a child through /bin/sh -c; uses command.
    pty,             ///< `pty:`, a child on a pseudo-terminal; uses command.
    read,            ///< `read:`, a file whose bytes are sent; uses path.
    write,           ///< `write:`, a file that stores what arrives; uses path.
    file,            ///< `file:`, a file opened for both; uses path.
    fd,              ///< `fd:`, a descriptor that was inherited; uses fd.
    stdio,           ///< `-`, standard input and output.
    zero,            ///< `zero:`, that many zero bytes; uses size.
    random,          ///< `random:`, that many random bytes; uses size.
    discard,         ///< `discard`, swallows everything.
    systemd,         ///< `systemd`, sockets passed by the service manager; path is the name.
  };

  Scheme scheme = Scheme::tcp;
  Family family = Family::any;
  /// A name or a numeric address: no brackets, its zone id kept. Empty: every local address, which
  /// AddressUse::listen alone produces.
  std::string host;
  /// A port in plain decimal without leading zeros, or a service name. Never empty for tcp, udp,
  /// tls.
  std::string service;
  /// Unix socket path (with its '@' if abstract), file path, or systemd socket name (empty: all).
  std::string path;
  /// Command line of exec, shell and pty.
  std::string command;
  int fd = -1;
  std::uint64_t size = 0;

  /// Whether host and service are what counts: tcp, udp, tls.
  bool is_inet() const noexcept;

  /// Whether it is one of the three kinds of Unix socket.
  bool is_unix() const noexcept;

  /// The port if service is a number; nothing if it is a name or the scheme has none.
  std::optional<std::uint16_t> port() const noexcept;

  /// The shortest text that parse_address reads back to this address: `localhost:80`,
  /// `tcp6:[::1]:80`, `unix:/run/x`, `:80`.
  std::string to_string() const;

  friend bool operator==(const Address&, const Address&) = default;
};

/// What an address is wanted for.
enum class AddressUse {
  connect,  ///< A place to reach: tcp, udp and tls need a host and a port.
  listen,   ///< A place to bind: `PORT` and `:PORT` alone mean every local address.
};

/// Reads one address of any form. Throws AddressError.
Address parse_address(std::string_view text, AddressUse use);

/// Reads an address given as two operands, as nc takes it: `localhost 80`, `::1 http`. The host may
/// carry a scheme (`tcp4:localhost 80`) or brackets, but no port of its own. Throws AddressError,
/// naming the operand at fault.
Address make_address(std::string_view host, std::string_view port);

/// A Unix stream socket by its path alone; `@NAME` is in the abstract namespace. Throws
/// AddressError.
Address make_unix_address(std::string_view path);

}  // namespace ioa

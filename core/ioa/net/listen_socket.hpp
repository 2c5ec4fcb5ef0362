#pragma once

#include <sys/socket.h>
#include <sys/types.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ioa/base/clock.hpp"
#include "ioa/base/error.hpp"
#include "ioa/base/unique_fd.hpp"
#include "ioa/future/future.hpp"
#include "ioa/net/host_service.hpp"
#include "ioa/net/socket_address.hpp"
#include "ioa/net/socket_options.hpp"
#include "ioa/net/unix_socket_file.hpp"

namespace ioa {

class Resolver;
class SocketCalls;

/// One address that could not be listened at.
struct ListenFailure {
  /// The system call that failed: "socket", "setsockopt", "bind" (also for a Unix path that is
  /// taken), "chmod" or "listen".
  std::string syscall;
  SocketAddress address;
  /// The errno value.
  int error_number = 0;
  /// What failed where the address does not say it ("SO_BINDTODEVICE eth9"), or why.
  std::string detail;

  /// The same as an Error: "bind [::1]:80: Permission denied (EACCES)".
  Error to_error() const;
};

/// Not one socket could be opened, with all that was tried.
///
/// As an Error: operation() and code() are those of the worst failure (listen counts more than
/// bind, bind more than setsockopt and socket; among equals the last), subject() is what was asked
/// for, detail() names the addresses where that does not. An empty code() means that there was
/// nothing to try.
class ListenError : public Error {
 public:
  ListenError(Error summary, std::vector<ListenFailure> attempts)
      : Error(std::move(summary)), attempts_(std::move(attempts)) {}

  /// Every attempt, in its order.
  const std::vector<ListenFailure>& attempts() const noexcept { return attempts_; }

 private:
  std::vector<ListenFailure> attempts_;
};

/// Where to listen, and how.
struct ListenRequest {
  /// A name or numeric address; empty for every address of this host.
  std::string host;
  /// A service name or port; empty, or 0, for a port that the kernel chooses.
  std::string service;
  /// If set, these are listened at, each for itself, and host and service are ignored.
  std::optional<std::vector<SocketAddress>> addresses;

  /// Look up, and use, this family only.
  Family family = Family::any;
  /// SOCK_STREAM, SOCK_SEQPACKET, or SOCK_DGRAM, which is bound only.
  int socktype = SOCK_STREAM;
  /// IPPROTO_*; 0 for the usual one.
  int protocol = 0;
  /// No look-up: a host that is a name fails with EAI_NONAME.
  bool numeric_host = false;
  /// The limit for the look-up; nothing for none.
  std::optional<Duration> timeout;

  /// Connections that may wait to be accepted; the kernel caps it (net.core.somaxconn).
  int backlog = SOMAXCONN;
  /// For the wildcard address: one IPv6 socket that takes IPv4 too, where this host has IPv6,
  /// instead of one of each family. Peers of IPv4 then have addresses mapped into IPv6 (RFC 4291
  /// s2.5.5.2).
  bool dual_stack = false;
  /// The permissions of a Unix socket's file; nothing for what the umask leaves of 0777.
  std::optional<mode_t> unix_mode;
  /// Set before binding. Where they do not say otherwise, streams have reuse_address, and IPv6
  /// sockets v6only (unless dual_stack, or an IPv4 address in IPv6's clothes, asks for the
  /// opposite).
  SocketOptions options;
};

/// A socket that listens (or, of SOCK_DGRAM, is bound).
struct ListenSocket {
  /// Takes a descriptor that listens already (or, of SOCK_DGRAM, is bound), from whoever opened it.
  /// One that listens becomes non-blocking for all who share it: accept(2) has no other way not to
  /// block. Throws Error if it is no socket, or (EINVAL) does not listen; it is closed then.
  static ListenSocket adopt(UniqueFd fd);

  /// Non-blocking, close-on-exec.
  UniqueFd fd;
  /// What it is bound to, its port included.
  SocketAddress address;
  int socktype = SOCK_STREAM;
  /// Its file, if it has one and is ours; goes before the descriptor.
  UnixSocketFile file;
};

/// The sockets of one request; there is at least one.
struct ListenSockets {
  std::vector<ListenSocket> sockets;
  /// The addresses that could not be had, in their order.
  std::vector<ListenFailure> failures;
};

/// Opens sockets that listen at every address of what `request` names: for a host and a service at
/// all that it has, with one port for all if the kernel chooses it.
///
///     ListenRequest request;
///     request.service = "8080";
///     ListenSockets opened = co_await open_listen_sockets(resolver, std::move(request));
///     loop.add(std::make_unique<Listener>(std::move(opened.sockets)));
///
/// What needs no look-up is done inside the call. It succeeds if at least one socket could be
/// opened: hosts without IPv6 are common; failures() of the result has the others.
///
/// UNIX: a socket file that nobody has any more is replaced. One that somebody has, or anything
/// else at that path, stays untouched, and the address is in use. `@NAME` has no file.
///
/// ERRORS: a failed look-up is an Error whose operation() is "resolve"; everything else is a
/// ListenError. OWNERSHIP: Resolver and SocketCalls must outlive the Future. CANCELLING: drop it.
/// `calls` are the system calls to use (a test's); null for the real ones.
Future<ListenSockets> open_listen_sockets(Resolver& resolver, ListenRequest request,
                                          SocketCalls* calls = nullptr);

}  // namespace ioa

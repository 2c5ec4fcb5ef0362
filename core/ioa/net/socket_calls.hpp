#pragma once

#include "ioa/base/unique_fd.hpp"
#include "ioa/net/socket_address.hpp"

namespace ioa {

/// The system calls of connecting, listening and accepting: the real ones, or what a test puts in
/// their place. Failures are in errno, as with the calls themselves.
class SocketCalls {
 public:
  virtual ~SocketCalls() = default;

  /// The real ones.
  static SocketCalls& system() noexcept;

  /// socket(2): non-blocking and close-on-exec; empty if it fails.
  virtual UniqueFd socket(int family, int socktype, int protocol);
  /// bind(2): 0, or -1.
  virtual int bind(int fd, const SocketAddress& address);
  /// listen(2): 0, or -1.
  virtual int listen(int fd, int backlog);
  /// accept4(2): non-blocking and close-on-exec, and who it is; empty if it fails.
  virtual UniqueFd accept(int fd, SocketAddress& peer);
  /// connect(2): 0, or -1. Called again for a socket that was in progress it says how that went: 0
  /// if it is connected, EALREADY if it is still in progress, else the failure.
  virtual int connect(int fd, const SocketAddress& address);
  /// SO_ERROR of a socket that has become writable: how its connecting went, 0 for well.
  virtual int pending_error(int fd);
  /// getsockname(2); empty if it fails.
  virtual SocketAddress local_of(int fd);
};

}  // namespace ioa

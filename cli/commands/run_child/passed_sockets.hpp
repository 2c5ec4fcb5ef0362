#pragma once

#include <span>
#include <vector>

#include "cli/reporter.hpp"
#include "ioa/future/future.hpp"
#include "ioa/net/address.hpp"
#include "ioa/net/listen_socket.hpp"
#include "ioa/net/resolver.hpp"

namespace ioa::cli {

/// Sockets that a child gets bound: they stay open, and the same, however often it is run.
class PassedSockets {
 public:
  explicit PassedSockets(Loop& loop) : resolver_(loop) {}

  /// Binds one address after the other. Fails with the Error of the first that cannot be had. All
  /// of what is given outlives the Future.
  Future<> bind(std::span<const Address> addresses, Reporter& reporter);

  /// In their order; borrowed.
  std::span<const int> fds() const noexcept { return fds_; }

 private:
  Resolver resolver_;
  std::vector<ListenSocket> sockets_;
  std::vector<int> fds_;
};

}  // namespace ioa::cli

#pragma once

#include <cstddef>
#include <deque>
#include <span>

#include "ioa/net/resolver.hpp"
#include "ioa/net/socket_address.hpp"

/// What a Connector is made of; not part of the interface.
namespace ioa::detail {

/// A peer to try, and where from: an empty local address is the system's choice.
struct ConnectCandidate {
  ResolvedAddress peer;
  SocketAddress local;
};

/// The candidates that have not been tried yet.
class CandidateList {
 public:
  enum class Position { first, last };

  /// Adds each peer with each local address of its family, the first local address with all of them
  /// first (as IO::Async::Connector does); without `locals`, each peer as it is. Their order is
  /// kept.
  void add(std::span<const ResolvedAddress> peers, std::span<const SocketAddress> locals,
           Position position = Position::last);

  /// Takes out the first candidate.
  ConnectCandidate next();
  /// Takes out the first one whose family is not that of the one before (RFC 8305 s4: families by
  /// turns), or else the first.
  ConnectCandidate next_by_turns();

  bool empty() const noexcept { return candidates_.empty(); }
  std::size_t size() const noexcept { return candidates_.size(); }

 private:
  std::deque<ConnectCandidate> candidates_;
  int last_family_ = AF_UNSPEC;
};

}  // namespace ioa::detail

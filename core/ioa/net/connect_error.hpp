#pragma once

#include <optional>
#include <string>
#include <vector>

#include "ioa/base/clock.hpp"
#include "ioa/net/connector.hpp"

/// How a Connector words its failures; not part of the interface.
namespace ioa::detail {

/// What is connected to, as an error's subject: "example.com:80", "[::1]:80", "unix:/run/x"; empty
/// for a list of several addresses.
std::string target_of(const ConnectRequest& request);

/// What is known when a connection has failed for good.
struct ConnectFailure {
  std::string target;
  std::vector<AttemptFailure> attempts;
  /// Failures of look-ups, each with its family in words ("IPv6").
  std::vector<std::string> lookups;
  std::vector<SocketAddress> pending;
  std::size_t untried = 0;
};

/// All attempts have failed; there is at least one.
ConnectError all_failed(ConnectFailure failure);
/// The limit was reached.
ConnectError timed_out(ConnectFailure failure, Duration limit, bool is_looking_up);
/// There is nothing to try, for this reason.
ConnectError nothing_to_try(const std::string& target, std::string reason);

/// Whether this failed look-up says that the name has no address, rather than that nobody knows.
bool is_negative_answer(const Error& error);

}  // namespace ioa::detail

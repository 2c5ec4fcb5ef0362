#pragma once

#include <optional>

#include "cli/context.hpp"
#include "ioa/base/clock.hpp"
#include "ioa/future/future.hpp"
#include "ioa/net/connector.hpp"

namespace ioa::cli {

/// Whether TCP Fast Open can be used here (sysctl net.ipv4.tcp_fastopen); if not, says so with -v.
bool has_fast_open(Context& context);

/// Ends the waiting of a socket that has been told to connect with its first bytes (RFC 7413):
/// where `input_fd` has none ready, the peer may be the one to speak first, and it is connected
/// without. Says with -v what has become of it. Fails with the Error of that connection, or with
/// kind `timeout` after `limit`. `made` must outlive the Future.
Future<> settle_fast_open(Context& context, const Connection& made, int input_fd,
                          std::optional<Duration> limit);

/// Says with -v whether the connection has become one of Multipath TCP (RFC 8684).
void note_multipath(Context& context, int fd);

}  // namespace ioa::cli

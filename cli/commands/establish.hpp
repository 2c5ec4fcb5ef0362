#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "cli/backoff.hpp"
#include "cli/commands/connect_options.hpp"
#include "cli/context.hpp"
#include "cli/exit_status.hpp"
#include "ioa/base/error.hpp"
#include "ioa/future/future.hpp"
#include "ioa/net/connector.hpp"

namespace ioa::cli {

/// Connects to `peer` as the options say, trying again where they say so. `options` must outlive
/// the Future. Fails with the Error of the last try; a time limit is named by its option.
Future<Connection> establish(Context& context, const ConnectOptions& options, Address peer,
                             std::int64_t connection);

/// One try of that. `left_to_wait` is what is left of --wait, if that has an end.
Future<Connection> connect_once(Context& context, const ConnectOptions& options, Address peer,
                                std::int64_t connection, std::optional<Duration> left_to_wait);

/// Says that it is tried again after `delay`, the last try having failed because of `reason`.
void report_retry(Context& context, std::int64_t connection, const Backoff& backoff, Duration delay,
                  std::string_view reason);

/// Whether it is a limit of ours that was reached, and not one of the system's.
bool is_time_limit(const Error& error) noexcept;

/// Whether an address was connected to, and the connection reset before anything was done with it.
bool is_reset_connection(const Error& error) noexcept;

/// A limit that was reached (is_time_limit), in the words of the option --connect-timeout, which
/// has set it.
Error name_connect_limit(const Error& error, Duration limit);

/// The status that a failure to connect means: 3, 4, 1 for a connection that was reset, or 124 for
/// the time limit.
ExitStatus status_of_failure(const Error& error) noexcept;

}  // namespace ioa::cli

#pragma once

#include <span>
#include <string>
#include <string_view>

#include "cli/commands/listen/listen_options.hpp"
#include "cli/commands/listen/listen_sockets.hpp"
#include "cli/reporter.hpp"

namespace ioa::cli {

/// Writes --port-file, if there is to be one: whole, by rename(2). Throws Error (operation "open",
/// "write" or "rename").
void write_port_file(std::span<const ListenPlace> places, const ListenOptions& options);

/// Tells those who wait for it that the sockets listen: --ready-fd, and the service manager. Throws
/// Error (operation "write") if the first cannot be told; of the other one is only warned.
void tell_ready(std::span<const ListenPlace> places, const ListenOptions& options,
                Reporter& reporter);

/// sd_notify(3): sends `state` ("READY=1") to the socket that $NOTIFY_SOCKET names; nothing where
/// it is not set. Returns 0 or an errno value.
int notify_manager(std::string_view state) noexcept;

/// The lines of --port-file: a port, or `unix:PATH`, for each place.
std::string port_lines(std::span<const ListenPlace> places);
/// The lines of --ready-fd: `ADDRESS PORT`, or `unix:PATH`, for each place.
std::string address_lines(std::span<const ListenPlace> places);

}  // namespace ioa::cli

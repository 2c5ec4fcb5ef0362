#pragma once

#include "cli/commands/listen/listen_options.hpp"

namespace ioa::cli {

class OptionValues;

/// What is said of datagrams: -u with --to, --frame, --mtu and -i, once the addresses are known.
/// Holds the options that were given to what sockets of datagrams have. Throws UsageError.
void read_listen_datagrams(const OptionValues& values, ListenOptions& options);

/// Whether peers of what is listened at speak in datagrams over one socket.
bool has_conversations(const Address& address) noexcept;

/// Whether there may be any, among sockets that are passed as well.
bool may_have_conversations(const ListenOptions& options) noexcept;

/// Whether what is sent to --to keeps its boundaries.
bool forwards_datagrams(const ListenOptions& options) noexcept;

/// Whether peers of datagrams are served datagram by datagram, which nothing on the way changes.
bool passes_datagrams_on(const ListenOptions& options) noexcept;

}  // namespace ioa::cli

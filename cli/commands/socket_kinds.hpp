#pragma once

#include <string_view>

#include "cli/commands/connect_options.hpp"
#include "ioa/net/address.hpp"

namespace ioa::cli {

class OptionValues;

/// Makes what was written as `operand` a datagram address if -u/--udp is given. Throws UsageError
/// if it names a scheme that has no datagrams.
void apply_udp(const OptionValues& values, Address& address, std::string_view operand);

/// Holds the options that were given to the kind of socket that `peer` needs. Throws UsageError.
void check_kind(const OptionValues& values, const Address& peer);

/// --frame and --mtu.
DatagramTuning read_datagrams(const OptionValues& values);

/// -s/--source where it is a path of a Unix socket; empty if it is none.
std::string read_source_path(const OptionValues& values);

/// Whether what is sent to `address` keeps its boundaries: UDP, Unix datagrams, seqpacket.
bool has_datagrams(const Address& address) noexcept;

/// What messages and results call the protocol: "tcp", "udp", "unix", "unix-dgram",
/// "unix-seqpacket".
std::string_view protocol_name(const Address& address) noexcept;

/// SOCK_STREAM, SOCK_DGRAM or SOCK_SEQPACKET.
int socket_type(const Address& address) noexcept;

}  // namespace ioa::cli

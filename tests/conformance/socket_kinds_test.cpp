// Every kind of datagram Socket, on every backend.
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "ioa/base/error.hpp"
#include "ioa/net/bind_socket.hpp"
#include "tests/conformance/socket_conformance.hpp"

namespace ioa::test {
namespace {

PacketPair connected_pair(int socktype) {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()) != 0)
    throw Error::from_errno(errno, "socketpair");
  return {std::make_unique<Socket>(UniqueFd(ends[0])),
          std::make_unique<Socket>(UniqueFd(ends[1])),
          {},
          {}};
}

PacketPair unix_datagrams() { return connected_pair(SOCK_DGRAM); }
PacketPair unix_packets() { return connected_pair(SOCK_SEQPACKET); }

PacketPair bound_pair(const SocketAddress& first, const SocketAddress& second) {
  try {
    PacketPair pair{std::make_unique<Socket>(open_bound_socket(first)),
                    std::make_unique<Socket>(open_bound_socket(second)),
                    {},
                    {}};
    pair.first_address = SocketAddress::local_of(pair.first->read_fd());
    pair.second_address = SocketAddress::local_of(pair.second->read_fd());
    return pair;
  } catch (const Error& error) {
    if (error.code().value() == EADDRNOTAVAIL || error.code().value() == EAFNOSUPPORT) return {};
    throw;
  }
}

PacketPair udp4() {
  const SocketAddress any_port = *SocketAddress::from_numeric("127.0.0.1", 0);
  return bound_pair(any_port, any_port);
}

PacketPair udp6() {
  const SocketAddress any_port = *SocketAddress::from_numeric("::1", 0);
  return bound_pair(any_port, any_port);
}

PacketPair connected_udp() {
  PacketPair pair = udp4();
  pair.first->connect(pair.second_address);
  pair.second->connect(pair.first_address);
  pair.first_address = pair.second_address = {};
  return pair;
}

/// By names in the abstract namespace, unconnected.
PacketPair named_unix_datagrams() {
  const std::string name = "@ioa-conformance-" + std::to_string(::getpid());
  return bound_pair(SocketAddress::unix_path(name + "-1"), SocketAddress::unix_path(name + "-2"));
}

const SocketKind kUdp4{"Udp4", &udp4};
const SocketKind kUdp6{"Udp6", &udp6};
const SocketKind kConnectedUdp{"ConnectedUdp", &connected_udp};
const SocketKind kUnixDatagram{"UnixDatagram", &unix_datagrams};
const SocketKind kNamedUnixDatagram{"NamedUnixDatagram", &named_unix_datagrams};
const SocketKind kSeqpacket{"Seqpacket", &unix_packets};

INSTANTIATE_TEST_SUITE_P(EveryKind, SocketConformance,
                         ::testing::Combine(::testing::Values(kUdp4, kUdp6, kConnectedUdp,
                                                              kUnixDatagram, kNamedUnixDatagram,
                                                              kSeqpacket),
                                            ::testing::ValuesIn(all_backends())),
                         SocketConformance::name_of);

INSTANTIATE_TEST_SUITE_P(ReliableKinds, ReliableSocketConformance,
                         ::testing::Combine(::testing::Values(kUnixDatagram, kNamedUnixDatagram,
                                                              kSeqpacket),
                                            ::testing::ValuesIn(all_backends())),
                         SocketConformance::name_of);

INSTANTIATE_TEST_SUITE_P(AddressedKinds, AddressedSocketConformance,
                         ::testing::Combine(::testing::Values(kUdp4, kUdp6, kNamedUnixDatagram),
                                            ::testing::ValuesIn(all_backends())),
                         SocketConformance::name_of);

}  // namespace
}  // namespace ioa::test

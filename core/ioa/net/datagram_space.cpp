#include "ioa/net/datagram_space.hpp"

#include <netinet/in.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

namespace ioa::detail {
namespace {

// Room for the larger one of the two that are understood.
constexpr std::size_t kControlSize = CMSG_SPACE(sizeof(in6_pktinfo));

template <class T>
T data_of(const cmsghdr& header) {
  T value;
  std::memcpy(&value, CMSG_DATA(&header), sizeof value);
  return value;
}

SocketAddress made_of(const in_addr& host, std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr = host;
  address.sin_port = htons(port);
  return {reinterpret_cast<const sockaddr*>(&address), sizeof address};
}

SocketAddress made_of(const in6_pktinfo& info, std::uint16_t port) {
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_addr = info.ipi6_addr;
  address.sin6_port = htons(port);
  // Only these mean nothing without their zone.
  if (IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr) || IN6_IS_ADDR_MC_LINKLOCAL(&info.ipi6_addr))
    address.sin6_scope_id = info.ipi6_ifindex;
  return {reinterpret_cast<const sockaddr*>(&address), sizeof address};
}

/// Whether it can be the source of a datagram, as far as the address tells.
bool may_be_source(const in_addr& host) noexcept {
  const in_addr_t number = ntohl(host.s_addr);
  return !IN_MULTICAST(number) && number != INADDR_BROADCAST;
}

/// The same; IPv4 may stand in IPv6's clothes, with nothing to say which address of ours a
/// broadcast came by.
bool may_be_source(const in6_addr& host) noexcept {
  if (IN6_IS_ADDR_MULTICAST(&host)) return false;
  if (!IN6_IS_ADDR_V4MAPPED(&host)) return true;
  in_addr mapped{};
  std::memcpy(&mapped, host.s6_addr + sizeof host - sizeof mapped, sizeof mapped);
  return may_be_source(mapped);
}

void read_local_address(const cmsghdr& header, std::uint16_t port, DatagramInfo& datagram) {
  if (header.cmsg_level == IPPROTO_IP && header.cmsg_type == IP_PKTINFO) {
    const auto info = data_of<in_pktinfo>(header);
    datagram.to = made_of(info.ipi_addr, port);
    // What had arrived before the option was set has no ipi_spec_dst, ip(7).
    if (info.ipi_spec_dst.s_addr != INADDR_ANY)
      datagram.reply_from = made_of(info.ipi_spec_dst, port);
    else if (may_be_source(info.ipi_addr))
      datagram.reply_from = datagram.to;
  } else if (header.cmsg_level == IPPROTO_IPV6 && header.cmsg_type == IPV6_PKTINFO) {
    const auto info = data_of<in6_pktinfo>(header);
    datagram.to = made_of(info, port);
    if (may_be_source(info.ipi6_addr)) datagram.reply_from = datagram.to;
  }
}

}  // namespace

struct DatagramSpace::Memory {
  struct Control {
    alignas(cmsghdr) std::array<char, kControlSize> bytes;
  };
  std::array<mmsghdr, kMaxBatch> headers;
  std::array<iovec, kMaxBatch> pieces;
  std::array<sockaddr_storage, kMaxBatch> senders;
  std::array<Control, kMaxBatch> controls;
  std::unique_ptr<char[]> bytes{new char[kBytes]};  // not initialised
};

std::unique_ptr<DatagramSpace::Memory>& DatagramSpace::spare() {
  static thread_local std::unique_ptr<Memory> memory;
  return memory;
}

DatagramSpace::DatagramSpace() : memory_(std::move(spare())) {
  if (!memory_) memory_ = std::make_unique<Memory>();
}

DatagramSpace::~DatagramSpace() { spare() = std::move(memory_); }

std::span<mmsghdr> DatagramSpace::prepare(std::size_t count, std::size_t size, bool wants_control) {
  count = std::max<std::size_t>(1, std::min({count, kMaxBatch, kBytes / size}));
  for (std::size_t i = 0; i < count; ++i) {
    memory_->pieces[i] = {memory_->bytes.get() + i * size, size};
    mmsghdr& header = memory_->headers[i];
    header = {};
    header.msg_hdr.msg_name = &memory_->senders[i];
    header.msg_hdr.msg_namelen = sizeof(sockaddr_storage);
    header.msg_hdr.msg_iov = &memory_->pieces[i];
    header.msg_hdr.msg_iovlen = 1;
    if (!wants_control) continue;
    header.msg_hdr.msg_control = memory_->controls[i].bytes.data();
    header.msg_hdr.msg_controllen = kControlSize;
  }
  return {memory_->headers.data(), count};
}

Datagram DatagramSpace::at(std::size_t index, std::uint16_t local_port) const {
  mmsghdr& header = memory_->headers[index];
  const iovec& piece = memory_->pieces[index];
  Datagram datagram;
  datagram.from = SocketAddress(reinterpret_cast<const sockaddr*>(&memory_->senders[index]),
                                header.msg_hdr.msg_namelen);
  datagram.size = header.msg_len;
  datagram.is_truncated = (header.msg_hdr.msg_flags & MSG_TRUNC) != 0;
  datagram.bytes = {static_cast<const char*>(piece.iov_base),
                    std::min<std::size_t>(header.msg_len, piece.iov_len)};
  for (cmsghdr* control = CMSG_FIRSTHDR(&header.msg_hdr); control != nullptr;
       control = CMSG_NXTHDR(&header.msg_hdr, control))
    read_local_address(*control, local_port, datagram);
  return datagram;
}

}  // namespace ioa::detail

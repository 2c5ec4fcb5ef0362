#include "ioa/net/conversation.hpp"

#include <netinet/in.h>

#include <cerrno>
#include <functional>
#include <string>

#include "ioa/net/datagram_server.hpp"

namespace ioa {
namespace {

bool has_name(const SocketAddress& peer) {
  return peer.is_inet() || (peer.is_unix() && !peer.host().empty());
}

/// The bytes that operator== compares, but for the port.
std::string_view host_bytes(const SocketAddress& address) noexcept {
  const auto* data = reinterpret_cast<const char*>(address.data());
  if (address.family() == AF_INET) return {data + offsetof(sockaddr_in, sin_addr), sizeof(in_addr)};
  if (address.family() == AF_INET6)
    return {data + offsetof(sockaddr_in6, sin6_addr), sizeof(in6_addr)};
  return {};
}

}  // namespace

std::size_t detail::SocketAddressHash::operator()(const SocketAddress& address) const noexcept {
  constexpr std::size_t kOddNumber = 0x9e3779b97f4a7c15;  // 2^64 / golden ratio
  if (address.is_unix()) return std::hash<std::string>()(address.host());
  return std::hash<std::string_view>()(host_bytes(address)) ^ (address.port() * kOddNumber);
}

Conversation::Conversation(DatagramServer& server, const Datagram& first)
    : server_(server),
      peer_(first.from),
      local_(first.to.empty() ? server.address() : first.to),
      reply_from_(first.reply_from),
      is_answerable_(has_name(first.from)) {}

void Conversation::removing_from_loop(Loop&) { server_.forget(*this); }

void Conversation::send(std::string_view bytes) {
  if (loop() == nullptr || server_.loop() == nullptr) return;
  if (is_answerable_) return server_.send(*this, bytes);
  failed({peer_, false, Error::from_errno(EDESTADDRREQ, "send", "", "the peer has no name")});
}

bool Conversation::is_writable() const noexcept { return server_.socket_.is_writable(); }

std::size_t Conversation::pending_datagrams() const noexcept {
  server_.settle_queue(0);
  return pending_datagrams_;
}
std::size_t Conversation::pending_bytes() const noexcept {
  server_.settle_queue(0);
  return pending_bytes_;
}
std::uint64_t Conversation::bytes_sent() const noexcept {
  return bytes_given_ - bytes_failed_ - pending_bytes();
}
std::uint64_t Conversation::datagrams_sent() const noexcept {
  return datagrams_given_ - datagrams_failed_ - pending_datagrams();
}

void Conversation::pause() {
  if (is_paused_ || loop() == nullptr) return;
  is_paused_ = true;
  server_.count_paused(true);
}

void Conversation::resume() {
  if (!is_paused_) return;
  is_paused_ = false;
  server_.count_paused(false);
}

void Conversation::received(const Datagram& datagram) {
  if (is_paused_ && server_.drops_when_paused_) {
    ++dropped_;
    return on_dropped_(*this);
  }
  bytes_received_ += datagram.bytes.size();
  ++datagrams_received_;
  if (datagram.is_truncated) ++truncated_;
  on_receive_(*this, datagram);
}

void Conversation::failed(const UndeliveredDatagram& datagram) {
  ++undelivered_;
  on_undelivered_(*this, datagram);
}

}  // namespace ioa

#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "ioa/base/unique_fd.hpp"
#include "ioa/net/socket_address.hpp"

namespace ioa::test {

/// The other end of a conversation of datagrams, driven by the test with calls that give up after
/// 20 s.
class DatagramPeer {
 public:
  /// UDP on 127.0.0.1, or ::1.
  explicit DatagramPeer(bool ipv6 = false);
  /// A Unix datagram socket at `path`; '@' stands for the abstract namespace.
  explicit DatagramPeer(const std::string& path);

  std::string port() const { return std::to_string(SocketAddress::local_of(fd_.get()).port()); }
  /// The next datagram, whose sender is from() afterwards.
  std::string receive();
  /// True if there is none at this moment.
  bool is_empty() const;
  const SocketAddress& from() const noexcept { return from_; }
  /// Makes `to` the one that send() sends to.
  void speak_to(const SocketAddress& to) { from_ = to; }
  /// To who sent the last one.
  void send(std::string_view datagram);
  int fd() const noexcept { return fd_.get(); }
  /// Is gone: UDP answers with an ICMP error from then on.
  void close() { fd_.reset(); }

 private:
  UniqueFd fd_;
  SocketAddress from_;
};

}  // namespace ioa::test

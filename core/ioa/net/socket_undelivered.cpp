#include <netinet/in.h>
#include <sys/socket.h>
#include <time.h>

// Needs timespec, which it does not include.
#include <linux/errqueue.h>

#include <array>
#include <cstring>
#include <optional>
#include <utility>
#include <vector>

#include "ioa/base/syscall.hpp"
#include "ioa/net/socket.hpp"
#include "ioa/net/socket_options.hpp"
#include "ioa/net/socket_state.hpp"

namespace ioa {
namespace {

/// ip(7), IP_RECVERR: what came back of one datagram. The kernel also keeps what a send has been
/// told already: nothing, with a zero.
struct KeptError {
  SocketAddress to;
  int error_number = 0;
};

std::optional<KeptError> take_error(int fd) {
  sockaddr_storage to{};
  // Room for the error, and for the address of whoever sent it.
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(sock_extended_err) + sizeof(sockaddr_in6))>
      control{};
  msghdr message{};
  message.msg_name = &to;
  message.msg_namelen = sizeof to;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  const ssize_t size =
      retry_on_eintr([&] { return ::recvmsg(fd, &message, MSG_ERRQUEUE | MSG_DONTWAIT); });
  if (size < 0) return std::nullopt;
  KeptError kept{SocketAddress(reinterpret_cast<const sockaddr*>(&to), message.msg_namelen)};
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr;
       header = CMSG_NXTHDR(&message, header)) {
    const bool is_v4 = header->cmsg_level == IPPROTO_IP && header->cmsg_type == IP_RECVERR;
    const bool is_v6 = header->cmsg_level == IPPROTO_IPV6 && header->cmsg_type == IPV6_RECVERR;
    if (!is_v4 && !is_v6) continue;
    sock_extended_err error{};
    std::memcpy(&error, CMSG_DATA(header), sizeof error);
    if (error.ee_origin == SO_EE_ORIGIN_ICMP || error.ee_origin == SO_EE_ORIGIN_ICMP6)
      kept.error_number = static_cast<int>(error.ee_errno);
  }
  return kept;
}

}  // namespace

void Socket::on_undelivered(UndeliveredCallback callback) {
  settings().on_undelivered = std::move(callback);
  if (is_open()) want_undelivered();
}

void Socket::want_undelivered() const noexcept {
  if (is_inet_) want_icmp_errors(read_fd(), static_cast<bool>(settings_->on_undelivered));
}

/// Tells what the kernel has kept of errors, a batch at most. Returns whether there was anything.
bool Socket::tell_undelivered() {
  if (!is_inet_ || !settings_ || !settings_->on_undelivered) return false;
  std::vector<KeptError> all;
  while (all.size() < kBatch) {
    std::optional<KeptError> kept = take_error(read_fd());
    if (!kept) break;
    all.push_back(std::move(*kept));
  }
  for (const KeptError& kept : all) {
    if (loop() == nullptr || !is_open()) break;
    if (kept.error_number == 0) continue;
    const Error error = Error::from_errno(kept.error_number, "receive", kept.to.to_string());
    settings_->on_undelivered(*this, {kept.to, true, error});
  }
  return !all.empty();
}

}  // namespace ioa

#include "tests/support/datagram_peer.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <cerrno>

#include "ioa/base/error.hpp"

namespace ioa::test {
namespace {

[[noreturn]] void fail(const char* operation) { throw Error::from_errno(errno, operation); }

UniqueFd bound_to(const SocketAddress& address) {
  UniqueFd fd(::socket(address.family(), SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (::bind(fd.get(), address.data(), address.size()) != 0) fail("bind");
  return fd;
}

}  // namespace

DatagramPeer::DatagramPeer(bool ipv6)
    : fd_(bound_to(SocketAddress::from_numeric(ipv6 ? "::1" : "127.0.0.1", 0).value())) {}

DatagramPeer::DatagramPeer(const std::string& path)
    : fd_(bound_to(SocketAddress::unix_path(path))) {}

std::string DatagramPeer::receive() {
  pollfd entry{fd_.get(), POLLIN, 0};
  if (::poll(&entry, 1, 20'000) <= 0) {
    errno = ETIMEDOUT;
    fail("the test's peer");
  }
  std::string bytes(300'000, '\0');
  sockaddr_storage from{};
  socklen_t size = sizeof from;
  const ssize_t got = ::recvfrom(fd_.get(), bytes.data(), bytes.size(), 0,
                                 reinterpret_cast<sockaddr*>(&from), &size);
  if (got < 0) fail("recvfrom");
  from_ = SocketAddress(reinterpret_cast<const sockaddr*>(&from), size);
  bytes.resize(static_cast<std::size_t>(got));
  return bytes;
}

bool DatagramPeer::is_empty() const {
  pollfd entry{fd_.get(), POLLIN, 0};
  return ::poll(&entry, 1, 0) == 0;
}

void DatagramPeer::send(std::string_view datagram) {
  if (::sendto(fd_.get(), datagram.data(), datagram.size(), MSG_NOSIGNAL, from_.data(),
               from_.size()) != static_cast<ssize_t>(datagram.size()))
    fail("sendto");
}

}  // namespace ioa::test

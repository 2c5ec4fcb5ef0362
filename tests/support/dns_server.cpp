#include "tests/support/dns_server.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <stdexcept>
#include <utility>

#include "ioa/base/error.hpp"

namespace ioa::test {
namespace {

int checked(int result, const char* operation) {
  if (result < 0) throw Error::from_errno(errno, operation);
  return result;
}

UniqueFd bound(int type, const SocketAddress& address) {
  UniqueFd fd(checked(::socket(AF_INET, type | SOCK_CLOEXEC, 0), "socket"));
  const int size = 4 << 20;
  static_cast<void>(::setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUF, &size, sizeof size));
  const int yes = 1;
  if (type == SOCK_STREAM)
    static_cast<void>(::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes));
  if (::bind(fd.get(), address.data(), address.size()) != 0) return UniqueFd();
  if (type == SOCK_STREAM) checked(::listen(fd.get(), 64), "listen");
  return fd;
}

}  // namespace

DnsServer::DnsServer(Script script) : script_(std::move(script)) {
  stop_ = UniqueFd(checked(::eventfd(0, EFD_CLOEXEC), "eventfd"));
  for (int attempt = 0; attempt < 100 && !tcp_; ++attempt) {
    udp_ = bound(SOCK_DGRAM, *SocketAddress::from_numeric("127.0.0.1", 0));
    address_ = SocketAddress::local_of(udp_.get());
    tcp_ = bound(SOCK_STREAM, address_);  // the port may be somebody else's there
  }
  if (!tcp_) throw std::runtime_error("no port for a name server");
  thread_ = std::thread([this] { serve(); });
}

DnsServer::~DnsServer() { stop(); }

void DnsServer::stop() {
  if (!thread_.joinable()) return;
  checked(::eventfd_write(stop_.get(), 1), "eventfd_write");
  thread_.join();
  streams_.clear();
  udp_.reset();
  tcp_.reset();
}

std::vector<DnsQuery> DnsServer::asked() const {
  const std::lock_guard lock(mutex_);
  return asked_;
}

DnsServer::Replies DnsServer::answer(std::string_view message, bool is_tcp) {
  DnsQuery query = read_query(message);
  query.is_tcp = is_tcp;
  {
    const std::lock_guard lock(mutex_);
    query.number = numbers_[query.name + ' ' + std::to_string(query.type)]++;
    asked_.push_back(query);
  }
  return script_(query);
}

void DnsServer::serve_datagram() {
  std::array<char, 4096> buffer{};
  sockaddr_storage from{};
  socklen_t size = sizeof from;
  auto* sender = reinterpret_cast<sockaddr*>(&from);
  const ssize_t got = ::recvfrom(udp_.get(), buffer.data(), buffer.size(), 0, sender, &size);
  if (got < 0) return;
  for (const std::string& reply :
       answer(std::string_view(buffer.data(), static_cast<std::size_t>(got)), false))
    static_cast<void>(::sendto(udp_.get(), reply.data(), reply.size(), 0, sender, size));
}

/// One question of a connection; false if that is to end.
bool DnsServer::serve_stream(int fd) {
  std::array<char, 4096> buffer{};
  if (::recv(fd, buffer.data(), 2, MSG_WAITALL) != 2) return false;
  const auto size = static_cast<std::size_t>(static_cast<unsigned char>(buffer[0]) << 8 |
                                             static_cast<unsigned char>(buffer[1]));
  if (size > buffer.size() ||
      ::recv(fd, buffer.data(), size, MSG_WAITALL) != static_cast<ssize_t>(size))
    return false;
  const Replies replies = answer(std::string_view(buffer.data(), size), true);
  for (const std::string& reply : replies) {
    const std::string framed = wire_u16(static_cast<std::uint32_t>(reply.size())) + reply;
    if (::send(fd, framed.data(), framed.size(), MSG_NOSIGNAL) < 0) return false;
  }
  return !replies.empty();
}

void DnsServer::serve() {
  for (;;) {
    std::vector<pollfd> fds{
        {stop_.get(), POLLIN, 0}, {udp_.get(), POLLIN, 0}, {tcp_.get(), POLLIN, 0}};
    for (const UniqueFd& stream : streams_) fds.push_back({stream.get(), POLLIN, 0});
    if (::poll(fds.data(), fds.size(), -1) < 0) continue;
    if (fds[0].revents != 0) return;
    if (fds[1].revents != 0) serve_datagram();
    for (std::size_t i = 3; i < fds.size(); ++i)
      if (fds[i].revents != 0 && !serve_stream(fds[i].fd))
        std::erase_if(streams_, [&](const UniqueFd& each) { return each.get() == fds[i].fd; });
    if (fds[2].revents != 0)
      streams_.emplace_back(::accept4(fds[2].fd, nullptr, nullptr, SOCK_CLOEXEC));
  }
}

DnsServer::Script always(DnsMessage message) {
  return [message = std::move(message)](const DnsQuery& query) -> DnsServer::Replies {
    return {message.wire(query)};
  };
}

DnsServer::Script hosts(std::map<std::string, std::vector<std::string>> addresses) {
  return [addresses = std::move(addresses)](const DnsQuery& query) -> DnsServer::Replies {
    DnsMessage message;
    const auto found = addresses.find(query.name);
    if (found == addresses.end()) {
      message.rcode = 3;
    } else {
      for (const std::string& address : found->second)
        if ((address.find(':') != std::string::npos) == (query.type == 28))
          message.answers.push_back(address_record(query.name, address));
    }
    return {message.wire(query)};
  };
}

}  // namespace ioa::test

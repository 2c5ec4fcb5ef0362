#include "ioa/ares/tcp_channel.hpp"

#include <ares.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <new>

#include "ioa/base/error.hpp"
#include "ioa/base/syscall.hpp"
#include "ioa/base/unique_fd.hpp"
#include "ioa/loop/loop.hpp"
#include "ioa/loop/watch.hpp"

namespace ioa::detail {
namespace {

// What this has no use for is not read from files: no domains to search, no hosts file.
constexpr int kOptions = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_NDOTS |
                         ARES_OPT_DOMAINS | ARES_OPT_LOOKUPS | ARES_OPT_SOCK_STATE_CB |
                         ARES_OPT_RESOLVCONF;
// Replies that say that the server failed are replies.
constexpr int kFlags =
    ARES_FLAG_USEVC | ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES | ARES_FLAG_NOCHECKRESP;

int milliseconds_of(Duration duration) {
  using std::chrono::milliseconds;
  constexpr milliseconds kLongest = std::chrono::hours(24);
  const auto count = std::chrono::ceil<milliseconds>(std::min<Duration>(duration, kLongest));
  return static_cast<int>(std::max<milliseconds::rep>(count.count(), 1));
}

}  // namespace

struct TcpChannel::Socket {
  Socket(Loop& loop, UniqueFd opened) : fd(std::move(opened)), watch(loop) {}
  UniqueFd fd;
  IoWatch watch;
};

/// Nothing is thrown through c-ares.
struct TcpChannel::Calls {
  static TcpChannel& self(void* data) { return *static_cast<TcpChannel*>(data); }

  static int open(int family, int type, int, void* data) {
    TcpChannel& channel = self(data);
    UniqueFd fd(::socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd) {
      channel.last_error_ = errno;
      return -1;
    }
    const int yes = 1;  // a failure costs speed at most
    static_cast<void>(::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes));
    const int number = fd.get();
    try {
      Socket& socket = channel.sockets_.emplace_back(channel.loop_, std::move(fd));
      // c-ares may close the socket: nothing of it may be used afterwards.
      socket.watch.set_callback([ares = channel.channel_, number](IoEvent event) {
        const bool reads = event == IoEvent::read;
        ::ares_process_fd(ares, reads ? number : ARES_SOCKET_BAD, reads ? ARES_SOCKET_BAD : number);
      });
    } catch (const std::bad_alloc&) {
      errno = channel.last_error_ = ENOMEM;
      return -1;
    }
    return number;
  }

  static int close(int fd, void* data) {
    self(data).sockets_.remove_if([&](const Socket& socket) { return socket.fd.get() == fd; });
    return 0;
  }

  /// c-ares knows the server without its zone.
  static int connect(int fd, const sockaddr*, socklen_t, void* data) {
    TcpChannel& channel = self(data);
    const int result = ::connect(fd, channel.server_.data(), channel.server_.size());
    if (result != 0 && errno != EINPROGRESS) channel.last_error_ = errno;
    return result;
  }

  static ssize_t receive(int fd, void* buffer, std::size_t size, int, sockaddr*, socklen_t*,
                         void* data) {
    return self(data).receive(fd, buffer, size);
  }

  static ssize_t send(int fd, const iovec* parts, int count, void* data) {
    return self(data).send(fd, {parts, static_cast<std::size_t>(count)});
  }

  static void state_changed(void* data, int fd, int readable, int writable) {
    Socket* socket = self(data).find(fd);
    if (socket == nullptr) return;
    IoEvents wanted;
    if (readable != 0) wanted = wanted.with(IoEvent::read);
    if (writable != 0) wanted = wanted.with(IoEvent::write);
    try {
      if (wanted.empty())
        socket->watch.stop();
      else if (socket->watch.is_started())
        socket->watch.want(wanted);
      else
        socket->watch.start(fd, wanted);
    } catch (const std::exception&) {
      self(data).last_error_ = ENOMEM;  // unwatched, its questions expire
    }
  }

  static void answered(void* argument, int status, int, unsigned char* reply, int size) {
    using End = AresProbe::End;
    auto& probe = *static_cast<AresProbe*>(argument);
    TcpChannel& channel = *probe.connection_;
    --channel.pending_;
    switch (status) {
      case ARES_SUCCESS:
        return probe.ended(End::reply, {reply, static_cast<std::size_t>(size)});
      case ARES_ETIMEOUT:
      case ARES_EDESTRUCTION:
      case ARES_ECANCELLED:
        return probe.ended(End::dropped, {});
      case ARES_ENOMEM:
        channel.last_error_ = ENOMEM;
        return probe.ended(End::broken, {});
      default:
        return probe.ended(End::broken, {});
    }
  }
};

TcpChannel::TcpChannel(Loop& loop, const SocketAddress& server, Duration expiry)
    : loop_(loop), server_(server) {
  static const ares_socket_functions kCalls{&Calls::open, &Calls::close, &Calls::connect,
                                            &Calls::receive, &Calls::send};
  char lookups[] = "b";
  char nothing[] = "/dev/null";
  ares_options options{};
  options.flags = kFlags;
  options.timeout = milliseconds_of(expiry);
  options.tries = 1;
  options.ndots = 1;
  options.lookups = lookups;
  options.resolvconf_path = nothing;
  options.sock_state_cb = &Calls::state_changed;
  options.sock_state_cb_data = this;
  if (::ares_init_options(&channel_, &options, kOptions) != ARES_SUCCESS)
    throw Error::from_errno(ENOMEM, "resolve", server.to_string());
  ares_addr_port_node node{};
  node.family = server.family();
  node.udp_port = node.tcp_port = server.port();
  if (node.family == AF_INET6)
    std::memcpy(&node.addr.addr6, &reinterpret_cast<const sockaddr_in6*>(server.data())->sin6_addr,
                sizeof node.addr.addr6);
  else
    node.addr.addr4 = reinterpret_cast<const sockaddr_in*>(server.data())->sin_addr;
  if (::ares_set_servers_ports(channel_, &node) != ARES_SUCCESS) {
    ::ares_destroy(channel_);
    throw Error::from_errno(ENOMEM, "resolve", server.to_string());
  }
  ::ares_set_socket_functions(channel_, &kCalls, this);
}

TcpChannel::~TcpChannel() { ::ares_destroy(channel_); }

void TcpChannel::ask(AresProbe& probe, AresQuery query) {
  query.set_id(random_number());
  probe.connection_ = this;
  ++pending_;
  ::ares_send(channel_, query.bytes.get(), static_cast<int>(query.size), &Calls::answered, &probe);
}

void TcpChannel::drop(AresProbe&) noexcept {}

void TcpChannel::expire() {
  if (pending_ > 0) ::ares_process_fd(channel_, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
}

void TcpChannel::clear() {
  if (pending_ > 0) ::ares_cancel(channel_);
}

TcpChannel::Socket* TcpChannel::find(int fd) noexcept {
  for (Socket& socket : sockets_)
    if (socket.fd.get() == fd) return &socket;
  return nullptr;
}

ssize_t TcpChannel::receive(int fd, void* buffer, std::size_t size) {
  const ssize_t received = retry_on_eintr([&] { return ::recv(fd, buffer, size, MSG_DONTWAIT); });
  if (received == 0) last_error_ = ECONNRESET;
  if (received < 0 && !would_block(errno)) last_error_ = errno;
  return received;
}

ssize_t TcpChannel::send(int fd, std::span<const iovec> parts) {
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(parts.data());
  message.msg_iovlen = parts.size();
  const ssize_t sent =
      retry_on_eintr([&] { return ::sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL); });
  if (sent < 0 && !would_block(errno)) last_error_ = errno;
  return sent;
}

}  // namespace ioa::detail

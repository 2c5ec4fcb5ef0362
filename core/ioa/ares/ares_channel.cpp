#include "ioa/ares/ares_channel.hpp"

#include <ares.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/random.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <new>

#include "ioa/ares/dns_error.hpp"
#include "ioa/ares/message_reader.hpp"
#include "ioa/base/error.hpp"
#include "ioa/base/syscall.hpp"
#include "ioa/loop/loop.hpp"

namespace ioa::detail {
namespace {

// What this has no use for is not read from files: no domains to search, no hosts file.
constexpr int kOptions = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_NDOTS |
                         ARES_OPT_DOMAINS | ARES_OPT_LOOKUPS | ARES_OPT_SOCK_STATE_CB |
                         ARES_OPT_EDNSPSZ | ARES_OPT_RESOLVCONF;
// Replies that say that the server failed are replies, and what is truncated is ours to ask again.
constexpr int kFlags =
    ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES | ARES_FLAG_NOCHECKRESP | ARES_FLAG_IGNTC;
constexpr int kLargestReply = 4096;  // c-ares' own limit for UDP

constexpr unsigned char kRcodeBits = 0x0f;

void set_response_code(unsigned char* message, DnsCode code) {
  message[3] = static_cast<unsigned char>((message[3] & ~kRcodeBits) | static_cast<int>(code));
}

int milliseconds_of(Duration duration) {
  using std::chrono::milliseconds;
  constexpr milliseconds kLongest = std::chrono::hours(24);
  const auto count = std::chrono::ceil<milliseconds>(std::min<Duration>(duration, kLongest));
  return static_cast<int>(std::max<milliseconds::rep>(count.count(), 1));
}

}  // namespace

struct AresChannel::Socket {
  Socket(Loop& loop, UniqueFd socket, bool is_datagram) : fd(std::move(socket)), watch(loop) {
    if (is_datagram) batch = std::make_unique<DatagramBatch>(fd.get());
  }
  UniqueFd fd;
  IoWatch watch;
  std::unique_ptr<DatagramBatch> batch;  // null for TCP
};

/// Nothing is thrown through c-ares.
struct AresChannel::Calls {
  static AresChannel& self(void* data) { return *static_cast<AresChannel*>(data); }

  static int open(int family, int type, int, void* data) {
    AresChannel& channel = self(data);
    UniqueFd fd(::socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd) {
      channel.last_error_ = errno;
      return -1;
    }
    const bool is_datagram = type == SOCK_DGRAM;
    const int yes = 1;
    // A failure costs speed at most.
    if (is_datagram)
      static_cast<void>(::setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUF, &channel.receive_buffer_,
                                     sizeof channel.receive_buffer_));
    else
      static_cast<void>(::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes));
    const int number = fd.get();
    try {
      Socket& socket = channel.sockets_.emplace_back(channel.loop_, std::move(fd), is_datagram);
      socket.watch.set_callback(
          [&channel, &socket](IoEvent event) { channel.ready(socket, event); });
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
  static int connect(int fd, const sockaddr* address, socklen_t size, void* data) {
    AresChannel& channel = self(data);
    channel.told_server_size_ = std::min<socklen_t>(size, sizeof channel.told_server_);
    std::memcpy(&channel.told_server_, address, channel.told_server_size_);
    const int result = ::connect(fd, channel.server_.data(), channel.server_.size());
    if (result != 0 && errno != EINPROGRESS) channel.last_error_ = errno;
    return result;
  }

  static ssize_t receive(int fd, void* buffer, std::size_t size, int, sockaddr* from,
                         socklen_t* from_size, void* data) {
    AresChannel& channel = self(data);
    Socket* socket = channel.find(fd);
    if (socket == nullptr) {
      errno = EBADF;
      return -1;
    }
    if (socket->batch == nullptr) return channel.receive_stream(fd, buffer, size);
    unsigned char* bytes = nullptr;
    for (;;) {
      const ssize_t received = socket->batch->receive(&bytes);
      if (received < 0) {
        if (!would_block(errno)) channel.last_error_ = errno;
        return -1;
      }
      const std::size_t length = std::min(static_cast<std::size_t>(received), size);
      if (!channel.is_for_ares(bytes, length)) continue;
      std::memcpy(buffer, bytes, length);
      // The socket is connected: the kernel has checked who sent it.
      if (from != nullptr && from_size != nullptr) {
        *from_size = std::min(*from_size, channel.told_server_size_);
        std::memcpy(from, &channel.told_server_, *from_size);
      }
      return static_cast<ssize_t>(length);
    }
  }

  static ssize_t send(int fd, const iovec* parts, int count, void* data) {
    AresChannel& channel = self(data);
    Socket* socket = channel.find(fd);
    if (socket == nullptr) {
      errno = EBADF;
      return -1;
    }
    const std::span<const iovec> all(parts, static_cast<std::size_t>(count));
    if (socket->batch == nullptr) return channel.send_stream(fd, all);
    try {
      channel.flush_.schedule();
      if (socket->batch->add(all) && !socket->watch.wanted().has(IoEvent::write))
        static_cast<void>(socket->batch->flush());
    } catch (const std::bad_alloc&) {
      errno = ENOMEM;
      return -1;
    }
    std::size_t size = 0;
    for (const iovec& part : all) size += part.iov_len;
    return static_cast<ssize_t>(size);
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
    auto& probe = *static_cast<AresProbe*>(argument);
    AresChannel& channel = *probe.channel_;
    channel.probes_[probe.id_] = nullptr;
    --channel.pending_;
    using End = AresProbe::End;
    switch (status) {
      case ARES_SUCCESS:
        if (probe.saw_format_error_) set_response_code(reply, DnsCode::format_error);
        return probe.ended(End::reply, {reply, static_cast<std::size_t>(size)});
      case ARES_ETIMEOUT:
        return probe.ended(End::expired, {});
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

AresChannel::AresChannel(Loop& loop, const SocketAddress& server, Transport transport,
                         int receive_buffer, Duration expiry)
    : loop_(loop),
      server_(server),
      receive_buffer_(receive_buffer),
      flush_(loop, [this] { flush(); }),
      probes_(std::size_t{UINT16_MAX} + 1) {
  static const ares_socket_functions kCalls{&Calls::open, &Calls::close, &Calls::connect,
                                            &Calls::receive, &Calls::send};
  char lookups[] = "b";
  char nothing[] = "/dev/null";
  ares_options options{};
  options.flags = kFlags | (transport == Transport::tcp ? ARES_FLAG_USEVC : ARES_FLAG_EDNS);
  options.timeout = milliseconds_of(expiry);
  options.tries = 1;
  options.ndots = 1;
  options.lookups = lookups;
  options.ednspsz = kLargestReply;
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

AresChannel::~AresChannel() { ::ares_destroy(channel_); }

void AresChannel::ask(AresProbe& probe, std::span<unsigned char> query) {
  probe.channel_ = this;
  probe.id_ = take_id(probe);
  ++pending_;
  query[0] = static_cast<unsigned char>(probe.id_ >> 8);
  query[1] = static_cast<unsigned char>(probe.id_ & 0xff);
  ::ares_send(channel_, query.data(), static_cast<int>(query.size()), &Calls::answered, &probe);
}

void AresChannel::expire() {
  if (pending_ > 0) ::ares_process_fd(channel_, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
}

void AresChannel::clear() {
  if (pending_ > 0) ::ares_cancel(channel_);
}

// RFC 5452 s9.2: numbers that nobody can guess.
std::uint16_t AresChannel::random_number() {
  if (random_left_ == 0) {
    const auto got = retry_on_eintr([&] { return ::getrandom(random_.data(), sizeof random_, 0); });
    if (got != static_cast<ssize_t>(sizeof random_))
      throw Error::from_errno(errno, "getrandom", {});
    random_left_ = random_.size();
  }
  return random_[--random_left_];
}

std::uint16_t AresChannel::take_id(AresProbe& probe) {
  std::uint16_t id = random_number();
  while (probes_[id] != nullptr) id = random_number();
  probes_[id] = &probe;
  return id;
}

AresChannel::Socket* AresChannel::find(int fd) noexcept {
  for (Socket& socket : sockets_)
    if (socket.fd.get() == fd) return &socket;
  return nullptr;
}

// c-ares may close the socket: nothing of it may be used afterwards.
void AresChannel::ready(Socket& socket, IoEvent event) {
  const int fd = socket.fd.get();
  if (socket.batch == nullptr) {
    const bool reads = event == IoEvent::read;
    ::ares_process_fd(channel_, reads ? fd : ARES_SOCKET_BAD, reads ? ARES_SOCKET_BAD : fd);
  } else if (event == IoEvent::write) {
    flush();
  } else {
    socket.batch->begin_reading();
    ::ares_process_fd(channel_, fd, ARES_SOCKET_BAD);
  }
}

void AresChannel::flush() {
  for (auto socket = sockets_.begin(); socket != sockets_.end();) {
    Socket& current = *socket++;
    if (current.batch == nullptr) continue;
    const bool is_sent = current.batch->flush();
    IoEvents wanted = IoEvent::read;
    if (!is_sent) wanted = wanted.with(IoEvent::write);
    if (current.watch.is_started() && current.watch.wanted() != wanted) current.watch.want(wanted);
    if (current.batch->has_error()) {
      current.batch->begin_reading();
      ::ares_process_fd(channel_, current.fd.get(), ARES_SOCKET_BAD);
      return;  // sockets may have come and gone; a new one has scheduled this again
    }
  }
}

ssize_t AresChannel::receive_stream(int fd, void* buffer, std::size_t size) {
  const ssize_t received = retry_on_eintr([&] { return ::recv(fd, buffer, size, MSG_DONTWAIT); });
  if (received == 0) last_error_ = ECONNRESET;
  if (received < 0 && !would_block(errno)) last_error_ = errno;
  return received;
}

ssize_t AresChannel::send_stream(int fd, std::span<const iovec> parts) {
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(parts.data());
  message.msg_iovlen = parts.size();
  const ssize_t sent =
      retry_on_eintr([&] { return ::sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL); });
  if (sent < 0 && !would_block(errno)) last_error_ = errno;
  return sent;
}

/// What is no reply, or to nothing that was asked, is dropped here. A probe remembers that it has
/// seen such a thing: if nothing better comes, that is what has happened.
bool AresChannel::is_for_ares(unsigned char* bytes, std::size_t size) noexcept {
  if (size < 2) return false;
  const MessageReader reader({bytes, size});
  AresProbe* probe = probes_[reader.u16(0)];
  if (probe == nullptr) return false;
  if (size < MessageReader::kHeaderSize || !reader.is_response() || !reader.skip_question()) {
    probe->saw_malformed_ = true;
    return false;
  }
  // c-ares would ask all that follows without EDNS, and then cut what is longer than 512 bytes.
  if (reader.response_code() == static_cast<int>(DnsCode::format_error)) {
    probe->saw_format_error_ = true;
    set_response_code(bytes, DnsCode::not_implemented);
  }
  return true;
}

}  // namespace ioa::detail

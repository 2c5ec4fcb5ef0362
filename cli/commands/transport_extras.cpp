#include "cli/commands/transport_extras.hpp"

#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string>

#include "ioa/base/error.hpp"
#include "ioa/future/promise.hpp"
#include "ioa/loop/timeout.hpp"
#include "ioa/loop/watch.hpp"

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

namespace ioa::cli {
namespace {

// linux/mptcp.h and linux/socket.h of newer systems.
constexpr int kSolMptcp = 284;
constexpr int kMptcpInfo = 1;

int option_of(int fd, int level, int name) noexcept {
  int value = 0;
  socklen_t size = sizeof value;
  return ::getsockopt(fd, level, name, &value, &size) == 0 ? value : 0;
}

/// connect(2) has returned, and the SYN waits for something to take along.
bool is_deferred(int fd) noexcept {
  tcp_info info{};
  socklen_t size = sizeof info;
  return ::getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) == 0 &&
         info.tcpi_state == TCP_SYN_SENT;
}

bool has_bytes_ready(int fd) noexcept {
  struct stat status {};
  if (::fstat(fd, &status) != 0) return false;
  if (S_ISREG(status.st_mode)) return ::lseek(fd, 0, SEEK_CUR) < status.st_size;
  int ready = 0;
  return ::ioctl(fd, FIONREAD, &ready) == 0 && ready > 0;
}

Future<> until_writable(Loop& loop, int fd) {
  Promise<> writable;
  IoWatch watch(loop);
  watch.set_callback([&](IoEvent) {
    watch.stop();
    writable.done();
  });
  watch.start(fd, IoEvent::write);
  co_await writable.future();
}

/// An empty write sends the SYN alone.
Future<> connect_now(Context& context, const Connection& made, std::optional<Duration> limit) {
  const int fd = made.fd.get();
  const ssize_t sent = ::send(fd, "", 0, MSG_DONTWAIT | MSG_NOSIGNAL);
  int error = sent < 0 && errno != EINPROGRESS && errno != EAGAIN ? errno : 0;
  if (error == 0) {
    Future<> writable = until_writable(context.loop, fd);
    if (limit) writable = with_timeout(context.loop, std::move(writable), *limit, "connect");
    co_await std::move(writable);
    error = option_of(fd, SOL_SOCKET, SO_ERROR);
  }
  if (error != 0) throw Error::from_errno(error, "connect", made.peer.to_string());
}

}  // namespace

bool has_fast_open(Context& context) {
  const UniqueFd probe(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int on = 1;
  if (::setsockopt(probe.get(), IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &on, sizeof on) == 0)
    return true;
  const Error why = Error::from_errno(errno, "setsockopt", "TCP_FASTOPEN_CONNECT");
  context.reporter.note(fmt::format("without TCP Fast Open: {}", why.what()));
  return false;
}

Future<> settle_fast_open(Context& context, const Connection& made, int input_fd,
                          std::optional<Duration> limit) {
  const int fd = made.fd.get();
  if (option_of(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT) == 0) co_return;
  if (!is_deferred(fd)) {
    context.reporter.note("connected without Fast Open, as the peer has given no cookie before");
  } else if (has_bytes_ready(input_fd)) {
    context.reporter.note("the first bytes go with the SYN (Fast Open)");
  } else {
    context.reporter.note("connecting without Fast Open, as there is nothing to send yet");
    co_await connect_now(context, made, limit);
  }
}

void note_multipath(Context& context, int fd) {
  if (!context.reporter.is_verbose()) return;
  std::array<char, 256> info{};
  socklen_t size = info.size();
  if (option_of(fd, SOL_SOCKET, SO_PROTOCOL) != IPPROTO_MPTCP)
    context.reporter.note("plain TCP, as this system has no Multipath TCP");
  else if (::getsockopt(fd, kSolMptcp, kMptcpInfo, info.data(), &size) != 0)
    context.reporter.note("plain TCP, as the peer has no Multipath TCP");
  else
    context.reporter.note("connected by Multipath TCP");
}

}  // namespace ioa::cli

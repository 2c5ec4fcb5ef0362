#include "cli/commands/udp_probe.hpp"

#include <array>
#include <exception>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "ioa/base/error.hpp"
#include "ioa/loop/timeout.hpp"
#include "ioa/net/socket.hpp"
#include "ioa/net/socket_options.hpp"

namespace ioa::cli {
namespace {

using namespace std::string_view_literals;

// RFC 1035 s4.1: a query (without recursion) for the name servers of the root, which every name
// server answers, if only by refusing.
constexpr std::string_view kDnsQuery = "\x10\xa0\0\0\0\x01\0\0\0\0\0\0\0\0\x02\0\x01"sv;

// RFC 5905 s7.3: version 4, mode 3 (client), all else zero.
constexpr std::array<char, 48> kNtpRequest{0x23};

constexpr std::uint16_t kDnsPort = 53;
constexpr std::uint16_t kMulticastDnsPort = 5353;
constexpr std::uint16_t kNtpPort = 123;

/// Nothing at all is the least that one can send, and brings an ICMP error from a closed port. Who
/// serves a port and is silent about that gets a question.
std::string_view question(std::uint16_t port, int count) noexcept {
  if (port == kNtpPort) return {kNtpRequest.data(), kNtpRequest.size()};
  if (port == kDnsPort || port == kMulticastDnsPort || count > 0) return kDnsQuery;
  return {};
}

/// A Socket in a loop for as long as this lives.
class LentSocket {
 public:
  LentSocket(Loop& loop, UniqueFd fd) : socket_(loop.add(std::make_unique<Socket>(std::move(fd)))) {
    socket_.set_leaves_when_closed(false);
  }
  LentSocket(const LentSocket&) = delete;
  LentSocket& operator=(const LentSocket&) = delete;
  ~LentSocket() { socket_.remove(); }
  Socket* operator->() const noexcept { return &socket_; }

 private:
  Socket& socket_;
};

}  // namespace

Future<bool> ask_udp(Loop& loop, UniqueFd fd, std::uint16_t port, Duration limit) {
  constexpr int kQuestions = 3;
  const bool is_limited = limit > Duration::zero();
  const Duration pause = (is_limited ? limit : Duration(std::chrono::seconds(1))) / 4;
  want_icmp_errors(fd.get());
  LentSocket socket(loop, std::move(fd));
  std::exception_ptr failure;
  socket->on_send_error([&](Socket& self, const Error& error) {
    failure = std::make_exception_ptr(error);
    self.close_now();
  });
  int count = 0;
  TimeWatch again(loop.timers());
  const auto ask = [&] {
    socket->send(question(port, count));
    if (++count < kQuestions) again.arm(saturating_add(loop.backend().now(), pause));
  };
  again.set_callback(ask);
  ask();
  try {
    Future<std::optional<ReceivedDatagram>> answer = socket->receive();
    if (is_limited) answer = with_timeout(loop, std::move(answer), limit);
    co_await std::move(answer);
    co_return true;
  } catch (const Error& error) {
    if (!failure && error.kind() == ErrorKind::timeout && !error.code()) co_return false;
    if (!failure) failure = std::current_exception();
  }
  std::rethrow_exception(failure);
}

}  // namespace ioa::cli

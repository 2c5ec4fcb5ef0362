#include "ioa/net/listen_socket.hpp"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>

#include "ioa/net/attempt_text.hpp"
#include "ioa/net/resolver.hpp"
#include "ioa/net/socket_calls.hpp"

namespace ioa {
namespace {

/// How often a port that the kernel has chosen for one address may turn out to be taken for
/// another: it is one of some 28,000, so this is never reached unless most are in use.
constexpr int kMaxRounds = 16;

SocketOptions options_for(const ListenRequest& request, const ResolvedAddress& at) {
  SocketOptions options = request.options;
  const SocketAddress& address = at.address;
  // For datagrams SO_REUSEADDR would mean that another program may take the port over.
  if (!options.reuse_address && address.is_inet() && at.socktype == SOCK_STREAM)
    options.reuse_address = true;
  // Said in every case: the system's default (net.ipv6.bindv6only) is nobody's intention.
  if (!options.v6only && address.family() == AF_INET6)
    options.v6only = !address.is_v4_mapped() && !(request.dual_stack && address.is_wildcard());
  return options;
}

/// Throws Error, whose operation is the system call.
ListenSocket open_one(SocketCalls& calls, const ListenRequest& request, const ResolvedAddress& at) {
  const SocketAddress& address = at.address;
  ListenSocket opened;
  opened.socktype = at.socktype;
  opened.fd = calls.socket(address.family(), at.socktype, at.protocol);
  if (!opened.fd) throw Error::from_errno(errno, "socket");
  const int fd = opened.fd.get();
  options_for(request, at).apply(fd, address.family());
  detail::clear_stale_socket(address);
  const bool sets_mode = request.unix_mode && address.is_unix();
  if (sets_mode) detail::limit_mode(fd, *request.unix_mode);
  if (calls.bind(fd, address) != 0) throw Error::from_errno(errno, "bind");
  opened.file = UnixSocketFile(address);
  if (sets_mode && !opened.file.path().empty())
    detail::complete_mode(opened.file, *request.unix_mode);
  if (at.socktype != SOCK_DGRAM && calls.listen(fd, request.backlog) != 0)
    throw Error::from_errno(errno, "listen");
  opened.address = calls.local_of(fd);
  return opened;
}

ListenFailure failure_of(const Error& error, const SocketAddress& address) {
  const bool is_option = error.operation() == "setsockopt";
  return {error.operation(), address, error.code().value(),
          is_option ? error.subject() : error.detail()};
}

/// One pass over all addresses.
struct Round {
  ListenSockets result;
  /// An address could not have the port that the kernel had chosen for one before it.
  bool has_lost_port = false;
};

Round open_round(SocketCalls& calls, const ListenRequest& request,
                 const std::vector<ResolvedAddress>& candidates, bool shares_port) {
  Round round;
  std::uint16_t chosen = 0;
  bool takes_both = false;  // an IPv6 wildcard that carries IPv4 too
  for (ResolvedAddress at : candidates) {
    if (takes_both && at.address.family() == AF_INET && at.address.is_wildcard()) continue;
    const bool has_chosen_port = shares_port && at.address.port() == 0 && chosen != 0;
    if (has_chosen_port) at.address = at.address.with_port(chosen);
    try {
      ListenSocket opened = open_one(calls, request, at);
      if (shares_port && at.address.port() == 0) chosen = opened.address.port();
      if (request.dual_stack && at.address.family() == AF_INET6 && at.address.is_wildcard())
        takes_both = true;
      round.result.sockets.push_back(std::move(opened));
    } catch (const Error& error) {
      round.result.failures.push_back(failure_of(error, at.address));
      if (has_chosen_port && error.code().value() == EADDRINUSE) round.has_lost_port = true;
    }
  }
  return round;
}

std::string target_of(const ListenRequest& request) {
  if (!request.addresses) return detail::host_and_service(request.host, request.service);
  const auto& addresses = *request.addresses;
  return addresses.size() == 1 ? addresses.front().to_string() : std::string();
}

ListenError nothing_opened(const ListenRequest& request, std::vector<ListenFailure> attempts) {
  const std::string target = target_of(request);
  if (attempts.empty())
    return {Error(ErrorKind::failed, {}, "listen", target, "no address to listen at"), {}};
  const ListenFailure& worst = detail::worst_of(attempts);
  if (attempts.size() == 1) {
    Error summary = worst.to_error();
    return {std::move(summary), std::move(attempts)};
  }
  Error summary = Error::from_errno(worst.error_number, worst.syscall, target,
                                    "tried " + detail::tried(attempts));
  return {std::move(summary), std::move(attempts)};
}

ListenSockets open_all(SocketCalls& calls, const ListenRequest& request,
                       std::vector<ResolvedAddress> candidates) {
  if (request.dual_stack)
    std::stable_partition(candidates.begin(), candidates.end(), [](const ResolvedAddress& at) {
      return at.address.family() == AF_INET6;
    });
  const bool shares_port = !request.addresses;
  Round round = open_round(calls, request, candidates, shares_port);
  for (int i = 1; i < kMaxRounds && round.has_lost_port; ++i)
    round = open_round(calls, request, candidates, shares_port);
  if (round.result.sockets.empty()) throw nothing_opened(request, std::move(round.result.failures));
  return std::move(round.result);
}

LookupRequest lookup_of(const ListenRequest& request) {
  LookupRequest lookup;
  lookup.host = request.host;
  lookup.service = request.service;
  lookup.family = request.family;
  lookup.socktype = request.socktype;
  lookup.protocol = request.protocol;
  lookup.numeric_host = request.numeric_host;
  lookup.timeout = request.timeout;
  lookup.passive = true;
  return lookup;
}

}  // namespace

Error ListenFailure::to_error() const {
  if (syscall == "setsockopt")
    return Error::from_errno(error_number, syscall, detail, "listening at " + address.to_string());
  return Error::from_errno(error_number, syscall, address.to_string(), detail);
}

ListenSocket ListenSocket::adopt(UniqueFd fd) {
  const std::string subject = "descriptor " + std::to_string(fd.get());
  const auto option = [&](int name) {
    int value = 0;
    socklen_t size = sizeof value;
    if (::getsockopt(fd.get(), SOL_SOCKET, name, &value, &size) != 0)
      throw Error::from_errno(errno, "getsockopt", subject);
    return value;
  };
  const int socktype = option(SO_TYPE);
  if (socktype != SOCK_DGRAM && option(SO_ACCEPTCONN) == 0)
    throw Error::from_errno(EINVAL, "accept", subject, "it is not a listening socket");
  ListenSocket adopted;
  adopted.socktype = socktype;
  adopted.address = SocketAddress::local_of(fd.get());
  const int flags = ::fcntl(fd.get(), F_GETFL);
  const bool is_accepted_from = socktype != SOCK_DGRAM;
  if ((is_accepted_from && ::fcntl(fd.get(), F_SETFL, flags | O_NONBLOCK) != 0) ||
      ::fcntl(fd.get(), F_SETFD, FD_CLOEXEC) != 0)
    throw Error::from_errno(errno, "fcntl", subject);
  adopted.fd = std::move(fd);
  return adopted;
}

Future<ListenSockets> open_listen_sockets(Resolver& resolver, ListenRequest request,
                                          SocketCalls* calls) {
  SocketCalls& used = calls != nullptr ? *calls : SocketCalls::system();
  std::vector<ResolvedAddress> candidates;
  if (request.addresses) {
    for (const SocketAddress& address : *request.addresses)
      candidates.push_back({address, request.socktype, request.protocol});
  } else {
    LookupRequest lookup = lookup_of(request);
    LookupResult found = co_await resolver.resolve(std::move(lookup));
    candidates = std::move(found.addresses);
  }
  co_return open_all(used, request, std::move(candidates));
}

}  // namespace ioa

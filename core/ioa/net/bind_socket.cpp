#include "ioa/net/bind_socket.hpp"

#include <cerrno>
#include <utility>

#include "ioa/base/error.hpp"
#include "ioa/net/socket_calls.hpp"

namespace ioa {

UniqueFd open_socket(int family, int socktype, int protocol, const SocketOptions& options) {
  UniqueFd fd = SocketCalls::system().socket(family, socktype, protocol);
  if (!fd) {
    const int error = errno;
    throw Error::from_errno(error, "socket");
  }
  options.apply(fd.get(), family);
  return fd;
}

UniqueFd open_bound_socket(std::span<const ResolvedAddress> addresses,
                           const SocketOptions& options) {
  Error last = Error::from_errno(EADDRNOTAVAIL, "bind", {}, "there is no address to bind to");
  for (const ResolvedAddress& candidate : addresses) {
    try {
      UniqueFd fd =
          open_socket(candidate.address.family(), candidate.socktype, candidate.protocol, options);
      if (SocketCalls::system().bind(fd.get(), candidate.address) == 0) return fd;
      const int error = errno;
      last = Error::from_errno(error, "bind", candidate.address.to_string());
    } catch (const Error& error) {
      last = error;
    }
  }
  throw Error(last);
}

UniqueFd open_bound_socket(const SocketAddress& address, int socktype,
                           const SocketOptions& options) {
  const ResolvedAddress candidate{address, socktype, 0};
  return open_bound_socket(std::span(&candidate, 1), options);
}

Future<UniqueFd> bind_by_name(Resolver& resolver, BindRequest request) {
  LookupRequest lookup;
  lookup.host = request.host;
  lookup.service = request.service.empty() ? "0" : request.service;
  lookup.family = request.family;
  lookup.socktype = request.socktype;
  lookup.protocol = request.protocol;
  lookup.passive = true;
  lookup.timeout = request.timeout;
  LookupResult found = co_await resolver.resolve(std::move(lookup));
  co_return open_bound_socket(found.addresses, request.options);
}

}  // namespace ioa

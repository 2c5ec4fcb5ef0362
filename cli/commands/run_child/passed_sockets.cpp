#include "cli/commands/run_child/passed_sockets.hpp"

#include <fcntl.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "ioa/net/socket_address.hpp"

namespace ioa::cli {
namespace {

int socket_type(const Address& address) {
  switch (address.scheme) {
    case Address::Scheme::udp:
    case Address::Scheme::unix_dgram:
      return SOCK_DGRAM;
    case Address::Scheme::unix_seqpacket:
      return SOCK_SEQPACKET;
    default:
      return SOCK_STREAM;
  }
}

ListenRequest request_for(const Address& address) {
  ListenRequest request;
  request.socktype = socket_type(address);
  if (address.is_unix()) {
    request.addresses.emplace({SocketAddress::unix_path(address.path)});
    return request;
  }
  request.host = address.host;
  request.service = address.service;
  request.family = address.family;
  // A program that looks for its socket at descriptor 3 looks for one.
  request.dual_stack = address.family == Family::any;
  return request;
}

}  // namespace

Future<> PassedSockets::bind(std::span<const Address> addresses, Reporter& reporter) {
  for (const Address& address : addresses) {
    ListenRequest request = request_for(address);
    ListenSockets opened = co_await open_listen_sockets(resolver_, std::move(request));
    for (ListenSocket& socket : opened.sockets) {
      // Nobody shares it yet, and programs that are handed one expect that it blocks.
      const int flags = ::fcntl(socket.fd.get(), F_GETFL);
      ::fcntl(socket.fd.get(), F_SETFL, flags & ~O_NONBLOCK);
      const std::string text = socket.address.to_string();
      reporter.event("listening", {{"address", std::string_view(text)}});
      fds_.push_back(socket.fd.get());
      sockets_.push_back(std::move(socket));
    }
  }
}

}  // namespace ioa::cli

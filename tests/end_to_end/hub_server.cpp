#include "tests/end_to_end/hub_server.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <stdexcept>
#include <utility>

#include "ioa/base/error.hpp"
#include "ioa/net/socket_address.hpp"
#include "tests/end_to_end/end_to_end.hpp"

namespace ioa::test {

HubServer::HubServer(std::vector<std::string> options, Process::Stdio stdio,
                     const std::string& where) {
  SocketPair ready = blocking_pipe();
  stdio.fd3 = std::move(ready.second);
  options.insert(options.begin(), "listen");
  options.insert(options.end(), {"--ready-fd", "3", where});
  program_ = std::make_unique<Process>(ioa(std::move(options)), std::move(stdio));
  std::string line = read_to_end(ready.first.get());
  const std::size_t blank = line.find(' ');
  if (blank == std::string::npos)
    throw std::runtime_error("ioa listen was not ready: " + program_->wait().err);
  host_ = line.substr(0, blank);
  port_ = line.substr(blank + 1, line.find('\n') - blank - 1);
}

Peer HubServer::connect(const std::string& from) const {
  const auto number = static_cast<std::uint16_t>(std::stoi(port_));
  const auto address = SocketAddress::from_numeric(host_, number)->to_reach();
  UniqueFd fd(::socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!from.empty()) {
    const auto local = SocketAddress::from_numeric(from, 0);
    if (::bind(fd.get(), local->data(), local->size()) != 0)
      throw Error::from_errno(errno, "bind", from);
  }
  if (::connect(fd.get(), address.data(), address.size()) != 0)
    throw Error::from_errno(errno, "connect", address.to_string());
  return Peer(std::move(fd));
}

std::vector<Peer> HubServer::connect_many(int count) const {
  std::vector<Peer> peers;
  for (int i = 0; i < count; ++i) peers.push_back(connect());
  return peers;
}

RunResult HubServer::stop(int signal) {
  program_->signal(signal);
  return program_->wait_with_open_stdin();
}

}  // namespace ioa::test

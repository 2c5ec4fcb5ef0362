#include "tests/end_to_end/listen_fixture.hpp"

#include <cerrno>
#include <csignal>
#include <filesystem>
#include <utility>

#include "ioa/base/error.hpp"
#include "ioa/net/socket_address.hpp"

namespace ioa::test {
namespace {

UniqueFd open_connection(const SocketAddress& address, int socktype) {
  UniqueFd fd(::socket(address.family(), socktype | SOCK_CLOEXEC, 0));
  if (::connect(fd.get(), address.data(), address.size()) != 0)
    throw Error::from_errno(errno, "connect", address.to_string());
  return fd;
}

SocketAddress loopback(std::uint16_t port) {
  return *SocketAddress::from_numeric("127.0.0.1", port);
}

}  // namespace

Peer connect_to_port(std::uint16_t port) {
  return Peer(open_connection(loopback(port), SOCK_STREAM));
}

Peer connect_to_path(const std::string& path, int socktype) {
  return Peer(open_connection(SocketAddress::unix_path(path), socktype));
}

bool can_connect(std::uint16_t port) {
  try {
    connect_to_port(port);
  } catch (const Error&) {
    return false;
  }
  return true;
}

ListenServer::ListenServer(std::vector<std::string> options, std::string address,
                           Process::Stdio stdio)
    : address_(std::move(address)),
      program_(command(std::move(options), address_), std::move(stdio)) {
  const std::string file = dir_ / "port";
  wait_until([&] { return std::filesystem::exists(file) || !program_.is_running(); }, "listening");
  if (!std::filesystem::exists(file)) {
    ADD_FAILURE() << "it does not listen: " << program_.wait().err;
    return;
  }
  const std::string text = dir_.read("port");
  if (text.rfind("unix:", 0) != 0) port_ = static_cast<std::uint16_t>(std::stoul(text));
}

std::vector<std::string> ListenServer::command(std::vector<std::string> options,
                                               std::string address) {
  options.insert(options.begin(), {"listen", "--events", dir_ / "events"});
  options.insert(options.end(), {"--port-file", dir_ / "port", std::move(address)});
  return ioa(std::move(options));
}

Peer ListenServer::connect() {
  return port_ != 0 ? connect_to_port(port_) : connect_to_path(address_.substr(5));
}

/// Without a line that is just being written.
std::string ListenServer::written() const {
  std::string text = dir_.read("events");
  text.resize(text.rfind('\n') + 1);
  return text;
}

Events ListenServer::events() const { return Events(written()); }

std::size_t ListenServer::count(std::string_view event) const {
  std::size_t count = 0;
  for (const JsonObject& each : json_lines(written())) count += each.name() == event ? 1 : 0;
  return count;
}

void ListenServer::wait_for(std::string_view event, std::size_t count) {
  wait_until([&] { return this->count(event) >= count; }, event);
}

RunResult ListenServer::end(int signal) {
  program_.signal(signal);
  return program_.wait_with_open_stdin();
}

}  // namespace ioa::test

#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <string>
#include <vector>

#include "tests/end_to_end/end_to_end.hpp"
#include "tests/support/events.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/support/test_peer.hpp"

namespace ioa::test {

/// `ioa listen OPTIONS... ADDRESS`, which listens once the constructor is through, with its events
/// in a file.
class ListenServer {
 public:
  explicit ListenServer(std::vector<std::string> options, std::string address = "127.0.0.1:0",
                        Process::Stdio stdio = {});

  /// The first port; 0 for a Unix socket.
  std::uint16_t port() const noexcept { return port_; }
  std::string port_text() const { return std::to_string(port_); }
  Process& program() noexcept { return program_; }
  /// A connection to 127.0.0.1 and the first port, or to the Unix socket.
  Peer connect();
  /// What has happened so far.
  Events events() const;
  /// How many of this name there are; in any order, as several workers write them.
  std::size_t count(std::string_view event) const;
  /// Waits until so many events of this name are there.
  void wait_for(std::string_view event, std::size_t count = 1);
  /// Sends the signal and waits for the end.
  RunResult end(int signal = SIGTERM);
  const TempDir& dir() const noexcept { return dir_; }

 private:
  std::string written() const;
  std::vector<std::string> command(std::vector<std::string> options, std::string address);

  TempDir dir_;
  std::string address_;
  std::uint16_t port_ = 0;
  Process program_;
};

/// A connection to a port of 127.0.0.1, or to a Unix socket (`@` for the abstract namespace).
/// Throws Error.
Peer connect_to_port(std::uint16_t port);
Peer connect_to_path(const std::string& path, int socktype = SOCK_STREAM);
/// Whether somebody can connect to that port of 127.0.0.1.
bool can_connect(std::uint16_t port);

}  // namespace ioa::test

#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/end_to_end/end_to_end.hpp"
#include "tests/support/datagram_peer.hpp"
#include "tests/support/temp_dir.hpp"

namespace ioa::test {

/// `ioa listen -u` beside the test, and who speaks to it.
class ListenUdpTest : public GuardedTest {
 protected:
  /// Starts it with `options` at a free port of the loopback interface, and waits until it listens.
  Process& start(std::vector<std::string> options, Process::Stdio stdio = {}) {
    options.insert(options.end(), {"127.0.0.1", "0"});
    return start_at(std::move(options), std::move(stdio));
  }
  /// The same with the address among the options.
  Process& start_at(std::vector<std::string> options, Process::Stdio stdio = {}) {
    SocketPair ready = blocking_pipe();
    stdio.fd3 = std::move(ready.second);
    std::vector<std::string> command{"listen", "-u", "--ready-fd", "3"};
    command.insert(command.end(), options.begin(), options.end());
    process.emplace(ioa(std::move(command)), std::move(stdio));
    const std::string line = read_to_end(ready.first.get());
    const std::size_t space = line.find(' ');
    if (space == line.npos) return *process;
    address = *SocketAddress::from_numeric(
        line.substr(0, space), static_cast<std::uint16_t>(std::stoi(line.substr(space + 1))));
    return *process;
  }
  DatagramPeer client() const {
    DatagramPeer peer;
    peer.speak_to(address);
    return peer;
  }
  /// Ends it as a user does.
  RunResult stop(int signal = 15) {
    process->signal(signal);
    return process->wait_with_open_stdin();
  }

  TempDir dir;
  std::optional<Process> process;
  SocketAddress address;
};

}  // namespace ioa::test

#pragma once

#include <memory>
#include <string>
#include <vector>

#include "ioa/base/unique_fd.hpp"
#include "tests/support/run_ioa.hpp"
#include "tests/support/test_peer.hpp"

namespace ioa::test {

/// `ioa listen OPTIONS...` at a port of its own of 127.0.0.1 (unless `options` say where), ready
/// when the constructor returns.
class HubServer {
 public:
  explicit HubServer(std::vector<std::string> options, Process::Stdio stdio = {},
                     const std::string& where = "127.0.0.1:0");

  /// One more peer, connected; from 127.0.0.1, or an address of `from` that is ours.
  Peer connect(const std::string& from = {}) const;
  /// Several, each of which the server knows.
  std::vector<Peer> connect_many(int count) const;

  Process& program() noexcept { return *program_; }
  const std::string& port() const noexcept { return port_; }
  const std::string& host() const noexcept { return host_; }
  /// Tells it to end, and waits for that.
  RunResult stop(int signal = 15);

 private:
  std::string host_;
  std::string port_;
  std::unique_ptr<Process> program_;
};

}  // namespace ioa::test

#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tests/support/run_ioa.hpp"
#include "tests/support/scripted_peer.hpp"
#include "tests/support/temp_dir.hpp"

namespace ioa::test {

/// A real program that listens on a loopback port nobody else can get, from the constructor on
/// (which waits until it does) to stop().
class Server {
 public:
  /// $PORT and $DIR in the words of `command`, and in the files of the directory, are filled in.
  /// Throws std::runtime_error if it does not listen in time.
  explicit Server(std::vector<std::string> command);

  std::string host() const { return "127.0.0.1"; }
  const std::string& port() const noexcept { return port_text_; }
  const TempDir& dir() const noexcept { return *dir_; }
  Process& program() noexcept { return *program_; }
  /// Ends it, and waits until it has ended. Its port stays taken, and closed.
  void stop();

 protected:
  Server(std::unique_ptr<TempDir> dir, std::vector<std::string> command);

 private:
  void fill_in(std::string& text) const;

  std::unique_ptr<TempDir> dir_;
  ClosedPort port_;
  std::string port_text_ = port_.port();
  std::unique_ptr<Process> program_;
};

/// nginx with one page, /, which is `page`.
class Nginx : public Server {
 public:
  explicit Nginx(const std::string& page);

 private:
  static std::unique_ptr<TempDir> prepare(const std::string& page);
};

/// True if somebody listens on this port of 127.0.0.1 (proc(5), /proc/net/tcp).
bool is_listening(const std::string& port);

}  // namespace ioa::test

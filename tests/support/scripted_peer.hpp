#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "ioa/base/unique_fd.hpp"
#include "tests/support/temp_dir.hpp"

namespace ioa::test {

class ScriptedPeer;

/// The peer's side of one connection: blocking calls that throw std::runtime_error where what was
/// expected does not come in time.
class PeerConnection {
 public:
  PeerConnection(UniqueFd socket, ScriptedPeer& peer) : socket_(std::move(socket)), peer_(peer) {}

  /// Reads exactly so many bytes.
  std::string read(std::size_t size);
  /// Reads `bytes`, or fails.
  void expect(std::string_view bytes);
  /// Reads to the end.
  std::string read_all();
  /// Nothing more but the end may come.
  void expect_end();
  void send(std::string_view bytes);
  void half_close();
  /// Reads no more: a Unix peer is told.
  void stop_reading();
  void close() { socket_.reset(); }
  /// Ends the connection with RST; a Unix socket is closed.
  void reset();
  /// What the kernel has received and read() has not taken.
  std::uint64_t unread() const;
  /// Tells the sender at once what has been received.
  void acknowledge();
  /// Waits for ScriptedPeer::tell(), once each time.
  void wait_until_told();

  int fd() const noexcept { return socket_.get(); }
  /// Where the connection comes from: "127.0.0.1:4711".
  std::string remote() const;

 private:
  UniqueFd socket_;
  ScriptedPeer& peer_;
};

/// A server that does as a script says, with one connection or several, one after the other.
///
///     ScriptedPeer peer([](PeerConnection& connection) {
///       connection.expect("hello");
///       connection.reset();
///     });
///     run_ioa({"connect", peer.host(), peer.port()}, …);
///     peer.finish();
class ScriptedPeer {
 public:
  using Script = std::function<void(PeerConnection&)>;
  enum class Where { ipv4, ipv6, unix_path, abstract };

  /// Listens from now on; the script is run in a thread for each connection in turn, `times` times.
  explicit ScriptedPeer(Script script, Where where = Where::ipv4, int times = 1);
  ScriptedPeer(const ScriptedPeer&) = delete;
  ScriptedPeer& operator=(const ScriptedPeer&) = delete;
  /// As finish(), but does not wait for connections that never came.
  ~ScriptedPeer();

  /// "127.0.0.1" or "::1".
  std::string host() const;
  std::string port() const { return std::to_string(port_); }
  /// One operand: "127.0.0.1:4711", "[::1]:4711", "unix:/tmp/x", "unix:@x".
  std::string address() const;

  /// Lets the script's wait_until_told() go on.
  void tell();
  /// Waits for the script, and reports as a failure of the test what went wrong in it.
  void finish();

 private:
  friend class PeerConnection;
  void serve(const Script& script, int times);
  void wait_until_told();

  Where where_;
  TempDir dir_;
  std::string path_;
  std::uint16_t port_ = 0;
  UniqueFd listener_;
  std::mutex mutex_;
  std::condition_variable told_;
  int tellings_ = 0;
  bool is_leaving_ = false;
  std::string failure_;
  std::thread thread_;
};

/// A loopback port that nobody listens on and nobody else can get.
class ClosedPort {
 public:
  explicit ClosedPort(bool ipv6 = false);
  std::string port() const { return std::to_string(port_); }
  std::uint16_t number() const noexcept { return port_; }
  int fd() const noexcept { return socket_.get(); }

 private:
  UniqueFd socket_;
  std::uint16_t port_ = 0;
};

}  // namespace ioa::test

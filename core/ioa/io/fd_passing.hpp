#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "ioa/base/unique_fd.hpp"
#include "ioa/io/transport.hpp"

namespace ioa {

class Stream;

/// The most descriptors that one message can carry: SCM_MAX_FD of Linux.
inline constexpr std::size_t kMaxPassedFds = 253;

/// Descriptors that came along with bytes.
struct PassedFds {
  /// Close-on-exec.
  std::vector<UniqueFd> fds;
  /// There were more than there was room for, here or in this process (MSG_CTRUNC). Those are
  /// closed, and so are the ones that did fit: part of a message is of no use. Bytes are not lost.
  bool is_truncated = false;
};

/// Sends `bytes`, at least one, and with the first of them copies of `fds` (at most kMaxPassedFds)
/// over a Unix socket: unix(7), SCM_RIGHTS. What was not sent carried none, what was sent in part
/// carried all.
IoResult send_with_fds(int socket, std::string_view bytes, std::span<const int> fds);
/// Receives bytes, and the descriptors that come with them if they are at most `max`.
IoResult receive_with_fds(int socket, std::span<char> space, PassedFds& passed,
                          std::size_t max = kMaxPassedFds);

/// The Transport of a Stream on a Unix stream socket over which descriptors are passed.
///
///     FdPassing& passing = FdPassing::use(stream);
///     std::vector<UniqueFd> fds;
///     fds.push_back(std::move(log_file));
///     passing.send(stream, "log\n", std::move(fds));
///
///     std::optional<std::string> line = co_await stream.read_line();
///     std::optional<UniqueFd> fd = passing.take();   // it came with that line, or before
///
/// Received descriptors are there when the byte that they were sent with has been read. At most
/// `max_fds` that nobody has taken are kept; a peer that sends more than that loses them, see
/// has_lost().
///
/// OWNERSHIP: the Stream's, until it is opened anew; what was not sent or not taken is closed.
class FdPassing final : public Transport {
 public:
  explicit FdPassing(std::size_t max_fds = kMaxPassedFds) noexcept : max_fds_(max_fds) {}

  /// Makes it the transport of `stream`.
  static FdPassing& use(Stream& stream, std::size_t max_fds = kMaxPassedFds);

  /// Writes `bytes`, at least one, to its `stream`, with `fds` (at most kMaxPassedFds) at the first
  /// of them; then the descriptors here are closed. Nothing that is queued before may be a Future
  /// or a generator: nobody knows how many bytes these give.
  void send(Stream& stream, std::string_view bytes, std::vector<UniqueFd> fds);

  /// The first descriptor that was received and not taken.
  std::optional<UniqueFd> take();
  std::size_t received() const noexcept { return received_.size(); }
  /// The peer has sent descriptors that there was no room for.
  bool has_lost() const noexcept { return has_lost_; }

  IoResult read(int fd, std::span<char> space) override;
  IoResult write(int fd, std::string_view bytes) override;
  IoResult shutdown(int fd) override;

 private:
  struct Group {
    std::uint64_t position;  // of the byte that they go with
    std::vector<UniqueFd> fds;
  };
  IoResult write_step(int fd, std::string_view bytes);

  std::size_t max_fds_;
  std::uint64_t written_ = 0;
  std::deque<Group> groups_;
  std::deque<UniqueFd> received_;
  bool has_lost_ = false;
};

}  // namespace ioa

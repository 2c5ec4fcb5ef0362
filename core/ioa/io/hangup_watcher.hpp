#pragma once

#include "ioa/base/unique_fd.hpp"
#include "ioa/loop/watch.hpp"

namespace ioa {

/// Told by a HangupWatcher that a connection is over.
class HangupTarget {
 public:
  /// Once. May destroy this, and the watcher.
  virtual void hung_up() = 0;

 protected:
  ~HangupTarget() = default;
};

/// Watches connections that somebody else reads and writes (a child has been given the socket) for
/// their end: that they were reset, or that both directions are shut down. That a peer has shut
/// down its own side is none, and bytes wake nobody.
///
///     HangupWatcher watcher(loop);
///     watcher.add(socket.get(), target);
///     …target.hung_up()…
///     watcher.remove(socket.get());
///
/// epoll(7) tells EPOLLHUP and EPOLLERR of whoever is in its set, wanted or not; a Loop's watches
/// always want to read or to write as well. So it has a set of its own, which the Loop watches.
///
/// OWNERSHIP: descriptors and targets are borrowed until remove(), which comes before the
/// descriptor is closed: another process may go on to hold the socket. The Loop outlives it.
class HangupWatcher {
 public:
  /// Throws Error.
  explicit HangupWatcher(Loop& loop);
  HangupWatcher(const HangupWatcher&) = delete;
  HangupWatcher& operator=(const HangupWatcher&) = delete;
  ~HangupWatcher() = default;

  /// False, with errno, if it cannot be watched.
  bool add(int fd, HangupTarget& target) noexcept;
  void remove(int fd) noexcept;

 private:
  void look();

  UniqueFd set_;
  IoWatch watch_;  // goes before the descriptor
};

}  // namespace ioa

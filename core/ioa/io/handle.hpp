#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "ioa/base/event_slot.hpp"
#include "ioa/base/unique_fd.hpp"
#include "ioa/future/future.hpp"
#include "ioa/loop/notifier.hpp"
#include "ioa/loop/watch.hpp"

namespace ioa {

/// A notifier around one descriptor, or around two of which one is read and the other written (a
/// pair of pipes, standard input and output).
///
///     auto& bell = loop.add(std::make_unique<Handle>(std::move(read_end), UniqueFd()));
///     bell.on_read_ready([](Handle& self) { drain(self.read_fd()); });
///
/// EVENTS: on_read_ready and on_write_ready, level-triggered: called once a turn for as long as the
/// descriptor is ready and the readiness wanted. A callback may do anything to the Handle: replace
/// itself, close, remove it. While it runs, turns inside it do not call it again. Nothing is
/// watched that has no callback. For on_closed see close().
///
/// OWNERSHIP: owns its descriptors. They are non-blocking, save sockets that are only used with
/// MSG_DONTWAIT, as Stream does. SIGPIPE is the program's business.
///
/// LIFETIME: a Handle that closes leaves the tree and is destroyed, as remove() does it; see
/// set_leaves_when_closed().
class Handle : public Notifier, private IoWatchBase {
 public:
  using Callback = UniqueFunction<void(Handle&)>;

  /// Without a descriptor; set_handle() may come later, inside a loop or before.
  Handle();
  /// One descriptor, read and written.
  explicit Handle(UniqueFd fd);
  /// Two sides; either may be missing. The same number in both is one descriptor.
  Handle(UniqueFd read_fd, UniqueFd write_fd);
  ~Handle() override;

  /// The descriptors, borrowed; -1 where there is none.
  int read_fd() const noexcept { return read_fd_.get(); }
  int write_fd() const noexcept { return is_shared_ ? read_fd_.get() : write_fd_.get(); }
  /// True while there is a descriptor.
  bool is_open() const noexcept { return read_fd_ || write_fd_; }

  /// Takes new descriptors; those of before are closed without an event. Inside a loop they are
  /// watched from now on: throws Error (EBADF) if they cannot be. What is wanted stays as it was.
  void set_handle(UniqueFd fd);
  void set_handles(UniqueFd read_fd, UniqueFd write_fd);

  /// Readiness to read, to write. Setting one replaces it at once, also from inside itself.
  void on_read_ready(Callback callback);
  void on_write_ready(Callback callback);
  /// See close().
  void on_closed(Callback callback);

  /// Whether on_read_ready (by default) and on_write_ready (not by default) are wanted. Returns
  /// what was before. Only with a descriptor on that side.
  bool want_read_ready(bool wanted);
  bool want_write_ready(bool wanted);
  bool wants_read_ready() const noexcept { return wants_read_; }
  bool wants_write_ready() const noexcept { return wants_write_; }

  /// Ends it: stops watching, closes the descriptors, calls on_closed (loop() is still set, the
  /// descriptors are gone), completes the Futures of closed(), leaves the tree. Does nothing
  /// without a descriptor. on_closed may give it new ones: then it stays.
  virtual void close();
  /// Close one side; the last one is as close(). A descriptor that is both sides is closed whole.
  void close_read();
  void close_write();

  /// A Future of the next close(); ready at once without a descriptor. Fails with kind `abandoned`
  /// if the Handle is destroyed unclosed.
  Future<> closed();

  /// Whether close() removes it from the tree; true by default. An owner that holds a reference for
  /// longer than the Handle is open (a coroutine that waits for other things in between) sets false
  /// and calls remove() itself.
  void set_leaves_when_closed(bool leaves) noexcept { stays_when_closed_ = !leaves; }

  /// The descriptors: "rw=4", "r=3,w=5", "r=3", "w=5"; empty without any.
  std::string describe() const override;

 protected:
  /// For derived classes that override read_ready() and write_ready(): readiness counts without a
  /// callback, and none is wanted until it is asked for.
  struct SelfDriven {};
  explicit Handle(SelfDriven) noexcept;

  void added_to_loop(Loop& loop) override;
  void removing_from_loop(Loop& loop) override;

  /// The descriptor is ready; calls the event. May be called again in a turn inside itself if it is
  /// overridden.
  virtual void read_ready();
  virtual void write_ready();
  /// New descriptors were set; watching begins after this.
  virtual void handles_set();
  /// These sides have lost their descriptors; on_closed has not been called yet.
  virtual void sides_closed(IoEvents sides);

  /// Handle's own close(), for derived classes whose close() does more.
  void close_handles();

 private:
  class WriteSide;
  struct Extras;

  Extras& extras();
  bool io_event(IoEvent event) override;
  Loop& watching_loop() const noexcept override { return *loop(); }
  void call(IoEvent event, const Event<void(Handle&)>& callback);
  IoEvents interest() const noexcept;
  void apply_interest();
  void watch(IoWatchBase& side, int fd, IoEvents events);
  void stop_watching() noexcept;
  void close_side(IoEvent side);
  void finish_close();
  void finish_call(IoEvent event);
  void leave_after_close() noexcept;

  // In an order that leaves no gaps: there may be very many of these.
  bool wants_read_ : 1 = true;
  bool wants_write_ : 1 = false;
  bool is_shared_ : 1 = false;  // read_fd_ is the write side too
  bool is_self_driven_ : 1 = false;
  bool stays_when_closed_ : 1 = false;
  UniqueFd read_fd_;
  std::unique_ptr<Extras> extras_;  // what most handles never use
  Event<void(Handle&)> on_read_ready_;
  UniqueFd write_fd_;
  IoEvents in_call_;    // events whose callbacks are running
  IoEvents suspended_;  // of these, which came once more meanwhile
};

}  // namespace ioa

#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "ioa/base/event_sink.hpp"
#include "ioa/base/unique_fd.hpp"

namespace ioa {

/// Writes what happens in a Loop as lines of text, for people who debug: its events, and the steps
/// of its notifiers.
///
///     [Loop] EVENT connected address=127.0.0.1:80 local=127.0.0.1:4711 duration_ms=0.182
///     [Stream{rw=4}<-EchoServer] READ 5 bytes
///       00000000  68 65 6c 6c 6f                                    |hello|
///     [Stream{rw=4}<-EchoServer] EVENT on_read
///
/// A Loop makes one for itself if the environment asks for it:
///
/// IOA_DEBUG=1 (the events that its users see of a notifier), or 2 (also those of the classes that
/// it derives from). IOA_DEBUG_FILE: a file to append to; else IOA_DEBUG_FD: a descriptor; else,
/// and if that cannot be opened, standard error. IOA_DEBUG_FLAGS, with level 2: "Sr" and "Sw",
/// separated by a comma, for dumps of what Streams read and write. A program with privileges that
/// its user lacks looks at none of them.
class DebugLog final : public EventSink {
 public:
  /// What is written down, and where to.
  struct Options {
    int level = 1;
    bool dumps_reads = false;
    bool dumps_writes = false;
    int fd = 2;        ///< Borrowed.
    std::string path;  ///< If not empty, instead of `fd`.
  };

  explicit DebugLog(const Options& options);
  /// Null unless IOA_DEBUG is a number above 0.
  static std::unique_ptr<DebugLog> from_environment();

  /// Has `next`, which may be null, told of everything as well. Borrowed.
  void forward_to(EventSink* next) noexcept;

  void event(std::string_view name, std::span<const EventField> fields) override;
  bool wants_trace() const noexcept override { return true; }
  void trace(const TraceStep& step) override;

 private:
  void write(std::string_view text) noexcept;

  int level_;
  bool dumps_reads_;
  bool dumps_writes_;
  UniqueFd file_;
  int fd_;
  EventSink* next_ = nullptr;
  bool next_wants_trace_ = false;
};

}  // namespace ioa

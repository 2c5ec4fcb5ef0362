#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <list>
#include <memory>
#include <string>
#include <string_view>

#include "ioa/base/byte_buffer.hpp"
#include "ioa/base/error.hpp"
#include "ioa/base/event_slot.hpp"
#include "ioa/base/unique_fd.hpp"
#include "ioa/file/file_watcher.hpp"
#include "ioa/future/promise.hpp"
#include "ioa/loop/notifier.hpp"
#include "ioa/loop/watch.hpp"

namespace ioa {

/// Reads a file that others write, and goes on when it grows: a log, as `tail -F` has it.
///
///     auto& files = loop.add(std::make_unique<FileWatcher>());
///     auto& log = loop.add(std::make_unique<FileStream>(files, "/var/log/syslog"));
///     log.on_initial([](FileStream& self, std::uint64_t) { self.seek_to_last("\n"); });
///     log.on_read([](FileStream&, ByteBuffer& in) { take_lines(in); });
///
/// What is there at first is read too, from the start, unless on_initial seeks elsewhere. A file
/// that does not exist yet is waited for.
///
/// FOLLOWING: the path counts. When another file takes its place (a rename, a new file after a
/// deletion) the rest of the old one is read to its end first, then on_replaced is called, then the
/// new one is read from its start. When it becomes shorter, or what was read last is not there any
/// more (it was truncated and written anew in between), on_truncated is called, and it is read from
/// its start.
///
/// ERRORS of opening and reading go to on_error_reading, else to invoke_error(); the next change
/// has it tried again. A path that leads to a directory is EISDIR.
///
/// LIFETIME: callbacks may do anything to it. The FileWatcher may go first: then nothing more is
/// noticed. It reads at most kReadSize bytes a turn.
class FileStream final : public Notifier {
 public:
  using SizeCallback = UniqueFunction<void(FileStream&, std::uint64_t size)>;
  using ReadCallback = UniqueFunction<void(FileStream&, ByteBuffer& in)>;
  using Callback = UniqueFunction<void(FileStream&)>;
  using ErrorCallback = UniqueFunction<void(FileStream&, const Error&)>;

  static constexpr std::size_t kReadSize = std::size_t{64} << 10;
  static constexpr std::size_t kMaxLine = std::size_t{1} << 20;
  static constexpr std::uint64_t kWholeFile = std::numeric_limits<std::uint64_t>::max();

  FileStream(FileWatcher& watcher, std::string path);
  ~FileStream() override;

  /// Once, when the file is there for the first time, before anything is read.
  void on_initial(SizeCallback callback) { on_initial_ = std::move(callback); }
  /// Called with what was read and nobody has consumed yet, whenever there is more. What it leaves
  /// stays in memory, however much that becomes.
  void on_read(ReadCallback callback);
  /// The next line, without its LF, once it is whole; those who asked first get theirs first,
  /// before on_read. DROPPING the Future consumes nothing. Fails with EMSGSIZE, consuming nothing,
  /// if a line is longer than `limit` bytes, and with kind `abandoned` when this leaves its loop.
  Future<std::string> read_line(std::size_t limit = kMaxLine);
  void on_truncated(Callback callback) { on_truncated_ = std::move(callback); }
  void on_replaced(Callback callback) { on_replaced_ = std::move(callback); }
  /// The file has gone from its path, and its rest is read; it is waited for another one.
  void on_removed(Callback callback) { on_removed_ = std::move(callback); }
  void on_error_reading(ErrorCallback callback) { on_error_ = std::move(callback); }

  /// Goes on reading at `offset` bytes from the start. What was read and not consumed is dropped.
  /// A place behind the end counts as the end.
  void seek(std::uint64_t offset);
  /// Goes on reading behind the last `pattern`, which is not empty, within the last `horizon`
  /// bytes; if there is none, at the beginning of those. Returns whether there was one. Throws
  /// Error if the file cannot be read.
  bool seek_to_last(std::string_view pattern, std::uint64_t horizon = kWholeFile);

  /// Holds reading: the file keeps what comes meanwhile.
  void pause_reading() noexcept { is_paused_ = true; }
  void resume_reading();
  bool is_reading_paused() const noexcept { return is_paused_; }

  const std::string& path() const noexcept { return path_; }
  /// Where the next byte is read.
  std::uint64_t offset() const noexcept { return offset_; }
  /// Whether it is there, and open.
  bool is_open() const noexcept { return static_cast<bool>(fd_); }

 protected:
  void added_to_loop(Loop& loop) override;
  void removing_from_loop(Loop& loop) override;

 private:
  struct Running;

  void step();
  void follow();
  bool open();
  void begin(std::uint64_t offset);
  bool is_written_anew() const;
  bool read_more();
  bool is_wanted() noexcept;
  void serve_lines();
  void leave_file();
  std::string bytes_at(std::uint64_t offset, std::size_t size) const;
  std::uint64_t size() const;
  void fail(const Error& error);

  FileWatcher& watcher_;
  std::string path_;
  UniqueFd fd_;
  std::uint64_t offset_ = 0;
  /// What was read last: if that is not there any more, the file was written anew.
  std::string last_read_;
  ByteBuffer in_;
  struct LineReader {
    Promise<std::string> promise;
    std::size_t limit;
  };
  std::list<LineReader> readers_;
  bool is_initial_ = true;
  bool is_paused_ = false;
  Event<void(FileStream&, std::uint64_t)> on_initial_;
  Event<void(FileStream&, ByteBuffer&)> on_read_;
  Event<void(FileStream&)> on_truncated_;
  Event<void(FileStream&)> on_replaced_;
  Event<void(FileStream&)> on_removed_;
  Event<void(FileStream&, const Error&)> on_error_;
  std::unique_ptr<Running> running_;  // while it is in a loop
};

}  // namespace ioa

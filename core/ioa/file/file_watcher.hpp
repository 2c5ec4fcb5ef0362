#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "ioa/base/clock.hpp"
#include "ioa/base/event_slot.hpp"
#include "ioa/base/unique_fd.hpp"
#include "ioa/file/file_change.hpp"
#include "ioa/loop/notifier.hpp"
#include "ioa/loop/time_queue.hpp"
#include "ioa/loop/watch.hpp"

namespace ioa {

class FileWatch;

/// Watches paths for FileWatch objects, all of them through one inotify(7) descriptor.
///
///     auto& files = loop.add(std::make_unique<FileWatcher>());
///     FileWatch log(files, "/var/log/syslog", [](const FileChange& change) { … });
///
/// What the kernel says only prompts a look: every change is found by comparing what stat(2) says
/// with what it said before, so a change is told once, however many events it made, and a file that
/// is deleted, created anew, replaced or truncated stays watched by its path.
///
/// Where the kernel tells nothing (a directory that does not exist, no inotify left, a file system
/// of another machine: Mode::polling) the path is looked at every `interval`.
///
/// LIFETIME: a FileWatch may outlive it, and is told nothing then. Outside of a loop nothing is
/// told; on entering one, what has changed meanwhile is.
class FileWatcher final : public Notifier {
 public:
  enum class Mode {
    automatic,  ///< By inotify, and by looking where that does not work.
    polling,    ///< By looking only.
  };

  explicit FileWatcher(Mode mode = Mode::automatic,
                       Duration interval = std::chrono::seconds(2)) noexcept;
  ~FileWatcher() override;

 protected:
  void added_to_loop(Loop& loop) override;
  void removing_from_loop(Loop& loop) override;

 private:
  friend class FileWatch;
  struct Running;

  void add(FileWatch& watch);
  void drop(FileWatch& watch) noexcept;
  /// Has the kernel tell of the file and of its directory; by polling where that fails.
  void follow(FileWatch& watch);
  void unfollow(FileWatch& watch) noexcept;
  int subscribe(const std::string& path);
  void unsubscribe(int descriptor) noexcept;
  void read_events();
  void take_event(int descriptor, std::uint32_t mask, std::string_view name);
  void look_at_all();
  void look_at_dirty();
  void plan_poll();

  Mode mode_;
  Duration interval_;
  UniqueFd inotify_;
  std::map<int, int> subscriptions_;  // of inotify, and how many watches use each
  std::vector<FileWatch*> watches_;
  std::vector<FileWatch*> dirty_;     // to be looked at
  std::unique_ptr<Running> running_;  // while it is in a loop
};

/// Interest in what a path leads to: tells of each change (see FileChange) from the loop. Symbolic
/// links are followed.
///
/// LIFETIME: stays where it was made; destroying it, also inside its callback, ends it.
class FileWatch {
 public:
  FileWatch(FileWatcher& watcher, std::string path,
            UniqueFunction<void(const FileChange&)> callback);
  FileWatch(const FileWatch&) = delete;
  FileWatch& operator=(const FileWatch&) = delete;
  ~FileWatch();

  const std::string& path() const noexcept { return path_; }
  /// What was there at the last look.
  const FileState& state() const noexcept { return state_; }

 private:
  friend class FileWatcher;

  /// Looks at the path, and tells if it has changed; this may be gone then.
  void look();

  FileWatcher* watcher_;
  std::string path_;
  FileState state_;
  int file_subscription_ = -1;
  int folder_subscription_ = -1;
  CallbackSlot<const FileChange&> callback_;
};

}  // namespace ioa

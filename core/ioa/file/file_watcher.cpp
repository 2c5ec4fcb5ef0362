#include "ioa/file/file_watcher.hpp"

#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "ioa/base/syscall.hpp"
#include "ioa/loop/loop.hpp"

namespace ioa {
namespace {

// One mask for files and directories: a path may be watched as the one and be another's directory,
// and the kernel has one mask an inode.
constexpr std::uint32_t kMask = IN_MODIFY | IN_ATTRIB | IN_CLOSE_WRITE | IN_CREATE | IN_DELETE |
                                IN_DELETE_SELF | IN_MOVED_FROM | IN_MOVED_TO | IN_MOVE_SELF;

FileState state_of(const std::string& path) noexcept {
  struct ::stat found {};
  if (::stat(path.c_str(), &found) != 0) return std::nullopt;
  return found;
}

std::string folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

std::string_view name_of(std::string_view path) noexcept {
  return path.substr(path.rfind('/') + 1);  // npos + 1 is 0
}

bool is_link(const std::string& path) noexcept {
  struct ::stat found {};
  return ::lstat(path.c_str(), &found) == 0 && S_ISLNK(found.st_mode);
}

template <class T>
void remove_from(std::vector<T>& list, const T& item) noexcept {
  list.erase(std::remove(list.begin(), list.end(), item), list.end());
}

}  // namespace

struct FileWatcher::Running {
  Running(FileWatcher& owner, Loop& loop)
      : events(loop),
        poll(loop.timers(), [&owner] { owner.look_at_all(); }),
        look(loop, [&owner] { owner.look_at_dirty(); }) {
    events.set_callback([&owner](IoEvent) { owner.read_events(); });
  }

  IoWatch events;
  TimeWatch poll;
  DeferredCall look;
};

// --- In and out of a loop -------------------------------------------------------------------

FileWatcher::FileWatcher(Mode mode, Duration interval) noexcept
    : mode_(mode), interval_(interval) {}

FileWatcher::~FileWatcher() {
  for (FileWatch* watch : watches_) watch->watcher_ = nullptr;
}

void FileWatcher::added_to_loop(Loop& loop) {
  running_ = std::make_unique<Running>(*this, loop);
  if (mode_ == Mode::automatic) inotify_ = UniqueFd(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  if (inotify_) running_->events.start(inotify_.get(), IoEvent::read);
  for (FileWatch* watch : watches_) follow(*watch);
  dirty_ = watches_;
  if (!dirty_.empty()) running_->look.schedule();
  plan_poll();
}

void FileWatcher::removing_from_loop(Loop&) {
  for (FileWatch* watch : watches_) watch->file_subscription_ = watch->folder_subscription_ = -1;
  dirty_.clear();
  subscriptions_.clear();
  running_.reset();
  inotify_.reset();
}

void FileWatcher::add(FileWatch& watch) {
  watches_.push_back(&watch);
  if (!running_) return;
  follow(watch);
  plan_poll();
}

void FileWatcher::drop(FileWatch& watch) noexcept {
  unfollow(watch);
  remove_from(watches_, &watch);
  remove_from(dirty_, &watch);
}

// --- What the kernel tells ------------------------------------------------------------------

void FileWatcher::follow(FileWatch& watch) {
  const int file = subscribe(watch.path_);
  const int folder = subscribe(folder_of(watch.path_));
  unfollow(watch);  // after the new ones, so that what stays the same is not given up in between
  watch.file_subscription_ = file;
  watch.folder_subscription_ = folder;
}

void FileWatcher::unfollow(FileWatch& watch) noexcept {
  unsubscribe(std::exchange(watch.file_subscription_, -1));
  unsubscribe(std::exchange(watch.folder_subscription_, -1));
}

int FileWatcher::subscribe(const std::string& path) {
  if (!inotify_) return -1;
  const int descriptor = ::inotify_add_watch(inotify_.get(), path.c_str(), kMask);
  if (descriptor >= 0) ++subscriptions_[descriptor];
  return descriptor;
}

void FileWatcher::unsubscribe(int descriptor) noexcept {
  const auto found = subscriptions_.find(descriptor);
  if (found == subscriptions_.end() || --found->second > 0) return;
  subscriptions_.erase(found);
  ::inotify_rm_watch(inotify_.get(), descriptor);  // fails if the file is gone: so is the watch
}

void FileWatcher::read_events() {
  alignas(inotify_event) std::array<char, 16384> space;
  const ssize_t size =
      retry_on_eintr([&] { return ::read(inotify_.get(), space.data(), space.size()); });
  for (ssize_t at = 0; at < size;) {
    inotify_event event;
    std::memcpy(&event, space.data() + at, sizeof event);
    const char* name = space.data() + at + sizeof event;
    take_event(event.wd, event.mask,
               std::string_view(name, event.len == 0 ? 0 : ::strnlen(name, event.len)));
    at += static_cast<ssize_t>(sizeof event + event.len);
  }
  look_at_dirty();
}

void FileWatcher::take_event(int descriptor, std::uint32_t mask, std::string_view name) {
  const bool is_all = (mask & IN_Q_OVERFLOW) != 0;
  for (FileWatch* watch : watches_) {
    const bool is_own = watch->file_subscription_ == descriptor;
    const bool is_of_folder = watch->folder_subscription_ == descriptor &&
                              (name.empty() || name == name_of(watch->path_));
    if (!is_all && !is_own && !is_of_folder) continue;
    if (std::find(dirty_.begin(), dirty_.end(), watch) == dirty_.end()) dirty_.push_back(watch);
  }
  // The kernel has dropped its watch: the number may be given to another one.
  if ((mask & IN_IGNORED) == 0) return;
  subscriptions_.erase(descriptor);
  for (FileWatch* watch : watches_) {
    if (watch->file_subscription_ == descriptor) watch->file_subscription_ = -1;
    if (watch->folder_subscription_ == descriptor) watch->folder_subscription_ = -1;
  }
}

// --- Looking --------------------------------------------------------------------------------

void FileWatcher::look_at_all() {
  dirty_ = watches_;
  look_at_dirty();
}

/// Whoever is told may drop watches, or take this out of its loop, which empties the list.
void FileWatcher::look_at_dirty() {
  while (!dirty_.empty()) {
    FileWatch* watch = dirty_.front();
    dirty_.erase(dirty_.begin());
    try {
      follow(*watch);  // before the look: what changes in between makes an event
      watch->look();
    } catch (...) {
      if (running_ && !dirty_.empty()) running_->look.schedule();
      plan_poll();
      throw;
    }
  }
  plan_poll();
}

void FileWatcher::plan_poll() {
  if (!running_) return;
  // The kernel does not say when a missing target of a link comes, nor a missing directory.
  const bool is_needed = std::any_of(watches_.begin(), watches_.end(), [](const FileWatch* watch) {
    return watch->folder_subscription_ < 0 ||
           (watch->file_subscription_ < 0 && (watch->state_ || is_link(watch->path_)));
  });
  if (is_needed)
    running_->poll.arm(saturating_add(loop()->now(), interval_));
  else
    running_->poll.disarm();
}

// --- FileWatch ------------------------------------------------------------------------------

FileWatch::FileWatch(FileWatcher& watcher, std::string path,
                     UniqueFunction<void(const FileChange&)> callback)
    : watcher_(&watcher), path_(std::move(path)) {
  callback_.set(std::move(callback));
  watcher.add(*this);  // before the first look: what changes in between makes an event
  state_ = state_of(path_);
}

FileWatch::~FileWatch() {
  if (watcher_ != nullptr) watcher_->drop(*this);
}

void FileWatch::look() {
  const FileChange change{state_, state_of(path_)};
  state_ = change.after;
  if (change.is_any()) callback_(change);
}

}  // namespace ioa

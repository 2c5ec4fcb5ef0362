#include "cli/commands/run_child/child_set_up.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>

#include "cli/output_fd.hpp"
#include "ioa/base/error.hpp"

namespace ioa::cli {
namespace {

// sd_listen_fds(3): the first descriptor that is passed.
constexpr int kFirstListenFd = 3;

UniqueFd open_checked(const std::string& path, int flags) {
  UniqueFd fd(::open(path.c_str(), flags | O_CLOEXEC | O_NOCTTY, 0666));
  if (!fd) throw Error::from_errno(errno, "open", path);
  return fd;
}

/// For reading and writing, or whichever of them is possible.
UniqueFd open_any(const std::string& path) {
  constexpr int kAlways = O_CLOEXEC | O_NOCTTY;
  UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | kAlways, 0666));
  const int why = errno;
  const bool may_differ = why == EACCES || why == EISDIR || why == EROFS || why == ETXTBSY ||
                          why == EPERM || why == ENXIO;
  for (const int flags : {O_RDONLY, O_WRONLY})
    if (!fd && may_differ) fd = UniqueFd(::open(path.c_str(), flags | kAlways));
  if (!fd) throw Error::from_errno(why, "open", path);
  return fd;
}

/// A file without a name that holds `text`, read from its beginning.
UniqueFd text_file(std::string_view text) {
  const UniqueFd writable(::memfd_create("stdin-text", MFD_CLOEXEC));
  if (!writable) throw Error::from_errno(errno, "memfd_create");
  if (const int error = write_fully(writable.get(), text); error != 0)
    throw Error::from_errno(error, "write", "standard input of the child");
  const std::string path = "/proc/self/fd/" + std::to_string(writable.get());
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (fd) return fd;
  // Without /proc the child gets it for writing, too.
  ::lseek(writable.get(), 0, SEEK_SET);
  fd = UniqueFd(::fcntl(writable.get(), F_DUPFD_CLOEXEC, 0));
  if (!fd) throw Error::from_errno(errno, "dup");
  return fd;
}

bool is_only_written(const ChildFile& file) {
  return file.flags != 0 && (file.flags & O_ACCMODE) == O_WRONLY;
}

}  // namespace

SpawnRequest make_request(const ChildPlan& plan) {
  SpawnRequest request = SpawnRequest::command(plan.command);
  if (plan.clear_environment) request.environment.clear();
  for (const std::string& name : plan.unset) request.environment.unset(name);
  for (const auto& [name, value] : plan.environment) request.environment.set(name, value);
  if (!plan.directory.empty()) request.directory = plan.directory;
  request.umask = plan.umask;
  request.nice = plan.nice;
  request.limits = plan.limits;
  request.user = plan.ids.user;
  request.group = plan.ids.group;
  request.groups = plan.ids.groups;
  request.new_session = plan.new_session || plan.pty;
  request.parent_death_signal = SIGKILL;
  request.closes_others = false;
  return request;
}

UniqueFd open_input(const ChildInput& input) {
  switch (input.kind) {
    case ChildInput::Kind::inherit:
      break;
    case ChildInput::Kind::null:
      return open_checked("/dev/null", O_RDONLY);
    case ChildInput::Kind::file:
      return open_checked(input.value, O_RDONLY);
    case ChildInput::Kind::text:
      return text_file(input.value);
  }
  return UniqueFd();
}

UniqueFd open_output(const std::string& path) {
  return open_checked(path, O_WRONLY | O_CREAT | O_TRUNC);
}

ChildFiles::ChildFiles(const std::vector<ChildFile>& files) : files_(files) {
  for (const ChildFile& file : files_)
    written_.push_back(is_only_written(file) ? open_checked(file.path, file.flags) : UniqueFd());
}

std::vector<UniqueFd> ChildFiles::add_to(SpawnRequest& request) const {
  std::vector<UniqueFd> opened;
  for (std::size_t i = 0; i < files_.size(); ++i) {
    int fd = written_[i].get();
    if (fd < 0) {
      const ChildFile& file = files_[i];
      opened.push_back(file.flags == 0 ? open_any(file.path) : open_checked(file.path, file.flags));
      fd = opened.back().get();
    }
    request.descriptors.push_back(FdAction::dup(fd, files_[i].fd));
  }
  return opened;
}

void add_sockets(SpawnRequest& request, std::span<const int> sockets) {
  if (sockets.empty()) return;
  int number = kFirstListenFd;
  for (const int socket : sockets) request.descriptors.push_back(FdAction::dup(socket, number++));
  request.environment.set("LISTEN_FDS", std::to_string(sockets.size())).unset("LISTEN_FDNAMES");
  request.pid_variable = "LISTEN_PID";
}

}  // namespace ioa::cli

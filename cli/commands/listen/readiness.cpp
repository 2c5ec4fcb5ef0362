#include "cli/commands/listen/readiness.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "cli/output_fd.hpp"
#include "ioa/base/error.hpp"
#include "ioa/base/unique_fd.hpp"

namespace ioa::cli {
namespace {

/// A socket's file is a path of the peers' world, and has no port.
std::string line_of(const SocketAddress& address, bool with_host) {
  if (!address.is_inet()) return address.to_string() + "\n";
  return with_host ? fmt::format("{} {}\n", address.host(), address.port())
                   : fmt::format("{}\n", address.port());
}

std::string lines_of(std::span<const ListenPlace> places, bool with_host) {
  std::string lines;
  for (const ListenPlace& place : places)
    if (!place.sockets.empty()) lines += line_of(place.sockets.front().address, with_host);
  return lines;
}

/// Takes a file away again unless it has got its name.
class Temporary {
 public:
  explicit Temporary(std::string path) : path_(std::move(path)) {}
  Temporary(const Temporary&) = delete;
  Temporary& operator=(const Temporary&) = delete;
  ~Temporary() {
    if (!path_.empty()) ::unlink(path_.c_str());
  }
  const std::string& path() const noexcept { return path_; }
  void keep() noexcept { path_.clear(); }

 private:
  std::string path_;
};

/// Who waits for the file sees all of it or nothing. What is no file (a FIFO, /dev/stdout) is just
/// written.
void write_whole(const std::string& path, std::string_view text) {
  struct stat status {};
  const bool exists = ::stat(path.c_str(), &status) == 0;
  if (exists && !S_ISREG(status.st_mode)) {
    const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NOCTTY));
    if (!fd) throw Error::from_errno(errno, "open", path);
    if (const int error = write_fully(fd.get(), text))
      throw Error::from_errno(error, "write", path);
    return;
  }
  std::string name = path + ".XXXXXX";
  const UniqueFd fd(::mkostemp(name.data(), O_CLOEXEC));
  if (!fd) throw Error::from_errno(errno, "open", path);
  Temporary temporary(std::move(name));
  const mode_t mask = ::umask(0);
  ::umask(mask);
  // As open(2) would have made it; mkstemp(3) is for secrets.
  static_cast<void>(::fchmod(fd.get(), 0666 & ~mask));
  if (const int error = write_fully(fd.get(), text)) throw Error::from_errno(error, "write", path);
  if (::rename(temporary.path().c_str(), path.c_str()) != 0)
    throw Error::from_errno(errno, "rename", path);
  temporary.keep();
}

}  // namespace

std::string port_lines(std::span<const ListenPlace> places) { return lines_of(places, false); }
std::string address_lines(std::span<const ListenPlace> places) { return lines_of(places, true); }

int notify_manager(std::string_view state) noexcept {
  const char* name = std::getenv("NOTIFY_SOCKET");
  if (name == nullptr || *name == '\0') return 0;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::size_t length = std::strlen(name);
  if (length >= sizeof address.sun_path) return ENAMETOOLONG;
  std::memcpy(address.sun_path, name, length);
  if (*name == '@') address.sun_path[0] = '\0';  // unix(7), abstract
  const UniqueFd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd) return errno;
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + length);
  const ssize_t sent = ::sendto(fd.get(), state.data(), state.size(), MSG_NOSIGNAL,
                                reinterpret_cast<const sockaddr*>(&address), size);
  return sent < 0 ? errno : 0;
}

void write_port_file(std::span<const ListenPlace> places, const ListenOptions& options) {
  if (!options.port_file.empty()) write_whole(options.port_file, port_lines(places));
}

void tell_ready(std::span<const ListenPlace> places, const ListenOptions& options,
                Reporter& reporter) {
  if (options.ready_fd >= 0) {
    const int error = write_fully(options.ready_fd, address_lines(places));
    if (error != 0)
      throw Error::from_errno(error, "write", fmt::format("--ready-fd {}", options.ready_fd));
    // Whoever reads it sees its end; standard output and error have other uses.
    if (options.ready_fd > STDERR_FILENO) ::close(options.ready_fd);
  }
  if (const int error = notify_manager("READY=1"))
    reporter.warning(Error::from_errno(error, "notify", "$NOTIFY_SOCKET").what());
}

}  // namespace ioa::cli

#include "cli/commands/listen/activation.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdlib>
#include <optional>
#include <utility>

#include "ioa/base/byte_size.hpp"
#include "ioa/base/error.hpp"

namespace ioa::cli {
namespace {

constexpr int kFirst = 3;  // SD_LISTEN_FDS_START

std::string_view variable(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

/// Takes what stands before the next colon.
std::string take_name(std::string_view& names) {
  const std::size_t colon = names.find(':');
  std::string name(names.substr(0, colon));
  names.remove_prefix(colon == names.npos ? names.size() : colon + 1);
  return name;
}

}  // namespace

void PassedDescriptors::read_environment() {
  if (std::exchange(has_read_, true)) return;
  const auto pid = parse_decimal(variable("LISTEN_PID"), INT_MAX);
  const auto count = parse_decimal(variable("LISTEN_FDS"), INT_MAX - kFirst);
  const std::string all_names(variable("LISTEN_FDNAMES"));
  std::string_view names = all_names;
  for (const char* name : {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"}) ::unsetenv(name);
  if (!pid || static_cast<::pid_t>(*pid) != ::getpid()) return;
  for (int fd = kFirst; fd < kFirst + static_cast<int>(count.value_or(0)); ++fd) {
    if (::fcntl(fd, F_GETFD) < 0) break;
    static_cast<void>(::fcntl(fd, F_SETFD, FD_CLOEXEC));
    // sd_listen_fds_with_names(3)
    std::string name = take_name(names);
    passed_.push_back({UniqueFd(fd), name.empty() ? "unknown" : std::move(name)});
  }
}

std::vector<ListenSocket> PassedDescriptors::take(std::string_view name) {
  read_environment();
  const std::string subject = name.empty() ? "systemd" : "systemd:" + std::string(name);
  std::vector<ListenSocket> sockets;
  for (Passed& passed : passed_) {
    if (!passed.fd || (!name.empty() && passed.name != name)) continue;
    sockets.push_back(ListenSocket::adopt(std::move(passed.fd)));
  }
  if (sockets.empty())
    throw Error(ErrorKind::failed, {}, "listen", subject,
                name.empty() ? "no sockets were passed (LISTEN_FDS)"
                             : "no socket of that name was passed (LISTEN_FDNAMES)");
  return sockets;
}

}  // namespace ioa::cli

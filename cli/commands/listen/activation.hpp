#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "ioa/base/unique_fd.hpp"
#include "ioa/net/listen_socket.hpp"

namespace ioa::cli {

/// The descriptors that whoever started this program has passed it, as sd_listen_fds(3) has it:
/// LISTEN_FDS of them from 3 on, if LISTEN_PID is this process, with the names of LISTEN_FDNAMES.
/// The variables are taken out of the environment, so that children do not believe in them.
///
/// OWNERSHIP: those that nobody takes are closed with it.
class PassedDescriptors {
 public:
  PassedDescriptors() = default;
  PassedDescriptors(const PassedDescriptors&) = delete;
  PassedDescriptors& operator=(const PassedDescriptors&) = delete;

  /// The sockets of that name, or, for an empty one, all that are left; there is at least one.
  /// Throws Error (operation "listen", subject "systemd:NAME") if there is none, or if one of them
  /// does not listen.
  std::vector<ListenSocket> take(std::string_view name);

 private:
  struct Passed {
    UniqueFd fd;
    std::string name;
  };
  void read_environment();

  bool has_read_ = false;
  std::vector<Passed> passed_;
};

}  // namespace ioa::cli

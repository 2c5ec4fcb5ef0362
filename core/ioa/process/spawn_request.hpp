#pragma once

#include <sys/resource.h>
#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "ioa/process/environment.hpp"
#include "ioa/process/fd_action.hpp"
#include "ioa/process/signal_state.hpp"

namespace ioa {

/// A limit of setrlimit(2): RLIMIT_NOFILE, … RLIM_INFINITY is no limit.
struct ResourceLimit {
  int resource;
  ::rlim_t soft;
  ::rlim_t hard;
};

/// A program to be run, and everything about the process that is to run it: plain data.
///
///     SpawnRequest request = SpawnRequest::command({"sort", "-u"});
///     request.directory = "/srv";
///     request.descriptors = {FdAction::dup(pipe.get(), 0), FdAction::open("out", O_WRONLY |
///     O_CREAT, 1)}; SpawnedChild child = spawn(request);
///
/// The child is set up in this order, whatever the order of the members: session, process group,
/// umask, nice, directory, descriptors (in their own order; files are opened with this process's
/// ids, as a shell does it for sudo(8)), controlling and foreground terminal, resource limits,
/// groups, group, user, parent-death signal, signals, exec.
struct SpawnRequest {
  /// `arguments` are the program and its arguments; nothing is expanded.
  static SpawnRequest command(std::vector<std::string> arguments);
  /// `line` for /bin/sh -c.
  static SpawnRequest shell(std::string line);

  /// argv of the child; the first is the program unless `program` is set.
  std::vector<std::string> arguments;
  /// The file to be run, if that is not the first argument.
  std::optional<std::string> program;
  /// Whether a program without a slash is looked for along PATH, the one of the CHILD's
  /// environment, as execvp(3) does it: without PATH in /bin and /usr/bin; a file that is
  /// executable but of no known format is given to /bin/sh.
  bool searches_path = true;

  Environment environment;
  /// The name of a variable that the child has its own pid in; empty: none. What sd_listen_fds(3)
  /// wants of LISTEN_PID.
  std::string pid_variable;
  std::optional<std::string> directory;
  std::optional<::mode_t> umask;
  /// Added to the nice value, which ends between -20 and 19. Less than 0 needs privileges.
  int nice = 0;
  std::vector<ResourceLimit> limits;

  /// Real, effective and saved ids; privileges cannot be had back. Who sets a user should set
  /// `groups` and `group` too: what is not set stays as it is.
  std::optional<::uid_t> user;
  std::optional<::gid_t> group;
  /// The supplementary groups; an empty list drops them all.
  std::optional<std::vector<::gid_t>> groups;

  /// 0: one of its own, with its pid as number; else the group to join; nullopt: this process's.
  std::optional<::pid_t> process_group;
  /// A session of its own, which is a process group of its own too. setsid(2)
  bool new_session = false;
  /// The child's descriptor of a terminal that becomes the controlling one. Needs new_session.
  std::optional<int> controlling_terminal;
  /// The child's descriptor of its controlling terminal, in whose foreground it puts its process
  /// group before it runs the program. tcsetpgrp(3)
  std::optional<int> foreground_terminal;
  /// The signal that the kernel sends the child (not what that starts) when the THREAD that started
  /// it ends; 0: none. prctl(2), PR_SET_PDEATHSIG
  int parent_death_signal = 0;

  /// Steps in order. Descriptors 0, 1 and 2 that no step names are this process's.
  std::vector<FdAction> descriptors;
  /// Whether the child gets no other descriptors than 0 to 2 and those of `descriptors`. False: it
  /// gets all that are not close-on-exec.
  bool closes_others = true;

  /// The signals that the child ignores and blocks: what this program inherited itself. nullopt:
  /// what this process ignores and blocks now, save that SIGPIPE is at its default. Handlers never
  /// survive.
  std::optional<SignalState> signals;
};

}  // namespace ioa

#include "ioa/process/spawn_plan.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <string_view>

#include "ioa/base/signal_name.hpp"

namespace ioa::detail {
namespace {

// execvp(3) of the GNU C library where there is no PATH.
constexpr std::string_view kDefaultPath = "/bin:/usr/bin";

[[noreturn]] void refuse(std::string subject, std::string why) {
  throw Error::from_errno(EINVAL, "spawn", std::move(subject), std::move(why));
}

void refuse_nul(const std::string& text, const char* what) {
  if (text.find('\0') != std::string::npos) refuse(what, "it contains a NUL byte");
}

const std::string& program_of(const SpawnRequest& request) {
  return request.program ? *request.program : request.arguments.front();
}

const char* limit_name(int resource) {
  switch (resource) {
    case RLIMIT_AS:
      return "as";
    case RLIMIT_CORE:
      return "core";
    case RLIMIT_CPU:
      return "cpu";
    case RLIMIT_DATA:
      return "data";
    case RLIMIT_FSIZE:
      return "fsize";
    case RLIMIT_LOCKS:
      return "locks";
    case RLIMIT_MEMLOCK:
      return "memlock";
    case RLIMIT_MSGQUEUE:
      return "msgqueue";
    case RLIMIT_NICE:
      return "nice";
    case RLIMIT_NOFILE:
      return "nofile";
    case RLIMIT_NPROC:
      return "nproc";
    case RLIMIT_RSS:
      return "rss";
    case RLIMIT_RTPRIO:
      return "rtprio";
    case RLIMIT_RTTIME:
      return "rttime";
    case RLIMIT_SIGPENDING:
      return "sigpending";
    case RLIMIT_STACK:
      return "stack";
    default:
      return nullptr;
  }
}

std::string text_of(const ResourceLimit& limit) {
  const char* name = limit_name(limit.resource);
  return name != nullptr ? name : std::to_string(limit.resource);
}

/// Whether the step needs a descriptor as it is in this process.
bool is_of_parent(const FdAction& action) {
  return action.kind == FdAction::Kind::dup || action.kind == FdAction::Kind::keep;
}

std::pair<const char*, std::string> text_of(const FdAction& action) {
  const std::string target = std::to_string(action.to);
  switch (action.kind) {
    case FdAction::Kind::dup:
    case FdAction::Kind::copy:
      return {"dup", std::to_string(action.from) + " to " + target};
    case FdAction::Kind::open:
      return {"open", action.path};
    case FdAction::Kind::close:
      return {"close", target};
    case FdAction::Kind::keep:
      return {"keep", target};
  }
  return {"", target};
}

}  // namespace

SpawnPlan::SpawnPlan(const SpawnRequest& of) : request(of), parent(::getpid()) {
  check();
  take_environment();
  take_arguments();
  take_candidates();
  take_descriptors();
}

void SpawnPlan::check() const {
  if (request.arguments.empty()) refuse("", "there is no program");
  for (const std::string& argument : request.arguments) refuse_nul(argument, "an argument");
  if (request.program) refuse_nul(*request.program, "the program");
  if (request.directory) refuse_nul(*request.directory, "the directory");
  for (const FdAction& action : request.descriptors) {
    const bool has_source =
        action.kind != FdAction::Kind::open && action.kind != FdAction::Kind::close;
    if (action.to < 0 || (has_source && action.from < 0))
      refuse("a descriptor", "its number is negative");
    refuse_nul(action.path, "the path of a file");
  }
}

void SpawnPlan::take_environment() {
  const std::string& pid_name = request.pid_variable;
  if (request.environment.is_inherited() && pid_name.empty()) {
    environment = ::environ;
    return;
  }
  environment_strings_ = request.environment.strings();
  for (const std::string& entry : environment_strings_) {
    refuse_nul(entry, "a variable of the environment");
    if (entry.front() == '=') refuse("a variable of the environment", "it has no name");
    if (!pid_name.empty() && entry.compare(0, pid_name.size() + 1, pid_name + "=") == 0) continue;
    environment_pointers_.push_back(entry.c_str());
  }
  if (!pid_name.empty()) {
    refuse_nul(pid_name, "a variable of the environment");
    pid_entry_ = pid_name + "=" + std::string(kPidDigits, '\0');
    pid_digits = pid_entry_.data() + pid_name.size() + 1;
    environment_pointers_.push_back(pid_entry_.c_str());
  }
  environment_pointers_.push_back(nullptr);
  environment = environment_pointers_.data();
}

void SpawnPlan::take_arguments() {
  for (const std::string& argument : request.arguments) arguments.push_back(argument.c_str());
  arguments.push_back(nullptr);
  if (!request.searches_path) return;
  shell_arguments = {"/bin/sh", nullptr};  // the second is the file
  shell_arguments.insert(shell_arguments.end(), arguments.begin() + 1, arguments.end());
}

void SpawnPlan::take_candidates() {
  const std::string& program = program_of(request);
  if (!request.searches_path || program.empty() || program.find('/') != std::string::npos) {
    candidates = {program.c_str(), nullptr};
    return;
  }
  std::string_view path = kDefaultPath;
  for (const char* const* entry = environment; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view variable = *entry;
    if (variable.substr(0, 5) != "PATH=") continue;
    path = variable.substr(5);
    break;
  }
  for (;;) {
    const std::size_t colon = path.find(':');
    const std::string_view folder = path.substr(0, colon);
    // Nothing stands for the current directory.
    paths_.push_back(folder.empty() ? program : std::string(folder) + "/" + program);
    if (colon == std::string_view::npos) break;
    path.remove_prefix(colon + 1);
  }
  for (const std::string& candidate : paths_) candidates.push_back(candidate.c_str());
  candidates.push_back(nullptr);
}

void SpawnPlan::take_descriptors() {
  const std::vector<FdAction>& steps = request.descriptors;
  std::vector<unsigned> kept = {0, 1, 2};
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const FdAction& step = steps[i];
    // An earlier step makes something else of the number.
    const bool is_overwritten = std::any_of(
        steps.begin(), steps.begin() + static_cast<std::ptrdiff_t>(i),
        [&](const FdAction& earlier) { return is_of_parent(step) && earlier.to == step.from; });
    sources.push_back(is_overwritten ? -1 : step.from);
    if (step.kind != FdAction::Kind::close) kept.push_back(static_cast<unsigned>(step.to));
  }
  if (!request.closes_others) return;
  std::sort(kept.begin(), kept.end());
  unsigned first = 3;
  for (const unsigned fd : kept) {
    if (fd > first) others.emplace_back(first, fd - 1);
    if (fd >= first) first = fd + 1;
  }
  others.emplace_back(first, UINT_MAX);
}

Error SpawnPlan::error() const {
  const auto failed = [this](const char* operation, std::string subject) {
    return Error::from_errno(failure.error, operation, std::move(subject));
  };
  const auto number = [](auto value) { return std::to_string(value); };
  switch (failure.step) {
    case SpawnStep::session:
      return failed("setsid", "");
    case SpawnStep::process_group:
      return failed("setpgid", number(*request.process_group));
    case SpawnStep::nice:
      return failed("nice", number(request.nice));
    case SpawnStep::directory:
      return failed("chdir", *request.directory);
    case SpawnStep::descriptor: {
      auto [operation, subject] = text_of(request.descriptors[failure.index]);
      return failed(operation, std::move(subject));
    }
    case SpawnStep::controlling_terminal:
      return failed("controlling terminal", number(*request.controlling_terminal));
    case SpawnStep::foreground_terminal:
      return failed("foreground terminal", number(*request.foreground_terminal));
    case SpawnStep::limit:
      return failed("setrlimit", text_of(request.limits[failure.index]));
    case SpawnStep::groups:
      return failed("setgroups", "");
    case SpawnStep::group:
      return failed("setgid", number(*request.group));
    case SpawnStep::user:
      return failed("setuid", number(*request.user));
    case SpawnStep::parent_death:
      return failed("parent-death signal", signal_name(request.parent_death_signal));
    case SpawnStep::exec:
      break;
  }
  return failed("exec", program_of(request));
}

}  // namespace ioa::detail

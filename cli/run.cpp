#include "cli/run.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <exception>
#include <optional>
#include <string>
#include <utility>

#include "cli/command_line.hpp"
#include "cli/commands/connect.hpp"
#include "cli/commands/listen/listen.hpp"
#include "cli/commands/probe.hpp"
#include "cli/commands/resolve.hpp"
#include "cli/commands/run_child/guard.hpp"
#include "cli/commands/run_child/run_child.hpp"
#include "cli/commands/timer/timer.hpp"
#include "cli/context.hpp"
#include "cli/escape.hpp"
#include "cli/exec_in_place.hpp"
#include "cli/exit_status.hpp"
#include "cli/output_fd.hpp"
#include "cli/reporter.hpp"
#include "cli/usage_error.hpp"

namespace ioa::cli {
namespace {

std::unique_ptr<Backend> make_backend(std::string_view command, const GeneralOptions& options,
                                      const Backends& backends) {
  const char* variable = std::getenv("IOA_LOOP");
  const bool from_option = !options.loop.empty();
  const std::string_view name = from_option           ? options.loop
                                : variable != nullptr ? variable
                                                      : std::string_view();
  try {
    return backends.create(name);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::unsupported) throw;
    std::string available;
    for (const std::string& each : backends.names())
      available += (available.empty() ? "" : ", ") + each;
    throw UsageError(command, (from_option ? "--loop " : "IOA_LOOP=") + escape_argument(name),
                     "expected one of " + available);
  }
}

/// INT and TERM: the first one ends the command in an orderly way, the second one the program.
class Interruption {
 public:
  Interruption(Context& context, int number)
      : context_(context), watch_(context.loop, number, [this] { arrived(); }) {}

 private:
  void arrived() {
    const int number = watch_.signal();
    if (!context_.on_signal) {
      if (context_.is_supervised) return;
      context_.reporter.hide_live();
      if (context_.on_abort) context_.on_abort();
      ::_exit(to_int(ended_by_signal(number)));
    }
    std::exchange(context_.on_signal, nullptr)(number);
  }

  Context& context_;
  SignalWatch watch_;
};

/// A signal that was ignored when the program started, as for a shell's background command, is to
/// stay ignored.
bool is_ignored(int number) {
  struct sigaction action {};
  return ::sigaction(number, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

/// What was given to run(), for all commands.
struct World {
  const Backends& backends;
  const SignalState& inherited;  // what children, and what is executed in our place, inherit
  TimePoint started;
};

/// Builds the world of a command and runs it to its end; `exec_command` is what is to follow.
template <class Options, class Run>
ExitStatus run_in_loop(std::string_view name, Options options, Run start, const World& world,
                       Reporter& reporter, std::size_t lookup_threads,
                       std::vector<std::string>& exec_command) {
  Loop loop(make_backend(name, options.general, world.backends));
  if (reporter.wants_events()) loop.set_event_sink(&reporter);
  ThreadPool::Options threads;
  threads.max_threads = lookup_threads;
  Resolver resolver(loop, {}, threads);
  Connector connector(loop, resolver);
  Context context{loop, reporter, resolver, connector};
  context.inherited = world.inherited;
  std::optional<Interruption> interrupt;
  std::optional<Interruption> terminate;
  if (!is_ignored(SIGINT)) interrupt.emplace(context, SIGINT);
  if (!is_ignored(SIGTERM)) terminate.emplace(context, SIGTERM);
  const SignalWatch counters(loop, SIGUSR1, [&context] {
    if (context.on_counters) context.on_counters();
  });
  ExitStatus status = ExitStatus::io_error;
  try {
    status = loop.run(start(context, std::move(options)));
  } catch (const std::exception& error) {
    reporter.error(escape(error.what()));
  }
  if (status == ExitStatus::done) exec_command = std::move(context.exec_command);
  return status;
}

template <class Options, class Run>
int run_command(std::string_view name, Options options, Run start, const World& world,
                std::size_t lookup_threads) {
  Reporter reporter(name, options.general, world.started);
  std::vector<std::string> exec_command;
  ExitStatus status =
      run_in_loop(name, std::move(options), start, world, reporter, lookup_threads, exec_command);
  if (!exec_command.empty()) {
    const Error error = exec_in_place(exec_command, world.inherited);
    reporter.error(escape(error.what()));
    status =
        error.code().value() == ENOENT ? ExitStatus::command_not_found : ExitStatus::cannot_execute;
  }
  reporter.exit(status);
  return to_int(status);
}

/// As run_command(), for the one command that others are compared with by how fast it starts: what
/// it has no use for is not made.
int run_children(std::string_view name, RunChildOptions options, const World& world) {
  Reporter reporter(name, options.general, world.started);
  ExitStatus status = ExitStatus::child_failed;
  try {
    Guarded guarded;
    if (options.guard) guarded = stand_guard(world.inherited);
    if (guarded.status) return *guarded.status;
    Loop loop(make_backend(name, options.general, world.backends));
    if (reporter.wants_events()) loop.set_event_sink(&reporter);
    const ChildWorld child_world{loop, reporter, world.inherited, guarded.guard.get()};
    status = loop.run(run_child(child_world, std::move(options)));
  } catch (const UsageError&) {
    throw;
  } catch (const std::exception& error) {
    reporter.error(escape(error.what()));
  }
  reporter.exit(status);
  return to_int(status);
}

/// `ioa listen`: one process, or one that has several serve.
int run_listeners(std::string_view name, ListenOptions options, const World& world) {
  const std::size_t threads = ThreadPool::Options().max_threads;
  if (options.workers == 0)
    return run_command(name, std::move(options), &run_listen, world, threads);
  Reporter reporter(name, options.general, world.started);
  std::vector<std::string> nothing_to_follow;
  std::vector<ListenPlace> places;
  const auto bind = [&places](Context& context, ListenOptions given) {
    return bind_for_workers(context, std::move(given), places);
  };
  // Its loop is gone before there is another process.
  ExitStatus status = run_in_loop(name, options, bind, world, reporter, threads, nothing_to_follow);
  if (status == ExitStatus::done) {
    WorkerSupervisor supervisor(reporter, options, std::move(places));
    auto end = supervisor.supervise();
    if (WorkerSeat* seat = std::get_if<WorkerSeat>(&end)) {
      const auto serve = [seat](Context& context, ListenOptions given) {
        context.is_supervised = true;
        return run_worker(context, std::move(given), std::move(*seat));
      };
      return to_int(run_in_loop(name, options, serve, world, reporter, threads, nothing_to_follow));
    }
    status = std::get<ExitStatus>(end);
  }
  reporter.exit(status);
  return to_int(status);
}

// Look-ups at once: each takes a thread. More than this is beyond what a resolver library serves.
constexpr std::uint32_t kMaxLookupThreads = 512;

int dispatch(const Invocation& invocation, const World& world) {
  const Arguments& arguments = invocation.arguments;
  const std::string_view name = arguments.command->name;
  switch (arguments.command->command) {
    case Command::connect: {
      ConnectOptions options = parse_connect(arguments);
      const auto behaviour = options.probe ? &run_probe : &run_connect;
      // Each name that is probed takes one.
      const std::size_t threads = options.probe ? std::min(options.jobs, kMaxLookupThreads)
                                                : ThreadPool::Options().max_threads;
      return run_command(name, std::move(options), behaviour, world, threads);
    }
    case Command::listen:
      return run_listeners(name, parse_listen(arguments), world);
    case Command::resolve: {
      ResolveOptions options = parse_resolve(arguments);
      const std::size_t threads = options.via_dns ? ThreadPool::Options().max_threads
                                                  : std::min(options.jobs, kMaxLookupThreads);
      return run_command(name, std::move(options), &run_resolve, world, threads);
    }
    case Command::run_child:
      return run_children(name, parse_run_child(arguments), world);
    case Command::timer: {
      const auto behaviour = [&world](Context& context, TimerOptions options) {
        return run_timer(context, std::move(options), world.inherited);
      };
      TimerOptions options = parse_timer(arguments, std::chrono::system_clock::now());
      return run_command(name, std::move(options), behaviour, world, 1);
    }
  }
  return to_int(ExitStatus::usage);
}

int print(std::string_view text) {
  const int error = write_fully(STDOUT_FILENO, text);
  if (error == 0) return to_int(ExitStatus::done);
  if (error == EPIPE) return to_int(ended_by_signal(SIGPIPE));
  static_cast<void>(write_fully(
      STDERR_FILENO,
      fmt::format("ioa: {}\n", Error::from_errno(error, "write", "standard output").what())));
  return to_int(ExitStatus::io_error);
}

}  // namespace

int run(std::span<const std::string_view> arguments, const Backends& backends,
        const SignalState& inherited) {
  const World world{backends, inherited, Clock::now()};
  try {
    const Invocation invocation = read_command_line(arguments);
    if (invocation.arguments.command == nullptr) return print(invocation.text);
    return dispatch(invocation, world);
  } catch (const UsageError& error) {
    static_cast<void>(write_fully(STDERR_FILENO, fmt::format("{}\n", error.what())));
    return to_int(ExitStatus::usage);
  } catch (const std::exception& error) {
    static_cast<void>(write_fully(STDERR_FILENO, fmt::format("ioa: {}\n", escape(error.what()))));
    return to_int(ExitStatus::io_error);
  }
}

}  // namespace ioa::cli

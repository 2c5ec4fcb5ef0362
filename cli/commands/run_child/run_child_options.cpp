#include "cli/commands/run_child/run_child_options.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <climits>
#include <cstdint>
#include <thread>
#include <utility>

#include "cli/commands/run_child/child_values.hpp"
#include "cli/commands/run_child/job_item.hpp"
#include "cli/escape.hpp"
#include "cli/option_values.hpp"
#include "cli/usage_error.hpp"
#include "ioa/base/signal_name.hpp"

namespace ioa::cli {
namespace {

constexpr std::pair<std::string_view, Restart> kRestarts[] = {
    {"never", Restart::never},
    {"on-failure", Restart::on_failure},
    {"always", Restart::always},
};

// More processes than any system has.
constexpr std::uint32_t kMostJobs = 1U << 22;

constexpr std::pair<std::string_view, Halt> kHalts[] = {
    {"never", Halt::never},
    {"soon", Halt::soon},
    {"now", Halt::now},
};

void read_ending(const OptionValues& values, ChildPlan& plan) {
  plan.timeout = values.duration("timeout").value_or(plan.timeout);
  plan.idle_timeout = values.duration("idle-timeout").value_or(plan.idle_timeout);
  plan.kill_after = values.duration("kill-after").value_or(plan.kill_after);
  const auto signal = values.text("kill-signal");
  if (!signal) return;
  const auto number = signal_number(*signal);
  if (!number || *number == 0) {
    values.fail("kill-signal", "expected a signal such as TERM, INT, KILL or 15");
  }
  plan.kill_signal = *number;
}

void read_environment(const OptionValues& values, ChildPlan& plan) {
  plan.clear_environment = values.has("clear-env");
  for (const std::string& name : values.texts("unset")) {
    if (name.empty() || name.find('=') != name.npos) {
      values.fail("unset", name, "expected the name of a variable");
    }
    plan.unset.push_back(name);
  }
  for (const std::string& text : values.texts("env")) {
    const std::size_t equals = text.find('=');
    if (equals == text.npos || equals == 0) values.fail("env", text, "expected NAME=VALUE");
    plan.environment.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  }
}

void read_process(const OptionValues& values, ChildPlan& plan) {
  plan.directory = values.word("chdir", "expected a directory").value_or("");
  if (const auto mask = values.text("umask")) {
    plan.umask = parse_umask(*mask);
    if (!plan.umask) values.fail("umask", "expected an octal number from 0 to 777");
  }
  if (const auto niceness = values.text("nice")) {
    const auto number = parse_niceness(*niceness);
    if (!number) values.fail("nice", "expected a number from -20 to 19");
    plan.nice = *number;
  }
  for (const std::string& text : values.texts("rlimit")) {
    const auto limit = parse_rlimit(text);
    if (!limit) {
      values.fail("rlimit", text,
                  "expected NAME=N or NAME=SOFT:HARD with a name such as nofile, cpu, as or core "
                  "and a number or unlimited");
    }
    plan.limits.push_back(*limit);
  }
  plan.pty = values.has("pty");
  plan.new_session = values.has("new-session");
}

void read_input(const OptionValues& values, ChildInput& input) {
  values.exclude("stdin", "stdin-text");
  if (const auto text = values.text("stdin-text")) {
    input = {ChildInput::Kind::text, std::string(*text)};
  } else if (auto path = values.word("stdin", "expected a file, - or null")) {
    if (*path == "null")
      input.kind = ChildInput::Kind::null;
    else if (*path != "-")
      input = {ChildInput::Kind::file, *std::move(path)};
  }
}

void read_files(const OptionValues& values, ChildPlan& plan) {
  read_input(values, plan.input);
  values.exclude("pty", "stderr");
  plan.output_path = values.word("stdout", "expected a file").value_or("");
  plan.error_path = values.word("stderr", "expected a file").value_or("");
  for (const std::string& text : values.texts("fd")) {
    auto file = parse_child_file(text);
    if (!file) values.fail("fd", text, "expected N=FILE, N=<FILE, N=>FILE or N=>>FILE");
    if (file->fd <= STDERR_FILENO) {
      values.fail("fd", text,
                  "expected a descriptor from 3 on; there are --stdin, --stdout and "
                  "--stderr for the others");
    }
    plan.files.push_back(*std::move(file));
  }
}

void read_listen(const OptionValues& values, RunChildOptions& options) {
  for (const std::string& text : values.texts("listen")) {
    try {
      Address address = parse_address(text, AddressUse::listen);
      const bool is_bindable = address.scheme == Address::Scheme::tcp ||
                               address.scheme == Address::Scheme::udp || address.is_unix();
      if (!is_bindable) values.fail("listen", text, "expected an address of TCP, UDP or Unix");
      options.listen.push_back(std::move(address));
    } catch (const AddressError& error) {
      values.fail("listen", error.text(), error.expected());
    }
  }
  for (const ChildFile& file : options.child.files) {
    const auto first_free = 3 + static_cast<int>(options.listen.size());
    if (!options.listen.empty() && file.fd < first_free) {
      values.fail("fd", std::to_string(file.fd) + '=' + file.path,
                  "expected a descriptor from " + std::to_string(first_free) +
                      " on: the sockets of --listen begin at 3");
    }
  }
}

void read_seeing(const OptionValues& values, RunChildOptions& options) {
  ChildPlan& plan = options.child;
  options.report = values.has("report");
  options.json = values.has("json");
  values.require("capture", std::array<std::string_view, 1>{"json"});
  for (const std::string_view other : {"tag", "timestamps", "stdout", "stderr"})
    values.exclude("capture", other);
  plan.capture = values.has("capture");
  if (values.text("capture").value_or("").size() > 0)
    plan.capture_limit = *values.size("capture", 1, std::uint64_t{1} << 30);
  plan.timestamps = values.has("timestamps");
  if (!values.has("tag")) return;
  plan.tag = *values.text("tag");
  if (plan.tag->empty() && options.many) plan.tag = "{}";
  if (!plan.tag->empty()) return;
  const std::string& program = plan.command.front();
  plan.tag = program.substr(program.rfind('/') + 1);
}

void read_supervision(const OptionValues& values, RunChildOptions& options) {
  values.exclude("retry", "restart");
  values.require("max-restarts", std::array<std::string_view, 1>{"restart"});
  values.require("backoff", std::array<std::string_view, 2>{"retry", "restart"});
  options.restart = values.choice<Restart>("restart", kRestarts).value_or(Restart::never);
  options.max_restarts = values.number("max-restarts", 0, UINT32_MAX).value_or(0);
  if (const auto retries = values.number("retry", 0, UINT32_MAX); retries && *retries > 0) {
    options.restart = Restart::on_failure;
    options.max_restarts = *retries;
  }
  options.backoff = values.duration("backoff").value_or(options.backoff);
  if (const auto list = values.text("success-status")) {
    const auto statuses = parse_statuses(*list);
    if (!statuses) values.fail("success-status", "expected numbers from 0 to 255: 1,3,10-19");
    options.success = *statuses;
  }
}

/// What standard input is for, where the lines may come from there.
void read_many_input(const OptionValues& values, RunChildOptions& options) {
  ChildInput& input = options.child.input;
  if (input.kind != ChildInput::Kind::inherit) return;
  const bool is_asked = values.has("stdin");
  if (is_asked && options.many->source == "-") {
    values.fail("stdin", "expected a file or null: the lines of --from come from standard input");
  }
  if (is_asked && options.child.pty && options.many->jobs > 1) {
    values.fail("stdin", "expected a file, null or --jobs 1: one terminal at a time is typed at");
  }
  if (!is_asked) input.kind = ChildInput::Kind::null;
}

void read_many(const OptionValues& values, RunChildOptions& options) {
  for (const std::string_view key : {"jobs", "null", "unordered", "interleave", "halt", "progress"})
    values.require(key, std::array<std::string_view, 1>{"from"});
  const auto source = values.word("from", "expected a file or -");
  if (!source) return;
  ManyOptions& many = options.many.emplace();
  many.source = *source;
  many.separator = values.has("null") ? '\0' : '\n';
  const unsigned cores = std::max(1U, std::thread::hardware_concurrency());
  many.jobs = values.number("jobs", 1, kMostJobs).value_or(cores);
  values.exclude("unordered", "interleave");
  if (values.has("unordered")) many.order = OutputOrder::end;
  if (values.has("interleave")) many.order = OutputOrder::by_line;
  many.halt = values.choice<Halt>("halt", kHalts).value_or(Halt::never);
  many.progress = read_progress(values);
  options.child.is_one_of_many = true;
  const auto& command = options.child.command;
  if (!command.empty() && !has_placeholder(command)) {
    throw UsageError(run_child_command().name, escape_argument(command.front()),
                     "expected {} (the line) or {n} (its number) in the command, or no command: "
                     "then the line is one for /bin/sh");
  }
}

}  // namespace

RunChildOptions parse_run_child(const Arguments& arguments) {
  const OptionValues values(arguments);
  RunChildOptions options;
  options.general = read_general(values);
  options.child.command = arguments.operands;
  read_many(values, options);
  if (arguments.operands.empty() && !options.many) {
    throw UsageError(run_child_command().name, "CMD", "expected a command to run");
  }
  read_ending(values, options.child);
  read_environment(values, options.child);
  read_process(values, options.child);
  read_ids(values, options.child.ids);
  read_files(values, options.child);
  read_listen(values, options);
  read_seeing(values, options);
  read_supervision(values, options);
  if (options.many) read_many_input(values, options);
  options.guard = values.has("guard");
  return options;
}

}  // namespace ioa::cli

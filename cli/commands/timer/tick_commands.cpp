#include "cli/commands/timer/tick_commands.hpp"

#include <fmt/format.h>

#include <csignal>
#include <exception>
#include <utility>
#include <vector>

#include "cli/escape.hpp"
#include "cli/wall_time.hpp"
#include "ioa/base/duration_text.hpp"
#include "ioa/process/process_tree.hpp"

namespace ioa::cli {

TickCommands::TickCommands(Context& context, const TimerOptions& options,
                           const SignalState& inherited, UniqueFunction<void()> on_change)
    : context_(context),
      options_(options),
      inherited_(inherited),
      on_change_(std::move(on_change)),
      files_(no_files_),
      more_(context.loop, [this] { go_on(); }),
      tasks_([](void*, std::exception_ptr error) { std::rethrow_exception(std::move(error)); },
             this) {}

bool TickCommands::takes_tick() const noexcept {
  switch (options_.overlap) {
    case Overlap::skip:
      return is_idle();
    case Overlap::kill:
      return waiting_.empty();  // else the last tick still waits for the end of the one before
    case Overlap::queue:
    case Overlap::parallel:
      break;
  }
  return true;
}

void TickCommands::run(const TickReport& tick) {
  if (running_.empty() || options_.overlap == Overlap::parallel) return start(tick);
  waiting_.push_back(tick);
  if (options_.overlap == Overlap::kill) end(running_.back(), SIGTERM);
}

void TickCommands::start(const TickReport& tick) {
  Running& running = running_.emplace_back();
  running.plan.command = options_.command;
  running.plan.kill_after = options_.kill_after;
  running.plan.input.kind = ChildInput::Kind::null;
  running.plan.environment = {{"IOA_TICK", std::to_string(tick.number)},
                              {"IOA_TIME", format_time(tick.time)},
                              {"IOA_MISSED", std::to_string(tick.missed)}};
  ChildSurroundings around{context_.loop, inherited_, {}, files_};
  around.adopts = options_.overlap != Overlap::parallel;
  running.run.emplace(running.plan, around);
  running.run->on_started = [this, &running, number = tick.number](::pid_t pid) {
    running.pid = pid;
    context_.reporter.event("child.started",
                            {{"tick", static_cast<std::int64_t>(number)},
                             {"pid", std::int64_t{pid}},
                             {"attempt", std::int64_t{1}},
                             {"command", std::span<const std::string>(options_.command)}});
  };
  tasks_.add(follow(running, tick.number));
}

Future<> TickCommands::follow(Running& running, std::uint64_t number) {
  ChildReport report = co_await running.run->run();
  ended(running, report, number);
}

void TickCommands::ended(Running& running, const ChildReport& report, std::uint64_t number) {
  const int status = report.exit_status();
  const std::string name = escape_argument(options_.command.front());
  if (report.error) {
    cannot_run_ = true;
    context_.reporter.error(name + ": " + escape(report.error->reason()));
  } else {
    tell_end(report, number);
    if (status != 0 && !running.is_ending)
      context_.reporter.note(fmt::format("{} (tick {}): {}", name, number, report.status.text()));
  }
  // One that was ended for the next tick's sake has not failed.
  if (status != 0 && !running.is_ending && !failure_) failure_ = status;
  running.is_over = true;
  running.pid = 0;
  more_.schedule();  // its coroutine is still at work
}

void TickCommands::tell_end(const ChildReport& report, std::uint64_t number) {
  if (!context_.reporter.wants_events()) return;
  const std::string fate = report.status.text();
  std::vector<EventField> fields{{"tick", static_cast<std::int64_t>(number)},
                                 {"pid", std::int64_t{report.pid}},
                                 {"attempt", std::int64_t{1}},
                                 {"status", std::int64_t{report.exit_status()}}};
  if (const auto signal = report.status.signal())
    fields.push_back({"signal", std::int64_t{*signal}});
  fields.push_back({"timed_out", false});
  fields.push_back({"duration_ms", milliseconds(report.wall)});
  fields.push_back({"message", std::string_view(fate)});
  context_.reporter.event("child.exited", fields);
}

void TickCommands::go_on() {
  running_.remove_if([](const Running& running) { return running.is_over; });
  if (running_.empty() && !waiting_.empty()) {
    const TickReport tick = waiting_.front();
    waiting_.pop_front();
    start(tick);
  }
  on_change_();
}

void TickCommands::end(Running& running, int signal) {
  if (std::exchange(running.is_ending, true)) return;
  running.run->end(signal);
}

void TickCommands::end(int signal) {
  waiting_.clear();
  for (Running& running : running_) end(running, signal);
}

void TickCommands::kill() {
  TreeTarget target;
  for (const Running& running : running_)
    if (running.pid != 0) target.roots.push_back(running.pid);
  target.adopted = options_.overlap != Overlap::parallel;
  signal_tree(context_.loop, target, SIGKILL);
}

}  // namespace ioa::cli

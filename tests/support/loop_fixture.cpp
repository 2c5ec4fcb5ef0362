#include "tests/support/loop_fixture.hpp"

#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string>

#include "tests/support/fd_count.hpp"

namespace ioa::test {
namespace {

// Longer than kStallLimit, so that turn_until(), which knows more, speaks first.
constexpr std::chrono::seconds kHardLimit = kStallLimit + std::chrono::seconds(10);

// What the signal handler prints: fixed memory, since it may interrupt anything.
std::array<char, 512> stall_message{};

void on_stall(int) {
  static_cast<void>(!::write(2, stall_message.data(), std::strlen(stall_message.data())));
  std::abort();
}

void set_alarm(std::chrono::seconds after) {
  itimerval value{};
  value.it_value.tv_sec = after.count();
  ::setitimer(ITIMER_REAL, &value, nullptr);
}

std::string test_name() {
  const auto* info = ::testing::UnitTest::GetInstance()->current_test_info();
  return info == nullptr ? "a test" : std::string(info->test_suite_name()) + "." + info->name();
}

}  // namespace

StallGuard::StallGuard(std::string_view what) {
  const std::string message = "\nstalled: " + std::string(what) + "\n";
  stall_message.fill(0);
  std::memcpy(stall_message.data(), message.data(),
              std::min(message.size(), stall_message.size() - 1));
  struct sigaction action {};
  action.sa_handler = &on_stall;
  ::sigaction(SIGALRM, &action, nullptr);
  set_alarm(kHardLimit);
}

StallGuard::~StallGuard() {
  set_alarm(std::chrono::seconds(0));
  ::signal(SIGALRM, SIG_DFL);
}

GuardedTest::GuardedTest() : guard_(test_name()), fds_(open_fds()) {}

GuardedTest::~GuardedTest() {
  const std::string left = new_fds(fds_);
  EXPECT_EQ(left, "") << "descriptors were left open";
}

void turn_until(Loop& loop, const std::function<bool()>& done, std::string_view what) {
  const auto begin = Clock::now();
  const bool is_fake = dynamic_cast<FakeBackend*>(&loop.backend()) != nullptr;
  while (!done()) {
    const Duration left = kStallLimit - (Clock::now() - begin);
    if (left <= Duration::zero())
      throw std::runtime_error(test_name() + " stalled waiting for " + std::string(what) + "\n" +
                               loop.dump());
    // A limit would be a deadline to which the fake clock jumps.
    is_fake ? loop.turn() : loop.turn(left);
  }
}

void turn_while_busy(Loop& loop, const std::function<bool()>& done) {
  constexpr int kManyTurns = 100'000;
  // Two idle turns: what the first one queued without running it runs in the second.
  for (int turns = 0, idle = 0; idle < 2 && !done(); ++turns) {
    if (turns == kManyTurns) throw std::runtime_error(test_name() + " is never idle");
    idle = loop.turn(Duration::zero()) == 0 ? idle + 1 : 0;
  }
}

}  // namespace ioa::test

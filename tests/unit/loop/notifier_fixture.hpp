#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "ioa/loop/notifier.hpp"
#include "tests/support/loop_fixture.hpp"

namespace ioa::test {

/// A notifier that logs what happens to it: "+a" added, "-a" removing, "~a" destroyed.
class LoggingNotifier : public Notifier {
 public:
  LoggingNotifier(std::string& target, std::string title)
      : log(target), own_name(std::move(title)) {}
  ~LoggingNotifier() override { log += "~" + own_name + " "; }

  /// Called at the end of each hook, if set.
  std::function<void()> when_added;
  std::function<void()> when_removing;
  std::string& log;
  const std::string own_name;

 private:
  void added_to_loop(Loop& entered) override {
    EXPECT_EQ(loop(), &entered);
    log += "+" + own_name + " ";
    if (when_added) when_added();
  }
  void removing_from_loop(Loop& left) override {
    EXPECT_EQ(loop(), &left);
    log += "-" + own_name + " ";
    if (when_removing) when_removing();
  }
};

class NotifierTest : public GuardedTest {
 protected:
  std::unique_ptr<LoggingNotifier> make(std::string name) {
    return std::make_unique<LoggingNotifier>(log, std::move(name));
  }
  /// What has been logged since the last call.
  std::string take_log() {
    std::string text = std::exchange(log, {});
    if (!text.empty()) text.pop_back();
    return text;
  }
  void turn() { loop.turn(Duration::zero()); }

  std::string log;  // outlives the loop, at whose end notifiers log
  Loop loop{std::make_unique<FakeBackend>()};
};

}  // namespace ioa::test

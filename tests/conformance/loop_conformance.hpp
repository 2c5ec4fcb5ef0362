#pragma once

#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "ioa/libevent/guest_backend.hpp"
#include "tests/support/guest_base.hpp"
#include "tests/support/loop_fixture.hpp"

namespace ioa::test {

/// A way to make a Backend.
struct BackendKind {
  std::string name;
  std::function<std::unique_ptr<Backend>()> make;
};
inline void PrintTo(const BackendKind& kind, std::ostream* out) { *out << kind.name; }

/// A guest's Backend with a base of its own, which the Loop itself has to run: what a program does
/// before it runs its base.
class LoneGuestBackend final : private GuestBase, public detail::GuestBackend {
 public:
  explicit LoneGuestBackend(const std::string& method)
      : GuestBase(method), GuestBackend(get(), [] { return std::nullopt; }) {}
};

/// Every method that libevent has here: epoll, poll, select; and each as a guest.
inline std::vector<BackendKind> real_backends() {
  std::vector<BackendKind> kinds;
  for (const std::string& method : LibeventBackend::methods())
    kinds.push_back({method, [method] { return LibeventBackend::create(method); }});
  for (const std::string& method : LibeventBackend::methods())
    kinds.push_back(
        {"guest_" + method, [method] { return std::make_unique<LoneGuestBackend>(method); }});
  return kinds;
}

/// Those, and the fake one: real descriptors as poll(2) sees them, with a clock of its own.
inline std::vector<BackendKind> all_backends() {
  std::vector<BackendKind> kinds = real_backends();
  kinds.push_back({"fake", [] {
                     auto backend = std::make_unique<FakeBackend>();
                     backend->set_real_descriptors(true);
                     return backend;
                   }});
  return kinds;
}

/// What any Backend has to do for a Loop. A new backend only adds a factory.
///
/// Real clocks: lower bounds are exact, upper bounds generous, since these machines are shared.
class LoopConformance : public GuardedTest, public ::testing::WithParamInterface<BackendKind> {
 protected:
  /// Later than anything that is due within a few milliseconds, on the busiest machine.
  static constexpr Duration kMuchLater = std::chrono::seconds(5);

  FakeBackend* fake() { return dynamic_cast<FakeBackend*>(&loop.backend()); }
  bool is(std::string_view method) { return loop.backend().name() == method; }

  std::size_t turn_now() { return loop.turn(Duration::zero()); }
  TimePoint clock() { return loop.backend().now(); }

  /// A signal for this process, or its image in the fake.
  void raise_signal(int signal) {
    if (FakeBackend* backend = fake())
      backend->raise(signal);
    else
      ::raise(signal);
  }

  Loop loop{GetParam().make()};
};

inline std::string backend_name(const ::testing::TestParamInfo<BackendKind>& info) {
  return info.param.name;
}

/// The letters of the events that a watch has seen.
class EventLog {
 public:
  UniqueFunction<void(IoEvent)> callback() {
    return [this](IoEvent event) { events_ += event == IoEvent::read ? 'r' : 'w'; };
  }
  std::string take() { return std::exchange(events_, {}); }

 private:
  std::string events_;
};

}  // namespace ioa::test

// What happens to a Connector's operation when its Future is dropped: at every step of its way, and
// inside each of its callbacks.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "ioa/net/connector.hpp"
#include "ioa/net/resolver.hpp"
#include "tests/support/fake_names.hpp"
#include "tests/support/fake_sockets.hpp"
#include "tests/support/fd_count.hpp"
#include "tests/support/loop_fixture.hpp"
#include "tests/support/recording_sink.hpp"

namespace ioa {
namespace {

using namespace std::chrono_literals;

/// A loop, names and sockets for one run of a scenario.
struct Stage {
  explicit Stage(std::unique_ptr<test::FakeBackend> backend)
      : fake(*backend), loop(std::move(backend)) {}
  Stage() : Stage(std::make_unique<test::FakeBackend>()) {}

  test::FakeBackend& fake;
  Loop loop;
  test::FakeNames names;
  Resolver resolver{loop, names.calls()};
  test::FakeSockets sockets{loop, fake};
  Connector connector{loop, resolver, &sockets};
  Future<Connection> future;
};

/// Every kind of step: failures at once and late, one that never answers, a full backlog, success.
ConnectRequest busy_request(Stage& stage) {
  stage.sockets.settle("192.0.2.1:80", ECONNREFUSED);
  stage.sockets.answer("[2001:db8::1]:80", 100ms, EHOSTUNREACH);
  stage.sockets.answer("192.0.2.2:80", 400ms, ECONNRESET);
  stage.sockets.busy("unix:/x", 12);
  stage.sockets.answer("[2001:db8::3]:80", 30ms);
  ConnectRequest request;
  for (const char* host :
       {"192.0.2.1", "2001:db8::1", "192.0.2.2", "2001:db8::2", "192.0.2.3", "2001:db8::3"})
    request.addresses.push_back(SocketAddress::from_numeric(host, 80).value());
  request.addresses.push_back(SocketAddress::unix_path("/x"));
  request.timeout = 30s;
  return request;
}

class ConnectCancelTest : public test::GuardedTest {
 protected:
  /// Runs the scenario, drops the Future after that many turns, and checks that nothing is left.
  /// Returns whether the Future had become ready by then.
  template <class Scenario>
  bool drop_after(int turns, Scenario scenario) {
    Stage stage;
    stage.loop.turn(Duration::zero());
    const std::set<int> before = test::open_fds();
    stage.future = stage.connector.connect(scenario(stage));
    for (int i = 0; i < turns && !stage.future.ready(); ++i) stage.loop.turn();
    const bool was_ready = stage.future.ready();
    stage.future.cancel();
    EXPECT_EQ(test::new_fds(before), "") << "after " << turns << " turns";
    EXPECT_EQ(stage.fake.describe(), "nothing is watched");
    test::turn_while_busy(stage.loop);
    return was_ready;
  }

  template <class Scenario>
  void drop_after_every_turn(Scenario scenario, int least) {
    int turns = 0;
    while (!drop_after(turns, scenario)) ++turns;
    EXPECT_GE(turns, least) << "the scenario is too short to show anything";
  }

  /// Runs the busy scenario with a sink that calls `act(stage)` at the `nth` event.
  template <class Act>
  bool act_at_event(int nth, Act act) {
    Stage stage;
    test::RecordingSink sink;
    int count = 0;
    sink.on_event = [&](std::string_view) {
      if (count++ == nth) act(stage);
    };
    stage.loop.set_event_sink(&sink);
    const std::set<int> before = test::open_fds();
    stage.future = stage.connector.connect(busy_request(stage));
    while (stage.future.valid() && !stage.future.ready()) stage.loop.turn();
    const bool was_dropped = !stage.future.valid();
    stage.future.cancel();
    EXPECT_EQ(test::new_fds(before), "") << "at event " << nth;
    test::turn_while_busy(stage.loop);
    stage.loop.set_event_sink(nullptr);
    return was_dropped;
  }
};

TEST_F(ConnectCancelTest, LeavesNothingWhereverARaceIsDropped) {
  drop_after_every_turn(busy_request, 6);
}

TEST_F(ConnectCancelTest, LeavesNothingWhereverTryingInTurnIsDropped) {
  drop_after_every_turn(
      [](Stage& stage) {
        ConnectRequest request = busy_request(stage);
        stage.sockets.answer("[2001:db8::2]:80", 1s, ETIMEDOUT);
        stage.sockets.answer("192.0.2.3:80", 1s, ETIMEDOUT);
        stage.sockets.settle("[2001:db8::3]:80", ENETUNREACH);
        request.strategy = ConnectStrategy::in_turn;
        return request;
      },
      15);
}

TEST_F(ConnectCancelTest, LeavesNothingWhereverALookupIsDropped) {
  for (int turns = 0; turns < 8; ++turns) {
    Stage stage;
    stage.fake.set_autojump(false);
    stage.names.set("example", {"192.0.2.1", "2001:db8::1"});
    if (turns % 2 == 0) stage.names.delay("example", AF_INET6);
    const std::set<int> before = test::open_fds();
    ConnectRequest request;
    request.host = "example";
    request.service = "80";
    request.timeout = 30s;
    stage.future = stage.connector.connect(std::move(request));
    for (int i = 0; i < turns; ++i) stage.loop.turn(Duration::zero());
    stage.future.cancel();
    EXPECT_EQ(stage.resolver.lookups_in_flight(), 0u);
    EXPECT_EQ(test::new_fds(before), "");
    test::turn_while_busy(stage.loop);
  }
}

TEST_F(ConnectCancelTest, EveryLookupThatBeganIsReportedToHaveEnded) {
  for (const bool connects : {true, false}) {
    Stage stage;
    stage.fake.set_autojump(false);
    stage.names.set("example", {"192.0.2.1", "2001:db8::1"});
    stage.names.delay("example", AF_INET6);
    if (!connects) stage.names.delay("example", AF_INET);
    stage.sockets.settle("192.0.2.1:80", 0);
    test::RecordingSink sink;
    // Whoever hears of it may drop the connection (again).
    sink.on_event = [&](std::string_view name) {
      if (name == "resolve.failed") stage.future.cancel();
    };
    stage.loop.set_event_sink(&sink);
    ConnectRequest request;
    request.host = "example";
    request.service = "80";
    stage.future = stage.connector.connect(std::move(request));
    if (connects) {
      test::turn_until(
          stage.loop, [&] { return sink.lines("resolve.done").size() == 1; }, "the answer");
      stage.fake.advance(ConnectRequest::kResolutionDelay);
      test::turn_while_busy(stage.loop);
    }
    stage.future.cancel();
    EXPECT_EQ(sink.lines("resolve.start").size(), 2U);
    EXPECT_EQ(sink.lines("resolve.failed").size(), connects ? 1U : 2U);
    EXPECT_EQ(sink.lines("connected").size(), connects ? 1U : 0U);
    EXPECT_EQ(stage.resolver.lookups_in_flight(), 0U);
    stage.loop.set_event_sink(nullptr);
  }
}

TEST_F(ConnectCancelTest, MayBeDroppedInsideTheReportOfAFailure) {
  for (int nth = 0; nth < 3; ++nth) {
    Stage stage;
    ConnectRequest request = busy_request(stage);
    request.addresses.erase(request.addresses.begin());  // it fails inside the call
    int count = 0;
    request.on_attempt_failed = [&, kept = std::make_unique<int>(nth)](const AttemptFailure& told) {
      if (count++ == *kept) stage.future.cancel();
      EXPECT_EQ(told.syscall, "connect");
      EXPECT_EQ(*kept, nth) << "the callback outlives its own call";
    };
    const std::set<int> before = test::open_fds();
    stage.future = stage.connector.connect(std::move(request));
    while (stage.future.valid() && !stage.future.ready()) stage.loop.turn();
    stage.future.cancel();
    EXPECT_EQ(test::new_fds(before), "");
  }
}

TEST_F(ConnectCancelTest, MayBeDroppedInsideAnyEvent) {
  int dropped = 0;
  for (int nth = 0; nth < 16; ++nth)
    dropped += act_at_event(nth, [](Stage& stage) { stage.future.cancel(); });
  EXPECT_GE(dropped, 8);
}

TEST_F(ConnectCancelTest, SurvivesNestedTurnsInsideAnyEvent) {
  for (int nth = 0; nth < 16; ++nth)
    act_at_event(nth, [](Stage& stage) {
      for (int i = 0; i < 40; ++i)
        if (stage.loop.timers().next()) stage.loop.turn();
    });
}

TEST_F(ConnectCancelTest, MayBeDroppedInANestedTurnInsideAnyEvent) {
  for (int nth = 0; nth < 16; ++nth)
    act_at_event(nth, [](Stage& stage) {
      stage.loop.later([&stage] { stage.future.cancel(); });
      stage.loop.turn(Duration::zero());
    });
}

TEST_F(ConnectCancelTest, FailsWhenItsResolverGoesAway) {
  Stage stage;
  auto resolver = std::make_unique<Resolver>(stage.loop, stage.names.calls());
  stage.names.delay("example");
  Connector connector(stage.loop, *resolver, &stage.sockets);
  ConnectRequest request;
  request.host = "example";
  request.service = "80";
  auto future = connector.connect(std::move(request));
  resolver.reset();
  test::turn_while_busy(stage.loop);
  ASSERT_TRUE(future.has_failed());
  try {
    future.get();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::abandoned);
  }
}

}  // namespace
}  // namespace ioa

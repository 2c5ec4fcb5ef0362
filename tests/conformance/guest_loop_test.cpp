#include "ioa/libevent/guest_loop.hpp"

#include <event2/event.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "ioa/future/promise.hpp"
#include "ioa/io/stream.hpp"
#include "ioa/loop/timeout.hpp"
#include "ioa/timer/countdown_timer.hpp"
#include "tests/support/guest_base.hpp"
#include "tests/support/lifetime_tracker.hpp"
#include "tests/support/loop_fixture.hpp"
#include "tests/support/socket_pair.hpp"
#include "tests/support/temp_dir.hpp"

namespace ioa {
namespace {

using namespace std::chrono_literals;

/// An event of a program that knows nothing of ioa.
class ForeignEvent {
 public:
  ForeignEvent(event_base* base, int fd, short what, std::function<void()> callback)
      : callback_(std::move(callback)),
        event_(event_new(base, fd, what, &ForeignEvent::call, this)) {}
  ForeignEvent(const ForeignEvent&) = delete;
  ForeignEvent& operator=(const ForeignEvent&) = delete;
  ~ForeignEvent() { event_free(event_); }

  void add() { event_add(event_, nullptr); }
  void add(std::chrono::microseconds delay) {
    const timeval time{delay / 1s, (delay % 1s).count()};
    event_add(event_, &time);
  }

 private:
  static void call(evutil_socket_t, short, void* self) {
    static_cast<ForeignEvent*>(self)->callback_();
  }
  std::function<void()> callback_;
  event* event_;
};

// A Loop in an event_base that the program runs.
class GuestLoopTest : public test::GuardedTest, public ::testing::WithParamInterface<std::string> {
 protected:
  /// Runs the base as its owner does, until somebody breaks it.
  void dispatch() { EXPECT_EQ(event_base_dispatch(base.get()), 0); }
  void quit() { event_base_loopbreak(base.get()); }
  /// Runs the base for `time`.
  void dispatch_for(std::chrono::microseconds time) {
    const timeval limit{time / 1s, (time % 1s).count()};
    event_base_loopexit(base.get(), &limit);
    dispatch();
  }
  /// Runs it until nothing happens any more without waiting.
  void dispatch_all() {
    for (int pass = 0; pass < 20; ++pass)
      event_base_loop(base.get(), EVLOOP_ONCE | EVLOOP_NONBLOCK);
  }
  int foreign_events() const {
    return event_base_get_num_events(base.get(), EVENT_BASE_COUNT_ADDED);
  }
  UniqueFunction<void()> logging(char name) {
    return [this, name] { log += name; };
  }
  std::uint64_t turns() { return loop.metrics().turns; }

  std::string log;
  test::GuestBase base{GetParam()};
  std::optional<GuestLoop> guest{std::in_place, base.get()};
  Loop& loop{guest->loop()};
};

TEST_P(GuestLoopTest, WhatIsSetUpBeforeTheBaseRunsHappens) {
  loop.later(logging('d'));
  Promise<> promise;
  const Future<> reaction = promise.future().then(logging('f'));
  promise.done();
  TimeWatch timer(loop.timers(), [&] {
    log += 't';
    quit();
  });
  timer.arm(loop.now() + 5ms);
  const TimePoint begin = Clock::now();
  dispatch();
  EXPECT_EQ(log, "dft");
  EXPECT_GE(Clock::now() - begin, 4ms);
}

TEST_P(GuestLoopTest, ItsEventsAndThoseOfOthersInterleave) {
  test::SocketPair ours = test::unix_pair();
  test::SocketPair theirs = test::unix_pair();
  IoWatch watch(loop);
  watch.set_callback([&](IoEvent) {
    log += test::read_available(ours.first.get());
    test::write_all(theirs.second.get(), "b");
  });
  watch.start(ours.first.get(), IoEvent::read);
  ForeignEvent foreign(base.get(), theirs.first.get(), EV_READ | EV_PERSIST, [&] {
    log += test::read_available(theirs.first.get());
    if (log.size() == 6) return quit();
    test::write_all(ours.second.get(), "a");
  });
  foreign.add();
  test::write_all(ours.second.get(), "a");
  dispatch();
  EXPECT_EQ(log, "ababab");
}

TEST_P(GuestLoopTest, WhatIsReadyTogetherIsOneTurn) {
  test::SocketPair first = test::unix_pair();
  test::SocketPair second = test::unix_pair();
  dispatch_all();
  IoWatch a(loop);
  IoWatch b(loop);
  a.set_callback([&](IoEvent) { log += test::read_available(first.first.get()); });
  b.set_callback([&](IoEvent) { log += test::read_available(second.first.get()); });
  a.start(first.first.get(), IoEvent::read);
  b.start(second.first.get(), IoEvent::read);
  test::write_all(first.second.get(), "x");
  test::write_all(second.second.get(), "x");
  const auto before = turns();
  dispatch_all();
  EXPECT_EQ(log, "xx");
  EXPECT_EQ(turns() - before, 1U);
}

TEST_P(GuestLoopTest, TimersComeAtTheirTimeNotBefore) {
  const TimePoint begin = Clock::now();
  TimeWatch late(loop.timers(), [&] {
    log += 'b';
    quit();
  });
  TimeWatch early(loop.timers(), [&] {
    log += 'a';
    EXPECT_GE(Clock::now() - begin, 5ms);
  });
  TimeWatch disarmed(loop.timers(), logging('!'));
  late.arm(begin + 20ms);
  early.arm(begin + 5ms);
  disarmed.arm(begin + 1ms);
  ForeignEvent foreign(base.get(), -1, 0, [&] {
    early.arm(begin + 10ms);
    disarmed.disarm();
    guest->attend();
  });
  foreign.add(0us);
  dispatch();
  EXPECT_GE(Clock::now() - begin, 20ms);
  EXPECT_EQ(log, "ab");
}

TEST_P(GuestLoopTest, AttendingServesWhatForeignCallbacksHaveLeft) {
  Promise<> promise;
  const Future<> reaction = promise.future().then(logging('f'));
  TimeWatch timer(loop.timers(), logging('t'));
  ForeignEvent foreign(base.get(), -1, 0, [&] {
    loop.later(logging('d'));
    promise.done();
    timer.arm(Clock::now());
    EXPECT_EQ(log, "");
    guest->attend();
    guest->attend();
    EXPECT_EQ(log, "") << "it calls nothing itself";
  });
  dispatch_all();
  foreign.add(0us);
  dispatch_all();
  EXPECT_EQ(log, "tdf");
}

TEST_P(GuestLoopTest, WhatAnotherThreadPostsWakesTheBase) {
  dispatch_all();
  std::thread thread([this] {
    for (int i = 0; i < 100; ++i)
      loop.post([this] {
        log += 'p';
        if (log.size() == 100) quit();
      });
  });
  dispatch();
  thread.join();
  EXPECT_EQ(log.size(), 100U);
}

TEST_P(GuestLoopTest, CoroutinesAndStreamsWorkInIt) {
  test::SocketPair pair = test::unix_pair();
  auto& stream = loop.add(std::make_unique<Stream>(std::move(pair.first)));
  auto& peer = loop.add(std::make_unique<Stream>(std::move(pair.second)));
  const auto answer = [](Stream& self) -> Future<> {
    for (int i = 0; i < 3; ++i) {
      const std::optional<std::string> line = co_await self.read_until("\n");
      co_await sleep_for(*self.loop(), 1ms);
      co_await self.write_done("<" + line.value());
    }
  };
  const auto ask = [](std::string& answers, event_base* runs, Stream& self) -> Future<> {
    for (int i = 0; i < 3; ++i) {
      self.write("hello\n");
      const std::optional<std::string> line = co_await self.read_until("\n");
      answers += line.value();
      co_await self.loop()->next_turn();
    }
    event_base_loopbreak(runs);
  };
  const Future<> answering = answer(peer);
  const Future<> asking = ask(log, base.get(), stream);
  dispatch();
  EXPECT_EQ(log, "<hello\n<hello\n<hello\n");
}

TEST_P(GuestLoopTest, MoreThanTheBufferGoesThroughAStream) {
  test::SocketPair pair = test::unix_pair();
  auto& stream = loop.add(std::make_unique<Stream>(std::move(pair.first)));
  auto& peer = loop.add(std::make_unique<Stream>(std::move(pair.second)));
  constexpr std::size_t kSize = 4'000'000;
  Future<std::string> all = peer.read_exactly(kSize).then([this](std::optional<std::string> text) {
    quit();
    return std::move(text).value();
  });
  ForeignEvent foreign(base.get(), -1, 0, [&] { stream.write(std::string(kSize, 'x')); });
  foreign.add(0us);
  dispatch();
  dispatch_all();
  ASSERT_TRUE(all.ready());
  EXPECT_EQ(all.get().size(), kSize);
}

TEST_P(GuestLoopTest, SignalsAreSharedWithTheEventsOfTheBase) {
  ForeignEvent foreign(base.get(), SIGUSR1, EV_SIGNAL | EV_PERSIST, [&] { log += 'f'; });
  foreign.add();
  {
    const SignalWatch watch(loop, SIGUSR1, logging('s'));
    EXPECT_EQ(loop.backend().watched().signals, std::vector<int>{SIGUSR1}) << "its own only";
    dispatch_all();
    ::raise(SIGUSR1);
    dispatch_all();
    EXPECT_EQ(log, "fs");
  }
  ::raise(SIGUSR1);
  dispatch_all();
  EXPECT_EQ(log, "fsf");
}

TEST_P(GuestLoopTest, AnIdleOneTakesNoTurns) {
  test::SocketPair pair = test::unix_pair();
  auto& stream = loop.add(std::make_unique<Stream>(std::move(pair.first)));
  stream.on_read([](Stream&, ByteBuffer&, bool) {});
  TimeWatch timer(loop.timers(), logging('t'));
  timer.arm(Clock::now() + 1h);
  dispatch_all();
  const auto before = turns();
  rusage begin{};
  ::getrusage(RUSAGE_THREAD, &begin);
  dispatch_for(200ms);
  rusage end{};
  ::getrusage(RUSAGE_THREAD, &end);
  EXPECT_EQ(turns(), before);
  const auto micros = [](const timeval& time) { return time.tv_sec * 1'000'000L + time.tv_usec; };
  EXPECT_LT(
      micros(end.ru_utime) + micros(end.ru_stime) - micros(begin.ru_utime) - micros(begin.ru_stime),
      50'000);
}

TEST_P(GuestLoopTest, TheEventsOfOthersCostItNoTurns) {
  dispatch_all();
  int calls = 0;
  std::optional<ForeignEvent> foreign;
  foreign.emplace(base.get(), -1, 0, [&] {
    if (++calls == 50) return quit();
    foreign->add(0us);
  });
  const auto before = turns();
  foreign->add(0us);
  dispatch();
  EXPECT_EQ(turns(), before);
}

TEST_P(GuestLoopTest, WorkThatNeverEndsStarvesNobody) {
  DeferredCall call(loop, [&] { call.schedule(); });
  call.schedule();
  const test::TempDir dir;
  const UniqueFd file(::open(dir.write("file", "x").c_str(), O_RDONLY | O_CLOEXEC));
  IoWatch always(loop);
  always.start(file.get(), IoEvent::read);
  test::SocketPair pair = test::unix_pair();
  ForeignEvent foreign(base.get(), pair.first.get(), EV_READ, [this] { quit(); });
  foreign.add();
  TimeWatch timer(loop.timers(), [&] { test::write_all(pair.second.get(), "x"); });
  timer.arm(Clock::now() + 2ms);
  dispatch();
  EXPECT_FALSE(timer.is_armed());
}

TEST_P(GuestLoopTest, ARegularFileIsAlwaysReadyAndNothingIsPrinted) {
  const test::TempDir dir;
  const UniqueFd file(::open(dir.write("file", "x").c_str(), O_RDONLY | O_CLOEXEC));
  ::testing::internal::CaptureStderr();
  {
    IoWatch watch(loop);
    watch.set_callback([&](IoEvent) {
      if ((log += 'r').size() < 3) return;
      watch.stop();
      quit();
    });
    ForeignEvent foreign(base.get(), -1, 0, [&] { watch.start(file.get(), IoEvent::read); });
    foreign.add(0us);
    dispatch_all();
    EXPECT_EQ(log, "rrr");
  }
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
  const auto before = turns();
  dispatch_all();
  EXPECT_EQ(turns(), before);
}

// Where the base's own loop does not fail for it, as that of select does.
class GuestLoopClosedTest : public GuestLoopTest {};

TEST_P(GuestLoopClosedTest, ADescriptorClosedBehindItsBackDoesNotSpin) {
  test::SocketPair pair = test::unix_pair();
  IoWatch watch(loop);
  watch.set_callback([&](IoEvent) { log += 'r'; });
  watch.start(pair.first.get(), IoEvent::read);
  dispatch_all();
  pair.first.reset();
  dispatch_all();
  dispatch_all();
  EXPECT_EQ(log, GetParam() == "epoll" ? "" : "r");
}

TEST_P(GuestLoopTest, CallbacksMayRemoveWhateverIsThere) {
  test::SocketPair first = test::unix_pair();
  test::SocketPair second = test::unix_pair();
  auto& parent = loop.add(std::make_unique<Notifier>());
  auto& a = parent.add_child(std::make_unique<Stream>(std::move(first.first)));
  auto& b = parent.add_child(std::make_unique<Stream>(std::move(second.first)));
  for (Stream* each : {&a, &b})
    each->on_read([&](Stream&, ByteBuffer& buffer, bool) {
      buffer.consume(buffer.size());
      log += 'r';
      parent.remove();
    });
  test::write_all(first.second.get(), "x");
  test::write_all(second.second.get(), "x");
  dispatch_all();
  EXPECT_EQ(log, "r");
}

TEST_P(GuestLoopTest, AnExceptionEndsTheBasesLoopAndIsKept) {
  loop.later([] { throw std::runtime_error("first"); });
  loop.later([] { throw std::logic_error("second"); });
  loop.later([&] {
    log += 'a';
    quit();
  });
  dispatch();
  EXPECT_EQ(log, "");
  EXPECT_THROW(guest->rethrow(), std::runtime_error);
  guest->rethrow();
  dispatch();
  dispatch();
  EXPECT_EQ(log, "a");
  EXPECT_THROW(guest->rethrow(), std::logic_error);
}

TEST_P(GuestLoopTest, WithAHandlerForExceptionsTheBaseGoesOn) {
  guest->on_exception([&](const std::exception_ptr& error) {
    try {
      std::rethrow_exception(error);
    } catch (const std::exception& thrown) {
      log += thrown.what();
    }
    if (log.size() > 1) throw std::runtime_error("handler");
  });
  loop.later([] { throw std::runtime_error("1"); });
  loop.later([] { throw std::runtime_error("2"); });
  dispatch();
  EXPECT_EQ(log, "12");
  EXPECT_THROW(guest->rethrow(), std::runtime_error) << "what the handler throws ends the base";
}

TEST_P(GuestLoopTest, WaitingInItsOwnCallbackIsAMistakeThatIsTold) {
  loop.later([&] {
    EXPECT_THROW(loop.turn(0s), std::logic_error);
    EXPECT_THROW(loop.run(), std::logic_error);
    EXPECT_THROW(loop.run(sleep_for(loop, 1ms)), std::logic_error);
    EXPECT_FALSE(loop.is_running());
    loop.run(Future<>::resolved());
    log += 'a';
  });
  loop.later(logging('b'));
  dispatch_all();
  EXPECT_EQ(log, "ab");
}

TEST_P(GuestLoopTest, WaitingInAForeignCallbackIsAMistakeThatIsTold) {
  dispatch_all();
  ForeignEvent foreign(base.get(), -1, 0, [&] {
    ::testing::internal::CaptureStderr();  // libevent warns
    EXPECT_THROW(loop.turn(0s), std::logic_error);
    EXPECT_THROW(loop.run(), std::logic_error);
    ::testing::internal::GetCapturedStderr();
    loop.later(logging('a'));  // the turns that failed leave a look behind
  });
  foreign.add(0us);
  dispatch_all();
  EXPECT_EQ(log, "a");
}

TEST_P(GuestLoopTest, BeforeTheBaseRunsTheLoopRunsItAndForeignEventsToo) {
  ForeignEvent foreign(base.get(), -1, 0, [&] { log += 'f'; });
  foreign.add(1ms);
  loop.run(sleep_for(loop, 20ms));
  EXPECT_EQ(log, "f");
  TimeWatch timer(loop.timers(), [&] {
    log += 't';
    quit();
  });
  timer.arm(Clock::now() + 1ms);
  EXPECT_EQ(loop.turn(0s), 0U);
  dispatch();  // without attend(): a turn leaves what it knows to the base
  EXPECT_EQ(log, "ft");
}

TEST_P(GuestLoopTest, ItLeavesNothingInTheBase) {
  const test::LifetimeTracker tracker;
  test::SocketPair pair = test::unix_pair();
  guest.reset();
  const int before = foreign_events();
  for (const bool runs : {false, true}) {
    guest.emplace(base.get());
    Loop& own = guest->loop();
    own.add(std::make_unique<CountdownTimer>(1h)).start();
    own.later([object = tracker.make()] {});
    own.post([object = tracker.make()] {});
    const SignalWatch signal(own, SIGUSR1, [] {});
    IoWatch watch(own);
    watch.start(pair.first.get(), IoEvent::read);
    if (runs) dispatch_all();
    guest->attend();
    EXPECT_GT(foreign_events(), before);
    watch.stop();
  }
  guest.reset();
  EXPECT_TRUE(tracker.is_clean());
  EXPECT_EQ(event_base_loop(base.get(), EVLOOP_ONCE | EVLOOP_NONBLOCK), 1) << "nothing is left";
}

TEST_P(GuestLoopTest, AForeignCallbackMayEndIt) {
  test::SocketPair pair = test::unix_pair();
  test::SocketPair theirs = test::unix_pair();
  auto& stream = loop.add(std::make_unique<Stream>(std::move(pair.first)));
  stream.on_read([&](Stream&, ByteBuffer& buffer, bool) {
    buffer.consume(buffer.size());
    log += 'r';
  });
  dispatch_all();
  ForeignEvent foreign(base.get(), theirs.first.get(), EV_READ, [&] {
    log += 'e';
    guest.reset();
  });
  foreign.add();
  // Both are ready in one pass, so events of the Loop may be active when it ends.
  test::write_all(theirs.second.get(), "x");
  test::write_all(pair.second.get(), "x");
  dispatch_all();
  EXPECT_NE(log.find('e'), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(Methods, GuestLoopClosedTest, ::testing::Values("epoll", "poll"),
                         [](const auto& kind) { return kind.param; });
INSTANTIATE_TEST_SUITE_P(Methods, GuestLoopTest, ::testing::ValuesIn(LibeventBackend::methods()),
                         [](const auto& kind) { return kind.param; });

}  // namespace
}  // namespace ioa

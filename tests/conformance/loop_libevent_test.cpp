#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <string>
#include <vector>

#include "ioa/libevent/libevent_backend.hpp"
#include "tests/conformance/loop_conformance.hpp"
#include "tests/support/child.hpp"
#include "tests/support/temp_dir.hpp"

namespace ioa {
namespace {

// What is peculiar to libevent.
class LibeventBackendTest : public test::GuardedTest {};

TEST_F(LibeventBackendTest, OffersTheMethodsOfLinux) {
  const std::vector<std::string> methods = LibeventBackend::methods();
  for (const char* name : {"epoll", "poll", "select"})
    EXPECT_NE(std::find(methods.begin(), methods.end(), name), methods.end()) << name;
}

TEST_F(LibeventBackendTest, UsesTheMethodThatItIsToldTo) {
  for (const std::string& method : LibeventBackend::methods())
    EXPECT_EQ(LibeventBackend::create(method)->name(), method);
  EXPECT_EQ(LibeventBackend::create()->name(), LibeventBackend::methods().front());
}

TEST_F(LibeventBackendTest, AnUnknownMethodIsUnsupported) {
  try {
    LibeventBackend::create("kqueue");
    ADD_FAILURE() << "it was accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::unsupported);
    EXPECT_EQ(error.subject(), "kqueue");
  }
}

TEST_F(LibeventBackendTest, PrintsNothing) {
  const test::TempDir dir;
  ::testing::internal::CaptureStderr();
  {
    Loop loop(LibeventBackend::create("epoll"));
    const UniqueFd file(::open(dir.write("file", "").c_str(), O_RDONLY | O_CLOEXEC));
    IoWatch watch(loop);
    watch.start(file.get(), IoEvent::read);  // libevent warns: epoll refuses it
    loop.turn();
    IoWatch closed(loop);
    EXPECT_THROW(closed.start(1234, IoEvent::read), Error);
  }
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
}

// Who is out of descriptors wants to rest for a while, more than anybody else.
TEST_F(LibeventBackendTest, TimersWorkWithoutADescriptorForThem) {
  EXPECT_TRUE(test::in_child([] {
    Loop loop(LibeventBackend::create());
    TimeWatch timer(loop.timers());
    test::refuse({{SYS_timerfd_create, EMFILE}});
    for (const auto delay : {std::chrono::milliseconds(20), std::chrono::milliseconds(0),
                             std::chrono::milliseconds(5)}) {
      bool has_fired = false;
      timer.set_callback([&] { has_fired = true; });
      loop.refresh_now();
      const TimePoint due = loop.now() + delay;
      timer.arm(due);
      while (!has_fired) loop.turn();
      if (Clock::now() < due) return false;
    }
    return true;
  }));
}

TEST_F(LibeventBackendTest, TheClockIsMonotonicAndFine) {
  const auto backend = LibeventBackend::create();
  const TimePoint first = backend->now();
  TimePoint second = first;
  while (second == first) second = backend->now();
  EXPECT_GT(second, first);
  EXPECT_LT(second - first, std::chrono::milliseconds(1));
}

}  // namespace
}  // namespace ioa

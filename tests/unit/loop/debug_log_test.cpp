#include "ioa/loop/debug_log.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <array>
#include <fstream>
#include <memory>
#include <optional>
#include <sstream>
#include <string>

#include "ioa/loop/trace.hpp"
#include "tests/support/loop_fixture.hpp"
#include "tests/support/recording_sink.hpp"
#include "tests/support/temp_dir.hpp"

namespace ioa {
namespace {

/// A variable of the environment, for as long as this lives.
class Variable {
 public:
  Variable(const char* name, const std::string& value) : name_(name) {
    ::setenv(name, value.c_str(), 1);
  }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;
  ~Variable() { ::unsetenv(name_); }

 private:
  const char* name_;
};

std::string contents(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

class Lamp : public Notifier {
 public:
  void flash() { trace_event<Lamp>(*this, "on_flash"); }
};
class RedLamp : public Lamp {};

class DebugLogTest : public test::GuardedTest {
 protected:
  DebugLog::Options to_file(int level) const {
    DebugLog::Options options;
    options.level = level;
    options.path = path;
    return options;
  }

  test::TempDir dir;
  std::string path = dir.write("log", "");
};

TEST_F(DebugLogTest, WritesEventsWithTheirFields) {
  DebugLog log(to_file(1));
  const std::array<std::string, 2> list{"::1", "127.0.0.1"};
  const std::array<EventField, 5> fields{{{"name", "a\nb\x1b"},
                                          {"number", std::int64_t{-3}},
                                          {"duration_ms", 0.5},
                                          {"last", true},
                                          {"addresses", std::span<const std::string>(list)}}};
  log.event("resolve.done", fields);
  EXPECT_EQ(contents(path),
            "[Loop] EVENT resolve.done name=a\\x0ab\\x1b number=-3 duration_ms=0.500 last=true "
            "addresses=::1,127.0.0.1\n");
}

TEST_F(DebugLogTest, WritesTheStepsOfItsLevel) {
  DebugLog log(to_file(1));
  log.trace({"Stream{rw=4}", "EVENT on_read", 1});
  log.trace({"Stream{rw=4}", "EVENT Handle::on_closed", 2});
  EXPECT_EQ(contents(path), "[Stream{rw=4}] EVENT on_read\n");
  DebugLog more(to_file(2));
  more.trace({"Stream{rw=4}", "EVENT Handle::on_closed", 2});
  EXPECT_EQ(contents(path),
            "[Stream{rw=4}] EVENT on_read\n[Stream{rw=4}] EVENT Handle::on_closed\n")
      << "it appends";
}

TEST_F(DebugLogTest, DumpsBytesWhereItIsToldTo) {
  auto options = to_file(2);
  options.dumps_reads = true;
  DebugLog log(options);
  log.trace({"S", "READ 18 bytes", 1, TraceStep::Bytes::read,
             std::string_view("GET /\r\n\0\x7f\xff~ abcdef", 18)});
  log.trace({"S", "WRITE 1 bytes", 1, TraceStep::Bytes::written, "x"});
  EXPECT_EQ(contents(path),
            "[S] READ 18 bytes\n"
            "  00000000  47 45 54 20 2f 0d 0a 00  7f ff 7e 20 61 62 63 64  |GET /.....~ abcd|\n"
            "  00000010  65 66                                             |ef|\n"
            "[S] WRITE 1 bytes\n");
}

TEST_F(DebugLogTest, DumpsNeedLevelTwo) {
  auto options = to_file(1);
  options.dumps_writes = true;
  DebugLog log(options);
  log.trace({"S", "WRITE 1 bytes", 1, TraceStep::Bytes::written, "x"});
  EXPECT_EQ(contents(path), "[S] WRITE 1 bytes\n");
}

TEST_F(DebugLogTest, WhatCannotBeOpenedIsStandardError) {
  for (const bool by_path : {true, false}) {
    DebugLog::Options options;
    if (by_path)
      options.path = "/no/such/directory/log";
    else
      options.fd = 1234;
    ::testing::internal::CaptureStderr();
    DebugLog(options).trace({"S", "EVENT on_read", 1});
    EXPECT_EQ(::testing::internal::GetCapturedStderr(), "[S] EVENT on_read\n");
  }
}

TEST_F(DebugLogTest, TheEnvironmentAsksForIt) {
  EXPECT_EQ(DebugLog::from_environment(), nullptr);
  for (const char* off : {"", "0", "-1", "yes"}) {
    const Variable debug("IOA_DEBUG", off);
    EXPECT_EQ(DebugLog::from_environment(), nullptr) << off;
  }
  const Variable debug("IOA_DEBUG", "2");
  const Variable file("IOA_DEBUG_FILE", path);
  const Variable fd("IOA_DEBUG_FD", "1");  // the file wins
  const Variable flags("IOA_DEBUG_FLAGS", "Sw,Sx");
  const auto log = DebugLog::from_environment();
  ASSERT_NE(log, nullptr);
  log->trace({"S", "WRITE 1 bytes", 1, TraceStep::Bytes::written, "x"});
  log->trace({"S", "READ 1 bytes", 2, TraceStep::Bytes::read, "x"});
  EXPECT_EQ(contents(path),
            "[S] WRITE 1 bytes\n"
            "  00000000  78                                                |x|\n"
            "[S] READ 1 bytes\n");
}

TEST_F(DebugLogTest, ALoopHasOneBeforeItsUsersSink) {
  const Variable debug("IOA_DEBUG", "1");
  const Variable file("IOA_DEBUG_FILE", path);
  test::RecordingSink sink;
  {
    Loop loop(std::make_unique<test::FakeBackend>());
    ASSERT_NE(loop.event_sink(), nullptr);
    loop.event_sink()->event("first", {});
    loop.set_event_sink(&sink);
    loop.event_sink()->event("second", {});
    auto& lamp = loop.add(std::make_unique<Lamp>());
    lamp.flash();
    lamp.add_child(std::make_unique<RedLamp>()).flash();  // a Lamp's event: level 2
    loop.set_event_sink(nullptr);
    loop.event_sink()->event("third", {});
  }
  EXPECT_EQ(contents(path),
            "[Loop] EVENT first\n[Loop] EVENT second\n[Lamp] EVENT on_flash\n"
            "[Loop] EVENT third\n");
  EXPECT_EQ(sink.lines(), std::vector<std::string>{"second"});
}

TEST_F(DebugLogTest, AtLevelTwoInheritedEventsNameTheirClass) {
  const Variable debug("IOA_DEBUG", "2");
  const Variable file("IOA_DEBUG_FILE", path);
  Loop loop(std::make_unique<test::FakeBackend>());
  auto& lamp = loop.add(std::make_unique<Lamp>());
  lamp.set_name("hall");
  lamp.add_child(std::make_unique<RedLamp>()).flash();
  EXPECT_EQ(contents(path), "[RedLamp<-Lamp{hall}] EVENT Lamp::on_flash\n");
}

TEST_F(DebugLogTest, WithoutTheEnvironmentALoopHasNone) {
  Loop loop(std::make_unique<test::FakeBackend>());
  EXPECT_EQ(loop.event_sink(), nullptr);
  EXPECT_EQ(loop.trace_sink(), nullptr);
  test::RecordingSink sink;
  loop.set_event_sink(&sink);
  EXPECT_EQ(loop.event_sink(), &sink);
  EXPECT_EQ(loop.trace_sink(), nullptr) << "it does not want to know";
  loop.set_event_sink(nullptr);
}

}  // namespace
}  // namespace ioa

#include "ioa/worker/object.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <memory>
#include <stdexcept>
#include <string>

#include "tests/support/loop_fixture.hpp"
#include "tests/support/temp_dir.hpp"

namespace ioa {
namespace {

class Counter {
 public:
  explicit Counter(int start, std::string farewell = {})
      : value_(start), farewell_(std::move(farewell)) {}
  Counter(const Counter&) = delete;
  Counter& operator=(const Counter&) = delete;
  ~Counter() {
    if (farewell_.empty()) return;
    if (FILE* file = std::fopen(farewell_.c_str(), "w")) std::fclose(file);
  }

  int add(int much) { return value_ += much; }
  void reset() { value_ = 0; }
  const std::string& text(const std::string& prefix) {
    text_ = prefix + std::to_string(value_);
    return text_;
  }
  ::pid_t process() const { return ::getpid(); }
  int fail() { throw std::runtime_error("cannot"); }
  int die() { return ::raise(SIGKILL); }

 private:
  int value_;
  std::string text_;
  std::string farewell_;
};

class ObjectTest : public test::RealLoopTest {
 protected:
  Object<Counter>& start(ObjectOptions options = {}, const std::string& farewell = {}) {
    return loop.add(
        std::make_unique<Object<Counter>>([farewell] { return Counter(10, farewell); }, options));
  }
};

TEST_F(ObjectTest, KeepsItsStateInAnotherProcess) {
  auto& counter = start();
  EXPECT_NE(run(counter.call<&Counter::process>()), ::getpid());
  Future<int> first = counter.call<&Counter::add>(1);
  Future<int> second = counter.call<&Counter::add>(2);
  EXPECT_EQ(run(std::move(second)), 13);
  EXPECT_EQ(run(std::move(first)), 11);
  run(counter.call<&Counter::reset>());
  EXPECT_EQ(run(counter.call<&Counter::text>("n = ")), "n = 0");
}

TEST_F(ObjectTest, WhatAMethodThrowsFailsTheCallOnly) {
  auto& counter = start();
  EXPECT_EQ(run(counter.call<&Counter::add>(1)), 11);
  EXPECT_THROW(run(counter.call<&Counter::fail>()), WorkerError);
  EXPECT_EQ(run(counter.call<&Counter::add>(1)), 12);
}

TEST_F(ObjectTest, AfterADeathThereIsANewOne) {
  auto& counter = start();
  EXPECT_EQ(run(counter.call<&Counter::add>(5)), 15);
  Future<int> dies = counter.call<&Counter::die>();
  Future<int> next = counter.call<&Counter::add>(1);
  EXPECT_THROW(run(std::move(dies)), Error);
  EXPECT_EQ(run(std::move(next)), 11);
}

TEST_F(ObjectTest, WithoutRestartsADeathIsFinalUntilItIsRestarted) {
  ObjectOptions once;
  once.restarts = false;
  auto& counter = start(once);
  Future<int> dies = counter.call<&Counter::die>();
  Future<int> next = counter.call<&Counter::add>(1);
  EXPECT_THROW(run(std::move(dies)), Error);
  EXPECT_THROW(run(std::move(next)), Error);
  EXPECT_THROW(run(counter.call<&Counter::add>(1)), Error);
  counter.restart();
  EXPECT_EQ(run(counter.call<&Counter::add>(1)), 11);
}

TEST_F(ObjectTest, StoppingDestroysItInItsWorker) {
  for (const WorkerModel model : {WorkerModel::process, WorkerModel::thread}) {
    const test::TempDir dir;
    ObjectOptions options;
    options.model = model;
    auto& counter = start(options, dir / "farewell");
    EXPECT_EQ(run(counter.call<&Counter::add>(1)), 11);
    EXPECT_NE(::access((dir / "farewell").c_str(), F_OK), 0);
    run(counter.stop());
    EXPECT_EQ(::access((dir / "farewell").c_str(), F_OK), 0);
    counter.remove();
  }
}

}  // namespace
}  // namespace ioa

#include <gtest/gtest.h>

#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

#include "tests/unit/loop/notifier_fixture.hpp"

namespace ioa {
namespace {

using test::LoggingNotifier;

std::exception_ptr failure(const char* text = "broken") {
  return std::make_exception_ptr(std::runtime_error(text));
}

std::string text_of(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& exception) {
    return exception.what();
  }
}

class NotifierErrorTest : public test::NotifierTest {
 protected:
  // Handles the errors of `notifier`, logging "NAME:TEXT".
  void handle(LoggingNotifier& notifier) {
    notifier.on_error([this](Notifier& self, const std::exception_ptr& error) {
      log += static_cast<LoggingNotifier&>(self).own_name + ":" + text_of(error) + " ";
    });
  }
};

TEST_F(NotifierErrorTest, GoesToItsOwnHandlerFirst) {
  LoggingNotifier& a = loop.add(make("a"));
  LoggingNotifier& b = a.add_child(make("b"));
  handle(a);
  handle(b);
  take_log();
  b.invoke_error(failure());
  EXPECT_EQ(take_log(), "b:broken");
}

TEST_F(NotifierErrorTest, GoesUpToTheNearestHandlerWhichSeesItself) {
  LoggingNotifier& a = loop.add(make("a"));
  LoggingNotifier& c = a.add_child(make("b")).add_child(make("c"));
  handle(a);
  take_log();
  c.invoke_error(failure());
  EXPECT_EQ(take_log(), "a:broken");
}

TEST_F(NotifierErrorTest, WithoutAHandlerItLeavesTheTurn) {
  LoggingNotifier& a = loop.add(make("a"));
  loop.later([&] {
    a.invoke_error(failure());
    log += "callback went on ";
  });
  take_log();
  EXPECT_THROW(turn(), std::runtime_error);
  EXPECT_EQ(take_log(), "callback went on");
  turn();  // once only
}

TEST_F(NotifierErrorTest, OutsideATurnItLeavesTheNextOneWhichDoesNotWait) {
  LoggingNotifier& a = loop.add(make("a"));
  a.invoke_error(failure());
  EXPECT_THROW(loop.turn(), std::runtime_error);
}

TEST_F(NotifierErrorTest, OutsideALoopItIsThrownAtOnce) {
  const auto a = make("a");
  LoggingNotifier& b = a->add_child(make("b"));
  EXPECT_THROW(b.invoke_error(failure()), std::runtime_error);
  handle(*a);
  b.invoke_error(failure());
  EXPECT_EQ(take_log(), "a:broken");
}

TEST_F(NotifierErrorTest, AHandlerMayRemoveItsNotifier) {
  LoggingNotifier& a = loop.add(make("a"));
  a.on_error([this](Notifier& self, const std::exception_ptr&) {
    self.remove();
    log += "handled ";
  });
  take_log();
  a.invoke_error(failure());
  EXPECT_EQ(take_log(), "-a handled");
}

TEST_F(NotifierErrorTest, AHandlerMayReplaceItself) {
  LoggingNotifier& a = loop.add(make("a"));
  a.on_error([this](Notifier& self, const std::exception_ptr&) {
    handle(static_cast<LoggingNotifier&>(self));
    log += "first ";
  });
  take_log();
  a.invoke_error(failure());
  a.invoke_error(failure("again"));
  EXPECT_EQ(take_log(), "first a:again");
}

TEST_F(NotifierErrorTest, WhatAHandlerThrowsLeavesTheTurn) {
  LoggingNotifier& a = loop.add(make("a"));
  a.on_error([](Notifier&, const std::exception_ptr&) { throw std::logic_error("worse"); });
  a.adopt(Future<>::failed(failure()));
  EXPECT_THROW(turn(), std::logic_error);
}

}  // namespace
}  // namespace ioa

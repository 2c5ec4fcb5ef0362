#include "ioa/worker/routine.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <memory>
#include <stdexcept>
#include <string>

#include "ioa/worker/channel.hpp"
#include "tests/support/gate.hpp"
#include "tests/support/loop_fixture.hpp"

namespace ioa {
namespace {

class RoutineTest : public test::RealLoopTest, public ::testing::WithParamInterface<WorkerModel> {
 protected:
  template <class F>
  Routine& start(F code, std::vector<UniqueFd> ends = {}) {
    return loop.add(std::make_unique<Routine>(GetParam(), std::move(ends), std::move(code)));
  }
  bool is_process() const { return GetParam() == WorkerModel::process; }
};

std::vector<UniqueFd> just(UniqueFd end) {
  std::vector<UniqueFd> ends;
  ends.push_back(std::move(end));
  return ends;
}

TEST_P(RoutineTest, GivesWhatItsCodeReturns) {
  std::string returned;
  int finished = 0;
  Routine& routine = start([](std::span<BlockingChannel>) { return std::string("done"); });
  EXPECT_EQ(routine.id()[0], is_process() ? 'P' : 'T');
  routine.on_return(
      [&](Routine&, std::string_view bytes) { returned = decode<std::string>(bytes); });
  routine.on_finish([&](Routine& self) {
    ++finished;
    EXPECT_EQ(self.status().is_known(), is_process());
  });
  EXPECT_EQ(decode<std::string>(run(routine.result())), "done");
  test::turn_until(
      loop, [&] { return finished > 0; }, "the end");
  EXPECT_EQ(returned, "done");
  EXPECT_EQ(finished, 1);
}

TEST_P(RoutineTest, TalksOverItsChannels) {
  auto [ours, theirs] = make_channel();
  Routine& routine = start(
      [](std::span<BlockingChannel> channels) {
        int count = 0;
        while (auto text = channels[0].receive()) {
          channels[0].send(*text + *text);
          ++count;
        }
        return count;
      },
      just(std::move(theirs)));
  auto& channel = loop.add(std::make_unique<Channel>(std::move(ours)));
  channel.send("ab");
  channel.send("c");
  EXPECT_EQ(run(channel.receive()), "abab");
  EXPECT_EQ(run(channel.receive()), "cc");
  Future<Bytes> result = routine.result();
  channel.close();
  EXPECT_EQ(decode<int>(run(std::move(result))), 2);
  channel.remove();
}

TEST_P(RoutineTest, AChannelMayJoinTwoOfThem) {
  auto [one, two] = make_channel();
  start([](std::span<BlockingChannel> channels) { channels[0].send_value(21); },
        just(std::move(one)));
  Routine& second = start(
      [](std::span<BlockingChannel> channels) {
        return channels[0].receive_value<int>().value_or(0) * 2;
      },
      just(std::move(two)));
  EXPECT_EQ(decode<int>(run(second.result())), 42);
}

TEST_P(RoutineTest, WhatItThrowsIsTold) {
  std::string thrown;
  Routine& routine = start([](std::span<BlockingChannel>) -> int {
    throw Error::from_errno(ENOENT, "open", "/nowhere");
  });
  routine.on_error_thrown([&](Routine&, const Error& error) { thrown = error.what(); });
  try {
    run(routine.result());
    ADD_FAILURE() << "it returned";
  } catch (const WorkerError& error) {
    EXPECT_EQ(error.code().value(), ENOENT);
  }
  test::turn_until(
      loop, [&] { return !thrown.empty(); }, "the error");
  EXPECT_NE(thrown.find("/nowhere"), std::string::npos);
}

TEST_P(RoutineTest, AFailureThatNobodyWaitsForIsNotLost) {
  start([](std::span<BlockingChannel>) { throw std::runtime_error("unheard"); });
  EXPECT_THROW(test::turn_until(
                   loop, [] { return false; }, "never"),
               WorkerError);
}

TEST_P(RoutineTest, ACallbackMayRemoveIt) {
  for (const int which : {0, 1}) {
    Routine& routine = start([](std::span<BlockingChannel>) { return 1; });
    bool is_told = false;
    bool is_finished = false;
    routine.on_return([&](Routine& self, std::string_view) {
      is_told = true;
      if (which == 0) self.remove();
    });
    routine.on_finish([&](Routine& self) {
      is_finished = true;
      self.remove();
    });
    test::turn_until(
        loop, [&] { return is_told && (which == 0 || is_finished); }, "the end");
    test::turn_while_busy(loop);
    EXPECT_EQ(is_finished, which == 1);
  }
}

INSTANTIATE_TEST_SUITE_P(Models, RoutineTest,
                         ::testing::Values(WorkerModel::process, WorkerModel::thread),
                         [](const auto& model) {
                           return model.param == WorkerModel::process ? "process" : "thread";
                         });

class ProcessRoutineTest : public test::RealLoopTest {
 protected:
  template <class F>
  Routine& start(F code, std::vector<UniqueFd> ends = {}) {
    return loop.add(
        std::make_unique<Routine>(WorkerModel::process, std::move(ends), std::move(code)));
  }
};

TEST_F(ProcessRoutineTest, ADeathByASignalIsAResult) {
  Routine& routine = start([](std::span<BlockingChannel>) {
    for (;;) ::pause();
  });
  EXPECT_TRUE(routine.kill(SIGKILL));
  try {
    run(routine.result());
    ADD_FAILURE() << "it returned";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::disconnected);
    EXPECT_NE(std::string(error.what()).find("SIGKILL"), std::string::npos) << error.what();
  }
}

TEST_F(ProcessRoutineTest, LeavingByExitIsNoResult) {
  Routine& routine = start([](std::span<BlockingChannel>) { ::_exit(3); });
  EXPECT_THROW(run(routine.result()), Error);
}

TEST_F(ProcessRoutineTest, HasNoDescriptorsButItsOwn) {
  auto [ours, theirs] = make_channel();
  Routine& routine = start(
      [](std::span<BlockingChannel>) {
        int open = 0;
        for (int fd = 3; fd < 256; ++fd) open += ::fcntl(fd, F_GETFD) >= 0 ? 1 : 0;
        return open;
      },
      just(std::move(theirs)));
  EXPECT_EQ(decode<int>(run(routine.result())), 2) << "its channel, and that of the result";
}

TEST_F(ProcessRoutineTest, SignalsAreAtTheirDefaults) {
  std::signal(SIGUSR1, [](int) {});
  Routine& routine = start([](std::span<BlockingChannel>) {
    struct ::sigaction action {};
    ::sigaction(SIGUSR1, nullptr, &action);
    return action.sa_handler == SIG_DFL;
  });
  std::signal(SIGUSR1, SIG_DFL);
  EXPECT_TRUE(decode<bool>(run(routine.result())));
}

TEST_F(ProcessRoutineTest, AGrandchildThatLivesOnDelaysNothing) {
  Routine& routine = start([](std::span<BlockingChannel>) {
    const ::pid_t child = ::fork();
    if (child == 0) {
      ::sleep(20);
      ::_exit(0);
    }
    return child;
  });
  const auto child = decode<::pid_t>(run(routine.result()));
  EXPECT_EQ(::kill(child, SIGKILL), 0);
}

TEST_F(ProcessRoutineTest, RemovingItEndsItsProcess) {
  Routine& routine = start([](std::span<BlockingChannel>) {
    for (;;) ::pause();
  });
  const ::pid_t pid = std::stoi(routine.id().substr(1));
  EXPECT_EQ(::kill(pid, 0), 0);
  routine.remove();
  EXPECT_EQ(::kill(pid, 0), -1);
}

}  // namespace
}  // namespace ioa

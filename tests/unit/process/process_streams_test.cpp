#include <gtest/gtest.h>
#include <sys/ioctl.h>

#include <csignal>
#include <memory>
#include <string>

#include "ioa/future/combine.hpp"
#include "ioa/loop/timeout.hpp"
#include "ioa/process/process.hpp"
#include "ioa/process/process_info.hpp"
#include "tests/support/fd_count.hpp"
#include "tests/unit/process/spawn_fixture.hpp"

namespace ioa {
namespace {

using std::chrono::milliseconds;

class ProcessStreamsTest : public test::RealLoopTest {
 protected:
  const test::IgnoredSigpipe ignored_sigpipe;

  static std::unique_ptr<Process> shell(std::string line) {
    return std::make_unique<Process>(SpawnRequest::shell(std::move(line)));
  }
};

TEST_F(ProcessStreamsTest, ReadsAndWritesOverPipes) {
  auto owned = shell("tr a-z A-Z; echo error >&2; exit 4");
  Stream& in = owned->pipe_write(0);
  Stream& out = owned->pipe_read(1);
  Stream& err = owned->pipe_read(2);
  EXPECT_EQ(owned->stream(2), &err);
  EXPECT_EQ(owned->stream(3), nullptr);
  EXPECT_EQ(in.name(), "stdin");
  EXPECT_EQ(err.name(), "stderr");
  in.write("early ");  // before it is started
  Process& process = loop.add(std::move(owned));
  in.write("late");
  in.shutdown_write();
  auto texts = all(out.read_until_eof(), err.read_until_eof());
  auto end = process.exited();
  const auto [text, error] = run(std::move(texts));
  EXPECT_EQ(text, "EARLY LATE");
  EXPECT_EQ(error, "error\n");
  EXPECT_EQ(run(std::move(end)).status, WaitStatus::exited(4));
}

TEST_F(ProcessStreamsTest, WhatIsWrittenAndEndedBeforeTheStartArrives) {
  auto owned = shell("cat");
  Stream& in = owned->pipe_write(0);
  Stream& out = owned->pipe_read(1);
  in.write("all of it");
  in.shutdown_write();
  Process& process = loop.add(std::move(owned));
  auto end = process.exited();
  EXPECT_EQ(run(out.read_until_eof()), "all of it");
  run(std::move(end));
}

TEST_F(ProcessStreamsTest, NothingWrittenIsTheEndOfFile) {
  auto owned = shell("read x || echo at its end");
  owned->pipe_write(0).shutdown_write();
  Stream& out = owned->pipe_read(1);
  loop.add(std::move(owned));
  EXPECT_EQ(run(out.read_until_eof()), "at its end\n");
}

TEST_F(ProcessStreamsTest, OneStreamMayReadAndWrite) {
  auto owned = shell("cat");
  Stream& io = owned->pipe_both();
  EXPECT_EQ(owned->stream(0), &io);
  EXPECT_EQ(owned->stream(1), &io);
  loop.add(std::move(owned));
  io.write("there and back");
  io.shutdown_write();
  EXPECT_EQ(run(io.read_until_eof()), "there and back");
}

TEST_F(ProcessStreamsTest, ASocketMaySeveralDescriptorsServe) {
  auto owned = shell("cat; echo error >&2; [ -S /dev/stdin ] && echo socket");
  Stream& io = owned->socketpair({0, 1, 2});
  Process& process = loop.add(std::move(owned));
  io.write("through a socket\n");
  io.shutdown_write();
  auto end = process.exited();
  EXPECT_EQ(run(io.read_until_eof()), "through a socket\nerror\nsocket\n");
  run(std::move(end));
}

TEST_F(ProcessStreamsTest, AnyDescriptorMayHaveOne) {
  auto owned = shell("cat <&7 >&8");
  Stream& in = owned->pipe_write(7);
  Stream& out = owned->pipe_read(8);
  EXPECT_EQ(out.name(), "fd8");
  loop.add(std::move(owned));
  in.write("7 to 8");
  in.shutdown_write();
  EXPECT_EQ(run(out.read_until_eof()), "7 to 8");
}

TEST_F(ProcessStreamsTest, OneMayBeMergedIntoAnother) {
  auto owned = shell("echo out; echo error >&2; echo more");
  Stream& out = owned->pipe_read(1);
  owned->merge(2, 1);
  loop.add(std::move(owned));
  EXPECT_EQ(run(out.read_until_eof()), "out\nerror\nmore\n");
}

TEST_F(ProcessStreamsTest, AMegabyteGoesThroughBothWays) {
  auto owned = shell("cat");
  Stream& in = owned->pipe_write(0);
  Stream& out = owned->pipe_read(1);
  std::string text(1 << 20, 'x');
  text += "end";
  in.write(text);
  in.shutdown_write();
  Process& process = loop.add(std::move(owned));
  auto end = process.exited();
  EXPECT_EQ(run(out.read_until_eof()), text);
  EXPECT_TRUE(run(std::move(end)).status.is_success());
}

TEST_F(ProcessStreamsTest, AChildThatDoesNotReadIsNoFailure) {
  auto owned = shell("exec <&-; exit 0");
  Stream& in = owned->pipe_write(0);
  in.write(std::string(1 << 20, 'x'));
  Process& process = loop.add(std::move(owned));
  EXPECT_TRUE(run(process.exited()).status.is_success());
}

TEST_F(ProcessStreamsTest, TheChildHasNothingOfOurEnds) {
  auto owned = shell("exec sleep 60");
  owned->pipe_write(0);
  owned->pipe_read(1);
  owned->socketpair({5});
  owned->set_drain(Duration::zero());
  Process& process = loop.add(std::move(owned));
  std::set<int> fds;
  const std::string folder = "/proc/" + std::to_string(process.pid()) + "/fd/";
  for (int fd = 3; fd < 300; ++fd)
    if (fd != 5 && ::access((folder + std::to_string(fd)).c_str(), F_OK) == 0 &&
        process_info(process.pid())->state == 'S')
      fds.insert(fd);
  EXPECT_LE(fds.size(), 1U) << "the dynamic linker's own at most";
  process.terminate();
  run(process.exited());
}

// --- Draining -------------------------------------------------------------------------------

TEST_F(ProcessStreamsTest, ItsEndIsToldOnceAllIsRead) {
  auto owned = shell("(sleep 0.05; echo late) & echo early");
  Stream& out = owned->pipe_read(1);
  owned->set_drain(std::nullopt);
  std::string order;
  owned->on_child_end([&](Process&) { order += "child "; });
  owned->on_exit([&](Process& self) {
    order += "exit ";
    EXPECT_TRUE(self.is_drained());
  });
  out.on_read([&](Stream&, ByteBuffer& in, bool eof) {
    order += std::string(in.view()) + (eof ? "eof " : "");
    in.clear();
  });
  Process& process = loop.add(std::move(owned));
  run(process.exited());
  EXPECT_LT(order.find("child "), order.find("late\n")) << order;
  EXPECT_NE(order.find("late\neof exit "), std::string::npos) << order;
}

TEST_F(ProcessStreamsTest, AGrandchildThatKeepsThePipeDelaysItNotLongerThanTheLimit) {
  test::Pipe keep;
  auto owned = shell("read x <&9 & echo out; exit 5");
  owned->request().descriptors = {FdAction::dup(keep.read.get(), 9)};
  Stream& out = owned->pipe_read(1);
  std::string text;
  out.on_read([&](Stream&, ByteBuffer& in, bool) {
    text += in.view();
    in.clear();
  });
  owned->set_drain(milliseconds(30));
  bool is_drained = true;
  owned->on_exit([&](Process& self) { is_drained = self.is_drained(); });
  Process& process = loop.add(std::move(owned));
  EXPECT_EQ(run(process.exited()).status, WaitStatus::exited(5));
  EXPECT_EQ(text, "out\n") << "what the child itself has written is there";
  EXPECT_FALSE(is_drained);
}

TEST_F(ProcessStreamsTest, OneThatNobodyReadsDelaysItNotLongerThanTheLimit) {
  auto owned = shell("echo unread");
  owned->pipe_read(1);
  owned->set_drain(milliseconds(1));
  Process& process = loop.add(std::move(owned));
  EXPECT_TRUE(run(process.exited()).status.is_success());
}

TEST_F(ProcessStreamsTest, OneThatOnlyWritesIsNotWaitedFor) {
  test::Pipe keep;
  auto owned = shell("read x <&9 & exit 0");  // whose stdin is kept by the grandchild
  owned->request().descriptors = {FdAction::dup(keep.read.get(), 9)};
  owned->pipe_write(0);
  owned->set_drain(std::nullopt);
  owned->set_leaves_when_done(false);
  Process& process = loop.add(std::move(owned));
  EXPECT_TRUE(run(process.exited()).status.is_success());
  EXPECT_TRUE(process.is_drained());
}

// --- Terminals ------------------------------------------------------------------------------

TEST_F(ProcessStreamsTest, ATerminalControlsTheChild) {
  auto owned =
      shell("tty; stty size; [ -t 0 ] && [ -t 1 ] && [ -t 2 ] && echo terminal > /dev/tty");
  Stream& tty = owned->pty({{40, 100}, std::nullopt});
  Process& process = loop.add(std::move(owned));
  auto end = process.exited();
  const std::string text = run(tty.read_until_eof());
  EXPECT_EQ(text.substr(0, 9), "/dev/pts/");
  EXPECT_NE(text.find("40 100\r\n"), std::string::npos) << text;
  EXPECT_NE(text.find("terminal\r\n"), std::string::npos) << text;
  EXPECT_TRUE(run(std::move(end)).status.is_success());
}

TEST_F(ProcessStreamsTest, ATerminalTurnsKeysIntoSignals) {
  auto owned =
      shell("trap 'echo interrupted; exit 9' INT; echo ready; while :; do sleep 0.01; done");
  Stream& tty = owned->pty();
  Process& process = loop.add(std::move(owned));
  EXPECT_EQ(run(tty.read_line()), "ready");
  tty.write("\x03");
  auto end = process.exited();
  const std::string text = run(tty.read_until_eof());
  EXPECT_NE(text.find("interrupted"), std::string::npos) << text;
  EXPECT_EQ(run(std::move(end)).status, WaitStatus::exited(9));
}

TEST_F(ProcessStreamsTest, ATerminalSaysThatThereIsNoMoreInput) {
  for (const char* input : {"line\n", "line", ""}) {
    auto owned = shell("stty -echo; echo ready; cat; echo end");
    Stream& tty = owned->pty();
    Process& process = loop.add(std::move(owned));
    run(tty.read_line());
    tty.write(input);
    tty.shutdown_write();
    auto end = process.exited();
    const std::string text = run(tty.read_until_eof());
    EXPECT_NE(text.find("end\r\n"), std::string::npos) << text;
    EXPECT_TRUE(run(std::move(end)).status.is_success());
  }
}

TEST_F(ProcessStreamsTest, ATerminalsSizeMayChange) {
  auto owned = shell("trap 'stty size; exit' WINCH; echo ready; while :; do sleep 0.01; done");
  Stream& tty = owned->pty();
  EXPECT_EQ(terminal_size(tty.read_fd()), (TerminalSize{24, 80}));
  loop.add(std::move(owned));
  run(tty.read_line());
  set_terminal_size(tty.read_fd(), {50, 132});
  EXPECT_EQ(run(tty.read_line()), "50 132");
}

TEST_F(ProcessStreamsTest, AnEndedTerminalTellsHangup) {
  auto owned = shell("trap 'exit 0' HUP; echo ready; while :; do sleep 0.01; done");
  Stream& tty = owned->pty();
  Process& process = loop.add(std::move(owned));
  run(tty.read_line());
  auto end = process.exited();
  tty.close_now();
  EXPECT_TRUE(run(std::move(end)).status.is_success());
}

// What is told while the Streams are closed at the end may take the whole out.
TEST_F(ProcessStreamsTest, AStreamThatIsClosedAtTheEndMayRemoveIt) {
  for (const bool starts : {true, false}) {
    auto owned =
        starts ? shell("exit 0") : std::make_unique<Process>(SpawnRequest::command({"/nowhere"}));
    Process* process = owned.get();
    bool is_called = false;
    owned->pipe_write(0).on_closed([&](Stream&) {
      is_called = true;
      process->remove();
    });
    owned->on_exit([](Process&) { ADD_FAILURE(); });
    owned->on_failed([](Process&) { ADD_FAILURE(); });
    loop.add(std::move(owned));
    auto end = process->exited();
    EXPECT_THROW(run(std::move(end)), Error);
    EXPECT_TRUE(is_called);
  }
}

// --- Without descriptors --------------------------------------------------------------------

TEST_F(ProcessStreamsTest, WithoutDescriptorsLeftStartingItFails) {
  ::rlimit before{};
  ::getrlimit(RLIMIT_NOFILE, &before);
  std::vector<UniqueFd> ballast;
  for (;;) {
    ballast.emplace_back(::dup(0));
    if (!ballast.back() || ballast.size() > 20) break;
  }
  run(sleep_for(loop, milliseconds(1)));  // which makes the backend's timer
  const ::rlimit tight{static_cast<::rlim_t>(ballast.back().get()) + 1, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &tight), 0);
  for (std::size_t room = 0; room < 8; ++room) {
    auto owned = shell("exit 0");
    owned->set_leaves_when_done(false);
    owned->pipe_write(0);
    owned->pipe_read(1).on_read([](Stream&, ByteBuffer&, bool) {});
    Process& process = loop.add(std::move(owned));
    try {
      run(process.exited());
      EXPECT_GE(room, 5U) << "two pipes and a pidfd";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::overloaded) << error.what();
      EXPECT_LT(room, 6U);
    }
    process.remove();
    test::turn_while_busy(loop);
    ballast.pop_back();
  }
  ::setrlimit(RLIMIT_NOFILE, &before);
}

}  // namespace
}  // namespace ioa

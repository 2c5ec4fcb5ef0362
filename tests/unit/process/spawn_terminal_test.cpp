#include <gtest/gtest.h>
#include <sys/ioctl.h>

#include <cerrno>
#include <string>

#include "ioa/process/pseudo_terminal.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/unit/process/spawn_fixture.hpp"

namespace ioa {
namespace {

class SpawnTerminalTest : public test::GuardedTest {};

TEST_F(SpawnTerminalTest, ATerminalHasTheSizeAndTheModesThatAreAsked) {
  TerminalSettings settings;
  settings.size = {10, 20};
  const PseudoTerminal plain = open_pseudo_terminal(settings);
  EXPECT_EQ(terminal_size(plain.terminal.get()), settings.size);
  EXPECT_EQ(terminal_size(plain.controller.get()), settings.size);
  auto modes = terminal_modes(plain.terminal.get());
  ASSERT_TRUE(modes);
  EXPECT_NE(modes->c_lflag & ECHO, 0U);
  modes->c_lflag &= ~static_cast<::tcflag_t>(ECHO);
  settings.modes = modes;
  const PseudoTerminal silent = open_pseudo_terminal(settings);
  EXPECT_EQ(terminal_modes(silent.terminal.get())->c_lflag & ECHO, 0U);
  EXPECT_EQ(silent.name.substr(0, 9), "/dev/pts/");
  for (const int fd : {silent.controller.get(), silent.terminal.get()})
    EXPECT_NE(::fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
  EXPECT_NE(::fcntl(silent.controller.get(), F_GETFL) & O_NONBLOCK, 0);
  EXPECT_EQ(::fcntl(silent.terminal.get(), F_GETFL) & O_NONBLOCK, 0);
}

TEST_F(SpawnTerminalTest, WhatIsNoTerminalHasNoSize) {
  const test::Pipe pipe;
  EXPECT_EQ(terminal_size(pipe.read.get()), std::nullopt);
  EXPECT_FALSE(terminal_modes(pipe.read.get()));
  EXPECT_THROW(set_terminal_size(pipe.read.get(), {}), Error);
}

TEST_F(SpawnTerminalTest, SaysThatATerminalCannotBeTaken) {
  const test::Pipe pipe;
  SpawnRequest request = SpawnRequest::command({"true"});
  request.descriptors = {FdAction::dup(pipe.read.get(), 0)};
  request.new_session = true;
  request.controlling_terminal = 0;
  Error error = test::spawn_error(request);
  EXPECT_EQ(error.operation(), "controlling terminal");
  EXPECT_EQ(error.code().value(), ENOTTY);
  request.controlling_terminal.reset();
  request.foreground_terminal = 0;
  error = test::spawn_error(request);
  EXPECT_EQ(error.operation(), "foreground terminal");
  EXPECT_EQ(error.code().value(), ENOTTY);
}

// As a shell starts a job: its group is in the foreground before the program runs.
TEST_F(SpawnTerminalTest, PutsItsGroupInTheForeground) {
  const PseudoTerminal pty = open_pseudo_terminal();
  const ::pid_t shell = ::fork();
  if (shell == 0) {
    if (::setsid() < 0 || ::ioctl(pty.terminal.get(), TIOCSCTTY, 0) != 0) ::_exit(9);
    SpawnRequest request = SpawnRequest::shell(
        "set -- $(cat /proc/$$/stat); [ $5 = $1 ] && [ $8 = $5 ] && [ $6 != $5 ]");
    request.descriptors = {FdAction::dup(pty.terminal.get(), 0)};
    request.process_group = 0;
    request.foreground_terminal = 0;
    ::_exit(test::wait_for(spawn(request).pid).shell_status());
  }
  EXPECT_EQ(test::wait_for(shell), WaitStatus::exited(0));
}

TEST_F(SpawnTerminalTest, OpeningATerminalDoesNotTakeItByTheWay) {
  const PseudoTerminal pty = open_pseudo_terminal();
  SpawnRequest request;
  request.new_session = true;
  request.descriptors = {FdAction::open(pty.name, O_RDWR, 0)};
  EXPECT_EQ(test::run_line("[ -t 0 ] && ( : < /dev/tty ) 2>/dev/null || echo none", request).out,
            "none\n");
}

}  // namespace
}  // namespace ioa

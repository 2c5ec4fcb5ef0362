#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "tests/end_to_end/end_to_end.hpp"
#include "tests/support/temp_dir.hpp"

namespace ioa::test {
namespace {

using namespace std::chrono_literals;

/// An interactive shell on a terminal of its own, where somebody types.
class InteractiveShell {
 public:
  InteractiveShell() {
    int master = -1;
    ::winsize size{40, 100, 0, 0};
    pid_ = ::forkpty(&master, nullptr, nullptr, &size);
    if (pid_ == 0) {
      for (int number = 1; number < NSIG; ++number) ::signal(number, SIG_DFL);
      ::setenv("IOA", ioa_binary().c_str(), 1);
      ::setenv("PS1", "", 1);
      ::unsetenv("PROMPT_COMMAND");
      ::execlp("bash", "bash", "--norc", "--noprofile", "--noediting", "-i", nullptr);
      ::_exit(127);
    }
    ::fcntl(master, F_SETFD, FD_CLOEXEC);
    master_ = UniqueFd(master);
    type("stty -echo; PS1=; set -b; echo rea''dy\n");
    expect("ready");
  }
  InteractiveShell(const InteractiveShell&) = delete;
  InteractiveShell& operator=(const InteractiveShell&) = delete;
  ~InteractiveShell() {
    master_.reset();  // its terminal hangs up
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }

  void type(std::string_view text) const {
    ASSERT_EQ(::write(master_.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  /// Waits until the text appears behind what was expected last.
  void expect(std::string_view text) {
    const auto limit = std::chrono::steady_clock::now() + 20s;
    std::size_t found = 0;
    while ((found = screen_.find(text, seen_)) == std::string::npos) {
      pollfd entry{master_.get(), POLLIN, 0};
      ASSERT_GT(::poll(&entry, 1, 1000), -1);
      ASSERT_LT(std::chrono::steady_clock::now(), limit)
          << "no " << text << " in " << screen_.substr(seen_);
      if (entry.revents == 0) continue;
      char bytes[4096];
      const ssize_t size = ::read(master_.get(), bytes, sizeof bytes);
      ASSERT_GT(size, 0) << "the end instead of " << text << " behind " << screen_;
      screen_.append(bytes, static_cast<std::size_t>(size));
    }
    seen_ = found + text.size();
  }
  void resize(unsigned short rows, unsigned short columns) const {
    const ::winsize size{rows, columns, 0, 0};
    ASSERT_EQ(::ioctl(master_.get(), TIOCSWINSZ, &size), 0);
  }
  const std::string& screen() const { return screen_; }

 private:
  pid_t pid_ = -1;
  UniqueFd master_;
  std::string screen_;
  std::size_t seen_ = 0;
};

constexpr std::string_view kInterrupt = "\x03";
constexpr std::string_view kStop = "\x1a";

// Reads lines, says how many interrupts there were before each, and ends at the second one.
constexpr std::string_view kCounter =
    "'n=0; trap \"n=\\$((n+1)); echo int\\$n; [ \\$n = 2 ] && exit 5\" INT; echo u\"\"p; "
    "while :; do read x && echo \"$x after $n\"; done'";

TEST(RunChildTerminalTest, AnInterruptKeyReachesTheChildOnce) {
  for (const std::string options : {"", "--guard", "--timeout 60", "--tag=t"}) {
    SCOPED_TRACE(options);
    InteractiveShell shell;
    shell.type("$IOA run " + options + " sh -c " + std::string(kCounter) + "; echo status $?\n");
    shell.expect("up");
    shell.type(kInterrupt);
    shell.expect("int1");
    shell.type("ping\n");
    shell.expect("ping after 1");
    shell.type(kInterrupt);
    shell.expect("int2");
    shell.expect("status 5");
  }
}

TEST(RunChildTerminalTest, AChildThatTheKeyKillsEndsBoth) {
  InteractiveShell shell;
  shell.type("$IOA run sh -c 'echo u\"\"p; exec sleep 30'; echo status $?\n");
  shell.expect("up");
  shell.type(kInterrupt);
  shell.expect("status 130");
}

TEST(RunChildTerminalTest, StopsWithTheChildAndGoesOnWithIt) {
  for (const std::string options : {"", "--guard"}) {
    SCOPED_TRACE(options);
    InteractiveShell shell;
    shell.type("$IOA run " + options +
               " sh -c 'echo u\"\"p; read x; echo got $x'; echo status $?\n");
    shell.expect("up");
    shell.type(kStop);
    shell.expect("Stopped");
    shell.type("ps -o stat= $(pgrep -P $(jobs -p)); echo list''ed\n");
    shell.expect("T");
    shell.expect("listed");
    shell.type("fg\n");
    shell.expect("$IOA run");
    shell.type("hello\n");
    shell.expect("got hello");
  }
}

TEST(RunChildTerminalTest, StopsWithAChildThatStopsItself) {
  InteractiveShell shell;
  shell.type("$IOA run sh -c 'kill -STOP $$; echo aga\"\"in'\n");
  shell.expect("Stopped");
  shell.type("fg\n");
  shell.expect("again");
}

TEST(RunChildTerminalTest, AStopThatIsSentStopsBoth) {
  InteractiveShell shell;
  shell.type("$IOA run sleep 30 &\n");
  shell.type("p=$!; until c=$(pgrep -P $p); do :; done; kill -TSTP $p\n");
  shell.type("for i in $p $c; do until grep -q 'State:.T' /proc/$i/status; do :; done; done\n");
  shell.type("echo both stop''ped; kill -CONT $p\n");
  shell.expect("both stopped");
  shell.type("for i in $p $c; do until grep -q 'State:.S' /proc/$i/status; do :; done; done\n");
  shell.type("echo both go ''on; kill $p\n");
  shell.expect("both go on");
}

TEST(RunChildTerminalTest, TheChildHasTheTerminal) {
  InteractiveShell shell;
  shell.type("$IOA run sh -c 'test -t 0 && test -t 1 && test -t 2 && stty size'\n");
  shell.expect("40 100");
}

TEST(RunChildTerminalTest, ATerminalOfItsOwnIsInTheMiddle) {
  InteractiveShell shell;
  shell.type("$IOA run --pty sh -c " + std::string(kCounter) + "; echo status $?\n");
  shell.expect("up");
  shell.type(kInterrupt);
  shell.expect("int1");
  shell.type("ping\r");
  shell.expect("ping after 1");
  shell.type(kInterrupt);
  shell.expect("status 5");
  // Ours is as it was before.
  shell.type("stty | tr -s ' \\n' '  '; stty -a | grep -o '[-]*icanon'; echo e''nd\n");
  shell.expect("icanon");
  shell.expect("end");
  EXPECT_EQ(shell.screen().find("-icanon"), std::string::npos);
}

TEST(RunChildTerminalTest, ATerminalOfItsOwnHasTheSizeOfOurs) {
  InteractiveShell shell;
  shell.type(
      "$IOA run --pty sh -c 'trap \"stty size\" WINCH; stty size; while :; do sleep 0.01; done'\n");
  shell.expect("40 100");
  shell.resize(20, 50);
  shell.expect("20 50");
  shell.type(kInterrupt);
}

TEST(RunChildPtyTest, RunsOnATerminal) {
  const std::string script = "test -t 0 && test -t 1 && tty; echo err >&2; stty size; exit 3";
  const RunResult result = run_ioa({"run", "--pty", "sh", "-c", script});
  EXPECT_EQ(result.status, 3);
  EXPECT_EQ(result.err, "");
  EXPECT_EQ(result.out.rfind("/dev/pts/", 0), 0U) << result.out;
  EXPECT_NE(result.out.find("\r\nerr\r\n24 80\r\n"), std::string::npos) << result.out;
}

TEST(RunChildPtyTest, TypesItsInput) {
  expect_success(run_ioa({"run", "--pty", "cat"}, "a\nb\n"), "a\r\nb\r\n");
  expect_success(run_ioa({"run", "--pty", "cat"}, "no end"), "no end");
  expect_success(run_ioa({"run", "--pty", "cat"}, ""), "");
  expect_success(run_ioa({"run", "--pty", "--stdin", "null", "cat"}, "x"), "");
  expect_success(run_ioa({"run", "--pty", "--stdin-text", "yes\n", "sh", "-c",
                          "read x </dev/tty; echo got $x"}),
                 "got yes\r\n");
}

TEST(RunChildPtyTest, PassesMuchBothWays) {
  const RunResult result = run_shell(
      "seq 1 20000 >/dev/null; seq 1 20000 | $IOA run --pty cat | tr -d '\\r' | md5sum; "
      "seq 1 20000 | md5sum");
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.out.substr(0, 32), result.out.substr(36, 32));
}

TEST(RunChildPtyTest, IsACommandsControllingTerminal) {
  expect_success(run_ioa({"run", "--pty", "sh", "-c",
                          "[ $(ps -o sid= -p $$) = $$ ] && : </dev/tty && echo leader"}),
                 "leader\r\n");
  EXPECT_EQ(run_ioa({"run", "--pty", "--timeout", "0.1", "sleep", "30"}).status, 124);
}

TEST(RunChildSignalsTest, AreAllPassedOn) {
  for (const std::string options : {"--timeout", "--guard", "--new-session", "--tag"}) {
    SCOPED_TRACE(options);
    for (const int number :
         {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH, SIGCONT}) {
      SCOPED_TRACE(number);
      std::vector<std::string> arguments{"run", options};
      if (options == "--timeout") arguments.emplace_back("60");
      const std::string script =
          "trap 'exit 7' " + std::to_string(number) + "; echo up; while :; do sleep 0.01; done";
      arguments.insert(arguments.end(), {"sh", "-c", script});
      Process process(ioa(arguments));
      ASSERT_TRUE(process.wait_for_out("up"));
      process.signal(number);
      EXPECT_EQ(process.wait().status, 7);
    }
  }
}

TEST(RunChildSignalsTest, EveryOneOfThemAlsoTheSecond) {
  Process process(ioa({"run", "sh", "-c",
                       "n=0; trap 'n=$((n+1)); echo got $n; [ $n = 3 ] && exit 7' TERM; echo up; "
                       "while :; do sleep 0.01; done"}));
  ASSERT_TRUE(process.wait_for_out("up"));
  for (const char* answer : {"got 1", "got 2", "got 3"}) {
    process.signal(SIGTERM);
    ASSERT_TRUE(process.wait_for_out(answer));
  }
  EXPECT_EQ(process.wait().status, 7);
}

TEST(RunChildSignalsTest, OneThatKillsTheChildIsTheStatus) {
  Process process(ioa({"run", "sh", "-c", "echo up; exec sleep 30"}));
  ASSERT_TRUE(process.wait_for_out("up"));
  process.signal(SIGTERM);
  const RunResult result = process.wait();
  EXPECT_EQ(result.status, 128 + SIGTERM);
  EXPECT_EQ(result.err, "");
}

TEST(RunChildSignalsTest, OneThatComesBehindTheChildsEndIsOurs) {
  // The child is gone, and something that it left holds the output.
  Process process(ioa({"run", "--tag=t", "-v", "sh", "-c", "sleep 30 & echo $!"}));
  ASSERT_TRUE(process.wait_for_out("t\t"));
  wait_until([&] { return process.is_sleeping(); }, "its wait for the output");
  process.signal(SIGTERM);
  const RunResult result = process.wait();
  EXPECT_EQ(result.status, 128 + SIGTERM);
  ::kill(std::stoi(result.out.substr(2)), SIGKILL);
}

}  // namespace
}  // namespace ioa::test

// connect -z --wait: until ports are open, or closed, and what runs then.
#include <sys/socket.h>

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>

#include "tests/end_to_end/end_to_end.hpp"
#include "tests/support/events.hpp"
#include "tests/support/pattern.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/support/test_peer.hpp"

namespace ioa::test {
namespace {

using namespace std::chrono_literals;

class ProbeWaitTest : public GuardedTest {
 protected:
  static std::vector<std::string> wait_for(std::vector<std::string> rest) {
    rest.insert(rest.begin(), {"connect", "-z", "--retry-delay", "10ms", "--wait"});
    return rest;
  }
  /// The same, but slow enough for a server that does not accept.
  static std::vector<std::string> wait_slowly_for(std::vector<std::string> rest) {
    rest.insert(rest.begin(), {"connect", "-z", "--retry-delay", "100ms", "--wait"});
    return rest;
  }
  static std::string states(const std::string& out) {
    std::string all;
    for (const auto& found : find_all(out, "\t(open|closed|filtered|unresolved)\t"))
      all += (all.empty() ? "" : " ") + found[1];
    return all;
  }
};

TEST_F(ProbeWaitTest, TargetsAreWaitedForSideBySideHoweverFewJobs) {
  // The first two are waited for in vain: the third must not stand in line behind them.
  const std::string closed = std::to_string(closed_port());
  TestServer server;
  const RunResult result = run_ioa(wait_for(
      {"300ms", "-j1", "127.0.0.1:" + closed, "no..such:80", "127.0.0.1:" + server.port_text()}));
  EXPECT_EQ(result.status, 124);
  EXPECT_EQ(states(result.out), "closed unresolved open");
  EXPECT_EQ(result.err,
            "ioa connect: --wait 300ms reached: not open: 127.0.0.1:" + closed + ", no..such:80\n");
  EXPECT_LT(result.duration, 2s);
}

TEST_F(ProbeWaitTest, TheLimitOfTheWholeRunNamesWhatIsMissingToo) {
  const std::string closed = "127.0.0.1:" + std::to_string(closed_port());
  const TestServer server;
  const RunResult result =
      run_ioa(wait_for({"20s", "--timeout", "300ms", closed, "127.0.0.1:" + server.port_text()}));
  EXPECT_EQ(result.status, 124);
  EXPECT_EQ(result.err, "ioa connect: --timeout 300ms reached: not open: " + closed + "\n");
}

TEST_F(ProbeWaitTest, AnyEndsWithTheFirst) {
  TestServer server;
  const std::string closed = std::to_string(closed_port());
  const RunResult result =
      run_ioa(wait_for({"20s", "--any", "127.0.0.1", closed, server.port_text()}));
  EXPECT_EQ(result.status, 0);
  EXPECT_LT(result.duration, 5s);
  EXPECT_NE(states(result.out).find("open"), std::string::npos) << result.out;
}

TEST_F(ProbeWaitTest, UntilClosedWaitsForTheServerToLeave) {
  auto server = std::make_unique<TestServer>();
  Process process(ioa(wait_for({"20s", "-v", "--until-closed", "127.0.0.1", server->port_text()})));
  ASSERT_TRUE(process.wait_for_err("trying again"));
  server.reset();
  const RunResult result = process.wait();
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(states(result.out), "closed");
}

TEST_F(ProbeWaitTest, UntilClosedIsTheReverseWithoutAWaitToo) {
  TestServer server;
  const std::string closed = std::to_string(closed_port());
  EXPECT_EQ(run_ioa({"connect", "-z", "--until-closed", "127.0.0.1", closed}).status, 0);
  EXPECT_EQ(
      run_ioa({"connect", "-z", "--until-closed", "127.0.0.1", closed, server.port_text()}).status,
      4);
  EXPECT_EQ(run_ioa({"connect", "-z", "--until-closed", "no..such:80"}).status, 3);
  expect_failure(run_ioa(wait_for({"50ms", "--until-closed", "127.0.0.1", server.port_text()})),
                 124, "--wait 50ms reached: not closed: 127.0.0.1:" + server.port_text());
}

TEST_F(ProbeWaitTest, StableWantsThePortToStayOpen) {
  TestServer server;
  const RunResult result =
      run_ioa(wait_slowly_for({"20s", "--stable", "300ms", "127.0.0.1", server.port_text()}));
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(states(result.out), "open");
  EXPECT_GE(result.duration, 300ms);
  const std::string closed = std::to_string(closed_port());
  const RunResult vain = run_ioa(
      wait_slowly_for({"200ms", "--stable", "10s", "127.0.0.1", server.port_text(), closed}));
  expect_failure(vain, 124,
                 "--wait 200ms reached: not open for 10s: 127.0.0.1:" + server.port_text() +
                     ", 127.0.0.1:" + closed);
  EXPECT_EQ(states(vain.out), "open closed");
}

TEST_F(ProbeWaitTest, StableBeginsAnewWhenThePortCloses) {
  const TempDir dir;
  const std::string path = dir / "socket";
  auto first = std::make_unique<TestServer>(path);
  Process process(ioa(wait_slowly_for({"20s", "-v", "--stable", "400ms", "unix:" + path})));
  ASSERT_TRUE(process.wait_for_err("connected to"));
  const auto closed = std::chrono::steady_clock::now();
  first.reset();
  ASSERT_TRUE(process.wait_for_err("trying again"));
  std::filesystem::remove(path);
  const TestServer second(path);
  EXPECT_EQ(process.wait().status, 0);
  EXPECT_GE(std::chrono::steady_clock::now() - closed, 400ms);
}

TEST_F(ProbeWaitTest, RetriesThatEndBeforeTheTimeAreNoTimeLimit) {
  const std::string closed = std::to_string(closed_port());
  EXPECT_EQ(run_ioa(wait_for({"20s", "--retry", "2", "127.0.0.1", closed})).status, 4);
}

TEST_F(ProbeWaitTest, LookUpsAreTriedAgain) {
  const TempDir dir;
  const RunResult result = run_ioa({"connect", "-z", "--retry", "2", "--retry-delay", "1ms",
                                    "--events", dir / "events", "no..such", "80"});
  EXPECT_EQ(result.status, 3);
  const Events events(dir.read("events"));
  EXPECT_GE(events.count("resolve.failed"), 3U) << "each family counts";
  EXPECT_EQ(events.count("retry"), 2U);
}

class ProbeCommandTest : public ProbeWaitTest {};

TEST_F(ProbeCommandTest, RunsInPlaceOfTheProgramOnceItHolds) {
  TestServer server;
  Process process(ioa(wait_for(
      {"20s", "127.0.0.1", server.port_text(), "--", "sh", "-c", "echo pid $$; cat; exit 7"})));
  const std::string pid = std::to_string(process.pid());
  process.write("its input");
  const RunResult result = process.wait();
  EXPECT_EQ(result.status, 7);
  EXPECT_EQ(result.out, "pid " + pid + "\nits input") << "no line of a result is in between";
  EXPECT_EQ(result.err, "");
}

TEST_F(ProbeCommandTest, DoesNotRunIfItDoesNotHold) {
  const std::string closed = std::to_string(closed_port());
  const RunResult once =
      run_ioa({"connect", "-z", "127.0.0.1", closed, "--", "echo", "must not run"});
  EXPECT_EQ(once.out, "");
  expect_failure(once, 4, "ioa connect: not open: 127.0.0.1:" + closed);
  const RunResult late = run_ioa(wait_for({"50ms", "127.0.0.1", closed, "--", "echo", "no"}));
  EXPECT_EQ(late.out, "");
  expect_failure(late, 124, "--wait 50ms reached: not open: 127.0.0.1:" + closed);
}

TEST_F(ProbeCommandTest, ThatCannotRunIs126Or127) {
  TestServer server;
  const TempDir dir;
  const std::string text = dir.write("text", "no program");
  expect_failure(run_ioa({"connect", "-z", "127.0.0.1", server.port_text(), "--", text}), 126,
                 "exec " + text + ": Permission denied (EACCES)");
  expect_failure(run_ioa({"connect", "-z", "127.0.0.1", server.port_text(), "--", "no-such-cmd"}),
                 127, "exec no-such-cmd: No such file or directory (ENOENT)");
}

/// What a process was started with, as far as the kernel tells.
constexpr const char* kInherited =
    "grep -E '^Sig(Blk|Ign)' /proc/self/status; ls /proc/self/fd | wc -l; ulimit -n; umask; "
    "readlink /proc/self/fd/0 /proc/self/fd/2 | sed 's/:.*//'";

TEST_F(ProbeCommandTest, HasWhatTheProgramWasStartedWith) {
  TestServer server;
  const std::string target = "127.0.0.1 " + server.port_text();
  for (const std::string& before :
       {std::string(""), std::string("trap '' PIPE USR1 INT; "), std::string("ulimit -n 50; "),
        std::string("exec </dev/null 0<&-; "), std::string("exec 2>&-; ")}) {
    const std::string tail =
        before.find("0<&-") != before.npos || before.find("2>&-") != before.npos
            ? ""
            : " </dev/null 2>/dev/null";
    const RunResult plain =
        run_shell(before + "sh -c \"$SHOW\"" + tail, {std::string("SHOW=") + kInherited});
    const RunResult through =
        run_shell(before + "\"$IOA\" connect -z " + target + " -- sh -c \"$SHOW\"" + tail,
                  {std::string("SHOW=") + kInherited});
    EXPECT_EQ(through.out, plain.out) << before;
  }
}

TEST_F(ProbeWaitTest, AHostThatVanishesIsFilteredAndThatIsNotOpen) {
  const RunResult result = run_in_private_network(
      "192.0.2.66 hole.test", "\"$IOA\" connect -z -w 200ms hole.test 80; echo $?");
  EXPECT_NE(result.out.find("hole.test\t80/tcp\tfiltered\t20"), std::string::npos) << result.out;
  EXPECT_NE(result.out.find("\n4\n"), std::string::npos) << result.out;
}

TEST_F(ProbeWaitTest, ATryThatIsCutShortIsNotClosed) {
  const RunResult result = run_in_private_network(
      "",
      "\"$IOA\" connect -z --until-closed --wait 300ms 192.0.2.66:80; echo $?\n"
      "\"$IOA\" connect -z --until-closed --wait 20s -w 200ms 192.0.2.66:80; echo $?\n");
  EXPECT_NE(result.out.find("\n124\n"), std::string::npos) << result.out;
  EXPECT_NE(result.out.find("\n0\n"), std::string::npos) << result.out;
}

TEST_F(ProbeWaitTest, NoMoreAreTestedAtOnceThanJobsSays) {
  const RunResult result =
      run_in_private_network("", "\"$IOA\" connect -z -j2 -w 200ms 192.0.2.66 1-10; echo $?");
  EXPECT_NE(result.out.find("\n4\n"), std::string::npos) << result.out;
  EXPECT_GE(result.duration, 1s);
}

TEST_F(ProbeWaitTest, BlackHolesCostOneLimitHoweverMany) {
  const RunResult result = run_in_private_network(
      "",
      "ip route add 198.51.100.0/24 via 192.0.2.66\n"
      "for i in `seq 0 255`; do targets=\"$targets 198.51.100.$i:80\"; done\n"
      "\"$IOA\" connect -z -w 500ms $targets >/run/out; echo \"status $?\"\n"
      "grep -c filtered /run/out");
  EXPECT_EQ(result.out, "status 4\n256\n") << result.err;
  EXPECT_LT(result.duration, 3s);
}

}  // namespace
}  // namespace ioa::test

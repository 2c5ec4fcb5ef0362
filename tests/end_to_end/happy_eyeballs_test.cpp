// A host with a dead address, in a network of the test's own.
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <sstream>
#include <string>
#include <vector>

#include "tests/end_to_end/end_to_end.hpp"
#include "tests/support/events.hpp"
#include "tests/support/json.hpp"
#include "tests/support/run_ioa.hpp"
#include "tests/support/temp_dir.hpp"

namespace ioa::test {
namespace {

// Packets to 2001:db8::dead leave by a link at whose other end nobody answers: a black hole.
// Nothing leads to 2001:db8:2::1 at all, so connecting there fails at once.
constexpr const char* kNetwork = R"(
set -e
ip link set lo up
ip link add here type veth peer name there
ip link set here up
ip link set there up
ip -6 addr add 2001:db8::1/64 dev here nodad
ip -6 neigh add 2001:db8::dead lladdr 02:00:00:00:00:01 dev here
ip -6 route add unreachable 2001:db8:2::/48
printf '2001:db8::dead hole.test\n127.0.0.1 hole.test\n2001:db8:2::1 wall.test\n127.0.0.1 wall.test\n' >"$DIR/hosts"
mount --bind "$DIR/hosts" /etc/hosts
socat -u TCP4-LISTEN:8080,bind=127.0.0.1,fork,reuseaddr SYSTEM:'echo served' &
server=$!
for i in $(seq 200); do grep -q ':1F90 ' /proc/net/tcp && break; sleep 0.02; done
set +e
"$IOA" connect "$@" --events 3 3>"$DIR/events" </dev/null
status=$?
kill $server
exit $status
)";

struct Outcome {
  RunResult result;
  std::vector<nlohmann::json> events;
};

/// Runs `ioa connect ARGUMENTS` in that network.
Outcome connect_there(std::vector<std::string> arguments) {
  const TempDir dir;
  std::vector<std::string> command{
      "unshare", ::geteuid() == 0 ? "-nm" : "-Urnm", "bash", "-c", kNetwork, "bash"};
  command.insert(command.end(), arguments.begin(), arguments.end());
  Process process(command, {}, {"IOA=" + ioa_binary(), "DIR=" + dir.path().string()});
  Outcome outcome{process.wait(), {}};
  std::istringstream lines(dir.read("events"));
  for (std::string line; std::getline(lines, line);) outcome.events.push_back(parse_json(line));
  return outcome;
}

const nlohmann::json* find(const Outcome& outcome, std::string_view event,
                           std::string_view address) {
  for (const auto& each : outcome.events)
    if (each["event"] == event && each.value("address", "") == address) return &each;
  return nullptr;
}

TEST(HappyEyeballsTest, ABlackHoledAddressCostsAQuarterOfASecond) {
  const Outcome outcome = connect_there({"hole.test", "8080"});
  ASSERT_EQ(outcome.result.status, 0) << outcome.result.err;
  const auto* failed = find(outcome, "attempt.failed", "[2001:db8::dead]:8080");
  ASSERT_NE(failed, nullptr);
  EXPECT_EQ((*failed)["syscall"], "connect");
  EXPECT_EQ((*failed)["error"], "ECANCELED");
  const auto* connected = find(outcome, "connected", "127.0.0.1:8080");
  ASSERT_NE(connected, nullptr);
  EXPECT_GE((*connected)["elapsed_ms"].get<double>(), 250);
  EXPECT_LT((*connected)["elapsed_ms"].get<double>(), 500);
}

TEST(HappyEyeballsTest, AnAddressThatFailsAtOnceCostsNothing) {
  const Outcome outcome = connect_there({"wall.test", "8080"});
  ASSERT_EQ(outcome.result.status, 0) << outcome.result.err;
  const auto* failed = find(outcome, "attempt.failed", "[2001:db8:2::1]:8080");
  ASSERT_NE(failed, nullptr);
  EXPECT_EQ((*failed)["syscall"], "connect");
  EXPECT_EQ((*failed)["error"], "EHOSTUNREACH");
  const auto* connected = find(outcome, "connected", "127.0.0.1:8080");
  ASSERT_NE(connected, nullptr);
  EXPECT_LT((*connected)["elapsed_ms"].get<double>(), 250);
}

TEST(HappyEyeballsTest, InTurnTheBlackHoleIsWaitedForUntilTheLimit) {
  const Outcome outcome = connect_there({"--sequential", "-w", "400ms", "hole.test", "8080"});
  EXPECT_EQ(outcome.result.status, 124);
  EXPECT_EQ(outcome.result.err,
            "ioa connect: connect hole.test:8080: --connect-timeout 400ms reached: not connected, "
            "0 bytes moved\n");
  const auto* failed = find(outcome, "attempt.failed", "[2001:db8::dead]:8080");
  ASSERT_NE(failed, nullptr);
  EXPECT_EQ((*failed)["error"], "ETIMEDOUT");
}

TEST(HappyEyeballsTest, AnAddressWithoutARouteIsToldWithItsSystemCall) {
  const RunResult result =
      run_in_private_network("2001:db8:3::1 far.test\n127.0.0.1 far.test",
                             serve_in_script("127.0.0.1", "8080", "served") +
                                 "\"$IOA\" connect --events /run/events far.test 8080 </dev/null\n"
                                 "cat /run/events >&2");
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.out, "served\n");
  const Events events(result.err);
  const JsonObject& failed = events.first("attempt.failed");
  EXPECT_EQ(failed.text("address"), "[2001:db8:3::1]:8080");
  EXPECT_EQ(failed.text("syscall"), "connect");
  EXPECT_EQ(failed.text("error"), "ENETUNREACH");
  EXPECT_EQ(events.first("connected").text("address"), "127.0.0.1:8080");
}

TEST(HappyEyeballsTest, OneFamilyIsTriedIfOneIsAskedFor) {
  const RunResult result = run_in_private_network(
      "2001:db8::66 both.test\n127.0.0.1 both.test",
      serve_in_script("127.0.0.1", "8080", "served") +
          "\"$IOA\" connect -4 --events /run/events both.test 8080 </dev/null\n"
          "cat /run/events >&2");
  EXPECT_EQ(result.status, 0);
  const Events events(result.err);
  EXPECT_EQ(events.count("attempt.start"), 1U);
  EXPECT_EQ(events.count("resolve.start"), 1U);
}

TEST(HappyEyeballsTest, Ipv6IsPreferredWhereItWorks) {
  const RunResult result = run_in_private_network("127.0.0.1 both.test\n::1 both.test",
                                                  serve_in_script("127.0.0.1", "8080", "four") +
                                                      serve_in_script("::1", "8080", "six") +
                                                      "\"$IOA\" connect both.test 8080 </dev/null");
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(result.out, "six\n");
}

TEST(HappyEyeballsTest, AShorterHeadStartMakesItFaster) {
  const RunResult result = run_in_private_network(
      "2001:db8::66 hole.test\n127.0.0.1 hole.test",
      serve_in_script("127.0.0.1", "8080", "served") +
          "\"$IOA\" connect --attempt-delay 20ms --events /run/events hole.test 8080 </dev/null\n"
          "cat /run/events >&2");
  EXPECT_EQ(result.status, 0);
  const Events events(result.err);
  EXPECT_GE(events.first("connected").number("duration_ms"), 20);
  EXPECT_LT(events.first("connected").number("duration_ms"), 250);
}

TEST(HappyEyeballsTest, EveryAddressThatFailedIsNamedInOneLine) {
  const RunResult result = run_in_private_network("2001:db8:3::1 bad.test\n127.0.0.1 bad.test",
                                                  "\"$IOA\" connect bad.test 8080 </dev/null");
  expect_failure(result, 4, "[2001:db8:3::1]:8080");
  EXPECT_NE(result.err.find("127.0.0.1:8080"), std::string::npos) << result.err;
}

}  // namespace
}  // namespace ioa::test

// A host with a dead address, in a network of the test's own.
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

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
  for (std::string line; std::getline(lines, line);)
    outcome.events.push_back(nlohmann::json::parse(line));
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

}  // namespace
}  // namespace ioa::test

// Which ports are open: connect -z.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <regex>
#include <string>
#include <thread>

#include "tests/support/run_ioa.hpp"
#include "tests/support/test_peer.hpp"

namespace ioa::test {
namespace {

std::string without_times(const std::string& text) {
  return std::regex_replace(text, std::regex("\t[0-9.]+ms\n"), "\tTIME\n");
}

TEST(ProbeTest, AnOpenPortIsALineAndStatusZero) {
  TestServer server;
  const RunResult result = run_ioa({"connect", "-z", "127.0.0.1", server.port_text()});
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(without_times(result.out), "127.0.0.1\t" + server.port_text() + "/tcp\topen\tTIME\n");
  EXPECT_EQ(result.err, "");
}

TEST(ProbeTest, AClosedPortIsALineAndStatusFour) {
  const std::string port = std::to_string(closed_port());
  const RunResult result = run_ioa({"connect", "-z", "127.0.0.1", port});
  EXPECT_EQ(result.status, 4);
  EXPECT_EQ(without_times(result.out), "127.0.0.1\t" + port + "/tcp\tclosed\tTIME\n");
}

TEST(ProbeTest, ManyPortsAreReportedInTheOrderGiven) {
  TestServer first;
  TestServer second;
  const std::string closed = std::to_string(closed_port());
  const RunResult all =
      run_ioa({"connect", "-z", "127.0.0.1", second.port_text(), closed, first.port_text()});
  EXPECT_EQ(all.status, 4);
  EXPECT_EQ(without_times(all.out), "127.0.0.1\t" + second.port_text() + "/tcp\topen\tTIME\n" +
                                        "127.0.0.1\t" + closed + "/tcp\tclosed\tTIME\n" +
                                        "127.0.0.1\t" + first.port_text() + "/tcp\topen\tTIME\n");
  const RunResult any = run_ioa({"connect", "-z", "--any", "127.0.0.1", first.port_text(), closed});
  EXPECT_EQ(any.status, 0);
}

TEST(ProbeTest, AClusterOfLettersWorksAsInNetcat) {
  TestServer server;
  const RunResult result = run_ioa({"-zvn", "-w1", "127.0.0.1", server.port_text()});
  EXPECT_EQ(result.status, 0);
  EXPECT_NE(result.err.find("connected to 127.0.0.1:" + server.port_text()), std::string::npos);
}

TEST(ProbeTest, JsonGivesOneObjectAPort) {
  TestServer server;
  const RunResult result = run_ioa({"connect", "-z", "--json", "127.0.0.1", server.port_text()});
  EXPECT_EQ(result.status, 0);
  const auto object = nlohmann::json::parse(result.out);
  EXPECT_EQ(object["host"], "127.0.0.1");
  EXPECT_EQ(object["port"], server.port());
  EXPECT_EQ(object["protocol"], "tcp");
  EXPECT_EQ(object["address"], "127.0.0.1");
  EXPECT_EQ(object["state"], "open");
  EXPECT_TRUE(object["rtt_ms"].is_number());
  EXPECT_EQ(object["error"], "");
}

TEST(ProbeTest, ANameThatDoesNotResolveIsStatusThree) {
  const RunResult result = run_ioa({"connect", "-z", "name.invalid", "80"});
  EXPECT_EQ(result.status, 3);
  EXPECT_EQ(without_times(result.out).rfind("name.invalid\t80/tcp\tunresolved\t", 0), 0U)
      << result.out;
}

TEST(ProbeTest, WaitEndsAsSoonAsThePortOpens) {
  const std::uint16_t port = closed_port();
  Process process(ioa({"connect", "-z", "-v", "--wait", "20s", "--retry-delay", "10ms", "127.0.0.1",
                       std::to_string(port)}));
  ASSERT_TRUE(process.wait_for_err("trying again"));
  Process server({"nc", "-l", "127.0.0.1", std::to_string(port)});
  EXPECT_EQ(process.wait().status, 0);
}

TEST(ProbeTest, WaitThatIsInVainIsATimeLimitThatNamesThePorts) {
  const std::string port = std::to_string(closed_port());
  const RunResult result =
      run_ioa({"connect", "-z", "--wait", "100ms", "--retry-delay", "10ms", "127.0.0.1", port});
  EXPECT_EQ(result.status, 124);
  EXPECT_EQ(result.err, "ioa connect: --wait 100ms reached: not open: 127.0.0.1:" + port + "\n");
}

}  // namespace
}  // namespace ioa::test

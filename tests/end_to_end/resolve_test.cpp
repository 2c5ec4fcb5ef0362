// Names to addresses and back, through the system's resolver.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <thread>

#include "tests/support/run_ioa.hpp"

namespace ioa::test {
namespace {

TEST(ResolveTest, PrintsTheNameAndEachAddress) {
  const RunResult result = run_ioa({"resolve", "-4", "localhost"});
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.out, "localhost\t127.0.0.1\n");
  EXPECT_EQ(result.err, "");
}

TEST(ResolveTest, NumericAddressesResolveToThemselves) {
  const RunResult result = run_ioa({"resolve", "127.0.0.1", "::1"});
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.out, "127.0.0.1\t127.0.0.1\n::1\t::1\n");
}

TEST(ResolveTest, AServiceAddsThePortAndTheProtocol) {
  const RunResult result = run_ioa({"resolve", "127.0.0.1:80", "[::1]:443"});
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.out,
            "127.0.0.1:80\t127.0.0.1:80/tcp\n127.0.0.1:80\t127.0.0.1:80/udp\n"
            "[::1]:443\t[::1]:443/tcp\n[::1]:443\t[::1]:443/udp\n");
}

TEST(ResolveTest, ShortPrintsValuesOnlyAndFirstTheFirstOfEach) {
  const RunResult result = run_ioa({"resolve", "-s", "--first", "127.0.0.1:80", "10.0.0.1"});
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.out, "127.0.0.1:80/tcp\n10.0.0.1\n");
}

TEST(ResolveTest, AFailureIsALineOnStandardErrorAndTheOthersGoOn) {
  const RunResult result = run_ioa({"resolve", "-s", "10.0.0.1", "name.invalid", "10.0.0.2"});
  EXPECT_EQ(result.status, 3);
  EXPECT_EQ(result.out, "10.0.0.1\n10.0.0.2\n");
  EXPECT_EQ(result.err.rfind("ioa resolve: name.invalid: ", 0), 0U) << result.err;
  EXPECT_EQ(line_count(result.err), 1U);
}

TEST(ResolveTest, JsonGivesOneObjectANameFailuresIncluded) {
  const RunResult result = run_ioa({"resolve", "--json", "127.0.0.1:80", "name.invalid"});
  EXPECT_EQ(result.status, 3);
  EXPECT_EQ(result.err, "");
  const std::size_t end = result.out.find('\n');
  const auto found = nlohmann::json::parse(result.out.substr(0, end));
  EXPECT_EQ(found["name"], "127.0.0.1");
  EXPECT_EQ(found["service"], "80");
  EXPECT_EQ(found["addresses"][0]["address"], "127.0.0.1");
  EXPECT_EQ(found["addresses"][0]["port"], 80);
  EXPECT_EQ(found["addresses"][0]["family"], "ipv4");
  EXPECT_EQ(found["addresses"][0]["socktype"], "stream");
  EXPECT_TRUE(found.contains("canonical"));
  EXPECT_TRUE(found["elapsed_ms"].is_number());
  const auto failed = nlohmann::json::parse(result.out.substr(end + 1));
  EXPECT_EQ(failed["name"], "name.invalid");
  EXPECT_TRUE(failed["error"]["code"].is_string());
  EXPECT_TRUE(failed["error"]["message"].is_string());
}

TEST(ResolveTest, ReadsNamesFromStandardInputAndKeepsTheirOrder) {
  std::string input;
  std::string expected;
  for (int i = 0; i < 2000; ++i) {
    const std::string name =
        i % 3 == 0 ? "localhost"
                   : "10.0." + std::to_string(i / 256) + "." + std::to_string(i % 256);
    input += name + "\n";
    expected += i % 3 == 0 ? "localhost\t127.0.0.1\n" : name + "\t" + name + "\n";
  }
  const RunResult result = run_ioa({"resolve", "-4"}, input);
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.out, expected);
}

TEST(ResolveTest, AnswersEachLineAsItComes) {
  Process process(ioa({"resolve", "-4", "-"}));
  process.write("localhost\n");
  EXPECT_TRUE(process.wait_for_out("localhost\t127.0.0.1\n"));
  process.write("10.1.2.3");  // the last line may lack its end
  const RunResult result = process.wait();
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.out, "localhost\t127.0.0.1\n10.1.2.3\t10.1.2.3\n");
}

TEST(ResolveTest, WhatIsNoNameIsEscapedAndCountsAsAFailure) {
  const RunResult result = run_ioa({"resolve"}, "\xff\x1b[31m\n10.0.0.1\n");
  EXPECT_EQ(result.status, 3);
  EXPECT_EQ(result.out, "10.0.0.1\t10.0.0.1\n");
  EXPECT_EQ(result.err.find('\x1b'), std::string::npos);
  EXPECT_EQ(line_count(result.err), 1U);
}

}  // namespace
}  // namespace ioa::test

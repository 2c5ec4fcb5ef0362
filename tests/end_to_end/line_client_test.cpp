// The example that is to be read first, against real servers, in both of its styles.
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "tests/support/run_ioa.hpp"
#include "tests/support/scripted_peer.hpp"

namespace ioa::test {
namespace {

class LineClientTest : public ::testing::TestWithParam<std::string> {
 protected:
  RunResult run_client(std::vector<std::string> arguments) {
    const auto folder = std::filesystem::path(ioa_binary()).parent_path() / "examples";
    std::vector<std::string> argv{folder / GetParam()};
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    return Process(argv).wait();
  }
};

TEST_P(LineClientTest, SendsALineAndPrintsThoseItGets) {
  ScriptedPeer peer([](PeerConnection& connection) {
    connection.expect("An initial line here\n");
    connection.send("one\r\ntw");
    connection.send("o\nthree, which never ends");
    connection.half_close();
    connection.expect_end();
  });
  const RunResult result = run_client({peer.host(), peer.port()});
  peer.finish();
  EXPECT_EQ(result.out,
            "Received a line one\nReceived a line two\n"
            "Received a line three, which never ends\n");
  EXPECT_EQ(result.err, "");
  EXPECT_EQ(result.status, 0);
}

TEST_P(LineClientTest, FindsTheHostByItsName) {
  ScriptedPeer peer([](PeerConnection& connection) {
    connection.expect("An initial line here\n");
    connection.send("found\n");
  });
  const RunResult result = run_client({"localhost", peer.port()});
  peer.finish();
  EXPECT_EQ(result.out, "Received a line found\n");
  EXPECT_EQ(result.status, 0) << result.err;
}

TEST_P(LineClientTest, TellsThatANameCannotBeResolved) {
  const RunResult result = run_client({"name.invalid", "80"});
  EXPECT_EQ(result.err.rfind(GetParam() + ": resolve name.invalid:", 0), 0U) << result.err;
  EXPECT_EQ(line_count(result.err), 1U);
  EXPECT_EQ(result.status, 1);
}

TEST_P(LineClientTest, TellsThatItCannotConnect) {
  const ClosedPort closed;
  const RunResult result = run_client({"127.0.0.1", closed.port()});
  EXPECT_EQ(result.err, GetParam() + ": connect 127.0.0.1:" + closed.port() +
                            ": Connection refused (ECONNREFUSED)\n");
  EXPECT_EQ(result.status, 1);
}

TEST_P(LineClientTest, TellsThatTheConnectionIsLost) {
  ScriptedPeer peer([](PeerConnection& connection) {
    connection.expect("An initial line here\n");
    connection.reset();
  });
  const RunResult result = run_client({peer.host(), peer.port()});
  peer.finish();
  EXPECT_EQ(result.err, GetParam() + ": read: Connection reset by peer (ECONNRESET)\n");
  EXPECT_EQ(result.status, 1);
}

TEST_P(LineClientTest, SaysHowItIsUsed) {
  const RunResult result = run_client({"one"});
  EXPECT_EQ(result.err.rfind("usage: ", 0), 0U);
  EXPECT_EQ(result.status, 64);
}

INSTANTIATE_TEST_SUITE_P(BothStyles, LineClientTest,
                         ::testing::Values("line_client", "line_client_callbacks"),
                         [](const auto& style) { return style.param; });

}  // namespace
}  // namespace ioa::test

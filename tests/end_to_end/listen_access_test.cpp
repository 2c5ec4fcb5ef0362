// `ioa listen`: who may connect.
#include <csignal>
#include <cstdlib>
#include <string>
#include <vector>

#include "ioa/base/error.hpp"
#include "tests/end_to_end/end_to_end.hpp"
#include "tests/end_to_end/hub_server.hpp"
#include "tests/support/events.hpp"
#include "tests/support/temp_dir.hpp"

namespace ioa::test {
namespace {

class ListenAccessTest : public GuardedTest {
 protected:
  /// Whether a peer from there is served.
  static bool serves(const HubServer& server, const std::string& from = {}) {
    try {
      Peer peer = server.connect(from);
      peer.send("?");
      return peer.receive(1) == "?";
    } catch (const Error&) {
      return false;  // reset
    }
  }
  static std::vector<std::string> echo(std::vector<std::string> options) {
    options.insert(options.begin(), {"-k", "--echo"});
    return options;
  }
  static RunResult refused(std::vector<std::string> options) {
    options.insert(options.begin(), "listen");
    options.insert(options.end(), {"127.0.0.1", "0"});
    return run_ioa(std::move(options));
  }
  TempDir dir;
};

TEST_F(ListenAccessTest, WhoIsAllowedIsServedAndNobodyElse) {
  HubServer server(echo({"--allow", "127.0.0.2", "--allow=127.1.0.0/16"}));
  EXPECT_FALSE(serves(server));
  EXPECT_TRUE(serves(server, "127.0.0.2"));
  EXPECT_TRUE(serves(server, "127.1.2.3"));
  const RunResult result = server.stop();
  EXPECT_EQ(line_count(result.err), 1U);
  EXPECT_NE(result.err.find("ioa listen: refused 127.0.0.1:"), std::string::npos) << result.err;
  EXPECT_NE(result.err.find(": not allowed\n"), std::string::npos) << result.err;
}

TEST_F(ListenAccessTest, DenyWins) {
  HubServer server(echo({"--deny", "127.0.0.2,127.0.0.3", "--allow", "127.0.0.0/8"}));
  EXPECT_TRUE(serves(server));
  EXPECT_FALSE(serves(server, "127.0.0.2"));
  EXPECT_FALSE(serves(server, "127.0.0.3"));
  EXPECT_NE(server.stop().err.find(": denied\n"), std::string::npos);
}

TEST_F(ListenAccessTest, WithDenyAloneEverybodyElseMayCome) {
  HubServer server(echo({"--deny", "127.0.0.2"}));
  EXPECT_TRUE(serves(server));
  EXPECT_FALSE(serves(server, "127.0.0.2"));
}

TEST_F(ListenAccessTest, Ipv6PeersHaveRulesOfTheirOwn) {
  HubServer denies(echo({"--deny", "::1"}), {}, "[::1]:0");
  EXPECT_FALSE(serves(denies));
  HubServer allows(echo({"--allow", "::/0", "--deny=0.0.0.0/0"}), {}, "[::1]:0");
  EXPECT_TRUE(serves(allows));
  HubServer other(echo({"--allow", "127.0.0.0/8"}), {}, "[::1]:0");
  EXPECT_FALSE(serves(other));
}

TEST_F(ListenAccessTest, NamesAreLookedUp) {
  HubServer server(echo({"--allow", "localhost"}));
  EXPECT_TRUE(serves(server));
  EXPECT_FALSE(serves(server, "127.0.0.2"));
  expect_failure(refused({"--allow", "nobody.invalid"}), 3, "resolve nobody.invalid: ");
  expect_failure(refused({"--deny", "nobody.invalid"}), 3, "resolve nobody.invalid: ");
}

TEST_F(ListenAccessTest, AUnixPeerMayAlwaysCome) {
  const std::string path = dir / "socket";
  const RunResult result = run_shell(R"sh(
    "$IOA" listen --echo --allow 192.0.2.1 --max-per-ip 1 unix:)sh" +
                                     path + R"sh( & server=$!
    until [ -S )sh" + path + R"sh( ]; do sleep 0.02; done
    echo hello | "$IOA" connect --wait 5s unix:)sh" +
                                     path + R"sh(; wait $server; echo $?)sh");
  EXPECT_EQ(result.out, "hello\n0\n") << result.err;
}

TEST_F(ListenAccessTest, ARefusedPeerIsNotTheOneOfARunWithoutKeepOpen) {
  HubServer server({"--echo", "--deny", "127.0.0.2"});
  EXPECT_FALSE(serves(server, "127.0.0.2"));
  EXPECT_TRUE(serves(server));
  EXPECT_EQ(server.program().wait_with_open_stdin().status, 0);
}

TEST_F(ListenAccessTest, EventsTellWhoWasRefused) {
  HubServer server(echo({"--deny=127.0.0.2", "--events", dir / "events", "--quiet"}));
  EXPECT_FALSE(serves(server, "127.0.0.2"));
  EXPECT_TRUE(serves(server));
  EXPECT_EQ(server.stop().err, "");
  const Events events(dir.read("events"));
  EXPECT_EQ(events.count("accepted"), 1U);
  const JsonObject& rejected = events.first("rejected");
  EXPECT_EQ(rejected.text("address").substr(0, 10), "127.0.0.2:");
  EXPECT_EQ(rejected.text("reason"), "denied");
}

TEST_F(ListenAccessTest, FilesHaveOneRuleALine) {
  const std::string allow = dir.write("allow", "# friends\n127.0.0.0/8\n\n::1 # us\n");
  const std::string deny = dir.write("deny", "127.0.0.2\r\n127.0.0.3");
  HubServer server(echo({"--allow-file", allow, "--deny-file", deny}));
  EXPECT_TRUE(serves(server));
  EXPECT_FALSE(serves(server, "127.0.0.2"));
  EXPECT_FALSE(serves(server, "127.0.0.3"));
  EXPECT_TRUE(serves(server, "127.0.0.4"));
}

TEST_F(ListenAccessTest, FilesAreReadAgainOnSighup) {
  const std::string deny = dir.write("deny", "127.0.0.2\n");
  HubServer server(echo({"-v", "--deny-file", deny}));
  EXPECT_FALSE(serves(server, "127.0.0.2"));
  Peer staying = server.connect("127.0.0.3");
  staying.send("a");
  EXPECT_EQ(staying.receive(1), "a");
  dir.write("deny", "127.0.0.3\n");
  server.program().signal(SIGHUP);
  ASSERT_TRUE(server.program().wait_for_err("the rules of access were read again"));
  EXPECT_TRUE(serves(server, "127.0.0.2"));
  EXPECT_FALSE(serves(server, "127.0.0.3"));
  staying.send("b");
  EXPECT_EQ(staying.receive(1), "b");
}

TEST_F(ListenAccessTest, ABadFileOnSighupKeepsTheRulesOfBefore) {
  const std::string deny = dir.write("deny", "127.0.0.2\n");
  HubServer server(echo({"--deny-file", deny}));
  dir.write("deny", "127.0.0.3\nwhat is this?\n");
  server.program().signal(SIGHUP);
  EXPECT_TRUE(server.program().wait_for_err(deny + ", line 2: what is this?: expected "));
  EXPECT_TRUE(server.program().wait_for_err("; the rules of before hold\n"));
  EXPECT_FALSE(serves(server, "127.0.0.2"));
  EXPECT_TRUE(serves(server, "127.0.0.3"));
  ASSERT_EQ(::unlink(deny.c_str()), 0);
  server.program().signal(SIGHUP);
  EXPECT_TRUE(server.program().wait_for_err("open " + deny + ": No such file or directory"));
  EXPECT_FALSE(serves(server, "127.0.0.2"));
}

TEST_F(ListenAccessTest, WorkersReadTheirFilesAgainToo) {
  const std::string deny = dir.write("deny", "127.0.0.2\n");
  HubServer server(echo({"-v", "--workers", "2", "--deny-file", deny}));
  for (int i = 0; i < 10; ++i) EXPECT_FALSE(serves(server, "127.0.0.2"));
  dir.write("deny", "127.0.0.3\n");
  // A worker that only just begins reads the file as it is now; so both of them know at some time.
  server.program().signal(SIGHUP);
  wait_until([&] { return serves(server, "127.0.0.2") && !serves(server, "127.0.0.3"); },
             "the workers to read again");
  EXPECT_EQ(server.stop().status, 0);
}

TEST_F(ListenAccessTest, ABadRuleIsAUsageErrorBeforeAnythingIsBound) {
  expect_failure(refused({"--allow", "10/8"}), 2,
                 "--allow 10/8: expected a prefix such as 10.0.0.0/8");
  expect_failure(refused({"--deny", "::1,"}), 2, "--deny ::1,: expected an address");
  expect_failure(refused({"--allow", ""}), 2, "--allow '': expected an address");
  const std::string path = dir.write("rules", "10.0.0.1\n\n300.0.0.1\n");
  expect_failure(refused({"--allow-file", path}), 2,
                 "--allow-file: " + path + ", line 3: 300.0.0.1: expected an address");
  expect_failure(refused({"--deny-file", dir / "none"}), 2, "No such file or directory (ENOENT)");
  expect_failure(refused({"--deny-file", dir.path().string()}), 2, "Is a directory (EISDIR)");
  expect_failure(refused({"-k", "--max-per-ip", "-1", "--echo"}), 2, "--max-per-ip -1: expected");
}

TEST_F(ListenAccessTest, RulesMayComeFromAPipe) {
  const RunResult result = run_shell(R"sh(
    cd "$(mktemp -d)"
    echo 127.0.0.9 | "$IOA" listen -k --echo --allow-file /dev/stdin --port-file port \
      127.0.0.1 0 2>err & server=$!
    until [ -s port ]; do sleep 0.02; done
    kill -HUP $server
    echo x | "$IOA" connect 127.0.0.1 $(cat port) 2>/dev/null
    echo y | "$IOA" connect -s 127.0.0.9 127.0.0.1 $(cat port)
    kill $server; wait $server; echo $?)sh");
  EXPECT_EQ(result.out, "y\n0\n") << result.err;
}

TEST_F(ListenAccessTest, AnAddressHasSoManyConnectionsAtOnce) {
  HubServer server(echo({"--max-per-ip", "2"}));
  std::vector<Peer> peers = server.connect_many(2);
  for (Peer& peer : peers) {
    peer.send("x");
    EXPECT_EQ(peer.receive(1), "x");
  }
  EXPECT_FALSE(serves(server));
  EXPECT_TRUE(serves(server, "127.0.0.2"));
  peers[0].close();
  wait_until([&] { return serves(server); }, "the place to be free");
  EXPECT_TRUE(server.program().wait_for_err(": too many connections from its address\n"));
}

TEST_F(ListenAccessTest, PlacesAreFreedHoweverAPeerIsServed) {
  for (const std::vector<std::string>& how : {std::vector<std::string>{"--recv-only"},
                                              {"--chat"},
                                              {"-c", "cat"},
                                              {"--discard"},
                                              {"--echo", "--stats"}}) {
    std::vector<std::string> options{"-k", "--max-per-ip", "1", "--events", dir / "events"};
    options.insert(options.end(), how.begin(), how.end());
    HubServer server(options);
    for (int i = 0; i < 3; ++i) {
      const auto accepted = [&] {
        const std::string events = dir.read("events");
        std::size_t count = 0;
        for (std::size_t at = 0; (at = events.find("\"accepted\"", at)) != events.npos; ++at)
          ++count;
        return count;
      };
      const std::size_t before = accepted();
      Peer peer = server.connect();
      wait_until(
          [&] {
            if (accepted() > before) return true;
            peer.reset();
            peer = server.connect();
            return accepted() > before;
          },
          "a place: " + how[0]);
      peer.reset();
    }
  }
}

}  // namespace
}  // namespace ioa::test

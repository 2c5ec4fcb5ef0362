// Whom to connect to, and from where.
#include <unistd.h>

#include <string>

#include "tests/end_to_end/end_to_end.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/support/test_peer.hpp"

namespace ioa::test {
namespace {

using Where = ScriptedPeer::Where;

class ConnectAddressesTest : public GuardedTest {
 protected:
  /// Sends back where the connection comes from.
  static void tell_remote(PeerConnection& connection) { connection.send(connection.remote()); }
  ScriptedPeer v4{&ConnectAddressesTest::tell_remote};
  ScriptedPeer v6{&ConnectAddressesTest::tell_remote, Where::ipv6};
};

TEST_F(ConnectAddressesTest, EveryFormOfAnAddressLeadsThere) {
  for (const std::string& form :
       {v4.host() + ":" + v4.port(), "tcp:127.0.0.1:" + v4.port(), "tcp4:127.0.0.1:" + v4.port(),
        "tcp4:localhost:" + v4.port(), "tcp://127.0.0.1:" + v4.port()}) {
    ScriptedPeer other([](PeerConnection& connection) { connection.send("here"); });
    std::string operand = form;
    operand.replace(operand.size() - v4.port().size(), v4.port().size(), other.port());
    expect_success(run_ioa({"connect", operand}), "here");
  }
  for (const std::string& form :
       {std::string("[::1]:"), std::string("tcp6:[::1]:"), std::string("tcp://[::1]:")}) {
    ScriptedPeer other([](PeerConnection& connection) { connection.send("here"); }, Where::ipv6);
    expect_success(run_ioa({"connect", form + other.port()}), "here");
  }
}

TEST_F(ConnectAddressesTest, TheFamilyCanBeChosen) {
  expect_failure(run_ioa({"connect", "-4", "::1", v6.port()}), 2, "::1");
  expect_failure(run_ioa({"connect", "-6", "127.0.0.1", v4.port()}), 2, "127.0.0.1");
  const RunResult result = run_ioa({"connect", "-4", "127.0.0.1", v4.port()});
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.out.substr(0, 10), "127.0.0.1:");
}

TEST_F(ConnectAddressesTest, NumericMeansNoLookUp) {
  EXPECT_EQ(run_ioa({"connect", "-n", "127.0.0.1", v4.port()}).status, 0);
  expect_failure(run_ioa({"connect", "-n", "localhost", v4.port()}), 2, "localhost");
}

TEST_F(ConnectAddressesTest, TheSourceAddressIsUsed) {
  const RunResult result = run_ioa({"connect", "-s", "127.0.0.2", v4.host(), v4.port()});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(result.out.substr(0, 10), "127.0.0.2:");
}

TEST_F(ConnectAddressesTest, TheSourcePortIsUsed) {
  const ClosedPort held;
  const RunResult result =
      run_ioa({"connect", "-p", held.port(), "-s", "127.0.0.1", v4.host(), v4.port()});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(result.out, "127.0.0.1:" + held.port());
}

TEST_F(ConnectAddressesTest, TheSourcePortIsUsedForIpv6Too) {
  const ClosedPort held(true);
  const RunResult result =
      run_ioa({"connect", "--source", "[::1]:" + held.port(), v6.host(), v6.port()});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(result.out, "[::1]:" + held.port());
}

TEST_F(ConnectAddressesTest, ASourceThatIsNotOursIsStatusFourAndNamesTheCall) {
  expect_failure(run_ioa({"connect", "-s", "192.0.2.1", v4.host(), v4.port()}), 4,
                 "bind 192.0.2.1");
}

TEST_F(ConnectAddressesTest, ASourcePortThatIsTakenIsStatusFour) {
  expect_failure(run_ioa({"connect", "-s", "127.0.0.1", "-p", v4.port(), v4.host(), v6.port()}), 4,
                 "EADDRINUSE");
}

TEST_F(ConnectAddressesTest, AnInterfaceThatDoesNotExistIsStatusFourAndNamed) {
  expect_failure(run_ioa({"connect", "--interface", "nosuch0", v4.host(), v4.port()}), 4,
                 "nosuch0");
}

TEST_F(ConnectAddressesTest, UnixSocketsThatAreNotThereAreStatusFour) {
  const TempDir dir;
  expect_failure(run_ioa({"connect", "unix:" + (dir / "none")}), 4, "(ENOENT)");
  expect_failure(run_ioa({"connect", "unix:@ioa-test-no-such-name"}), 4, "(ECONNREFUSED)");
  expect_failure(run_ioa({"connect", "unix:" + dir.write("file", "")}), 4, "(ECONNREFUSED)");
}

TEST_F(ConnectAddressesTest, ASocketsOptionsDoNoHarm) {
  const RunResult result =
      run_ioa({"connect", "--ttl", "7", "--tos", "0x10", "--nodelay", "--keepalive", "60",
               "--sndbuf", "64K", "--rcvbuf", "64K", "--interface", "lo", v4.host(), v4.port()});
  EXPECT_EQ(result.status, 0) << result.err;
}

TEST_F(ConnectAddressesTest, APortMayBeAService) {
  const RunResult result = run_in_private_network(
      "127.0.0.1 web.test", serve_in_script("127.0.0.1", "80", "served") +
                                "\"$IOA\" connect web.test http </dev/null\n"
                                "\"$IOA\" connect tcp4:web.test:http </dev/null\n"
                                "\"$IOA\" connect -n 127.0.0.1 http </dev/null\n"
                                "\"$IOA\" connect -z web.test http | cut -f1-3\n");
  EXPECT_EQ(result.out, "served\nserved\nserved\nweb.test\thttp/tcp\topen\n") << result.err;
}

TEST_F(ConnectAddressesTest, SequentialConnectsToo) {
  EXPECT_EQ(run_ioa({"connect", "--sequential", "localhost", v4.port()}).status, 0);
}

TEST_F(ConnectAddressesTest, AnAbstractNameMayBeAsLongAsTheKernelHasRoomFor) {
  // unix(7): 108 bytes, of which the first is NUL.
  const std::string name = "@ioa-" + std::to_string(::getpid()) + std::string(107, 'n');
  TestServer server(name.substr(0, 108));
  Process process(ioa({"connect", "unix:" + name.substr(0, 108)}));
  Peer peer = server.accept();
  peer.close();
  expect_success(process.wait(), "");
  expect_failure(run_ioa({"connect", "unix:" + name.substr(0, 109)}), 2,
                 "expected a Unix socket path of at most 107 bytes");
}

}  // namespace
}  // namespace ioa::test

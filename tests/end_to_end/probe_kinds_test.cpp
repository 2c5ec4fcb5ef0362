// connect -z of UDP ports and of Unix sockets.
#include <sys/socket.h>

#include <string>

#include "tests/end_to_end/end_to_end.hpp"
#include "tests/support/datagram_peer.hpp"
#include "tests/support/json.hpp"
#include "tests/support/pattern.hpp"
#include "tests/support/server.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/support/test_peer.hpp"

namespace ioa::test {
namespace {

using namespace std::chrono_literals;

std::string without_times(const std::string& text) {
  return replace_all(text, "\t[0-9.]+m?s\n", "\n");
}

class ProbeUdpTest : public GuardedTest {
 protected:
  DatagramPeer peer;
};

TEST_F(ProbeUdpTest, AnAnswerIsOpen) {
  Process process(ioa({"connect", "-zu", "-w15", "127.0.0.1", peer.port()}));
  EXPECT_EQ(peer.receive(), "") << "nothing is sent that says anything";
  peer.send("");
  const RunResult result = process.wait();
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(without_times(result.out), "127.0.0.1\t" + peer.port() + "/udp\topen\n");
  EXPECT_LT(result.duration, 10s);
}

TEST_F(ProbeUdpTest, WhoIsSilentAboutNothingGetsAQuestion) {
  Process process(ioa({"connect", "-z", "-w", "400ms", "udp:127.0.0.1:" + peer.port()}));
  EXPECT_EQ(peer.receive(), "");
  EXPECT_EQ(peer.receive().size(), 17U) << "a query of RFC 1035";
  peer.send("answer");
  EXPECT_EQ(process.wait().status, 0);
}

TEST_F(ProbeUdpTest, AnIcmpErrorIsClosed) {
  const std::string port = peer.port();
  peer.close();
  const RunResult result = run_ioa({"connect", "-zu", "-w15", "--json", "127.0.0.1", port});
  EXPECT_EQ(result.status, 4);
  const auto object = parse_json(result.out);
  EXPECT_EQ(object["state"], "closed");
  EXPECT_EQ(object["protocol"], "udp");
  EXPECT_EQ(object["port"], std::stoi(port));
  EXPECT_NE(object["error"].get<std::string>().find("ECONNREFUSED"), std::string::npos);
  EXPECT_LT(result.duration, 10s);
}

TEST_F(ProbeUdpTest, SilenceIsOpenOrFilteredAndNotOpen) {
  const RunResult second = run_ioa({"connect", "-zu", "127.0.0.1", peer.port()});
  EXPECT_EQ(second.status, 4);
  EXPECT_EQ(without_times(second.out), "127.0.0.1\t" + peer.port() + "/udp\topen|filtered\n");
  EXPECT_GE(second.duration, 1s);
  EXPECT_LT(second.duration, 5s);
  const RunResult brief = run_ioa({"connect", "-zu", "-w", "100ms", "127.0.0.1", peer.port()});
  EXPECT_EQ(brief.status, 4);
  EXPECT_LT(brief.duration, 900ms);
}

TEST_F(ProbeUdpTest, WaitsUntilSomebodyAnswers) {
  Process process(ioa({"connect", "-zu", "-w", "100ms", "--wait", "20s", "--retry-delay", "10ms",
                       "127.0.0.1", peer.port()}));
  for (int i = 0; i < 6; ++i) peer.receive();  // of more than one try
  while (process.is_running()) {
    if (peer.is_empty()) {
      std::this_thread::sleep_for(1ms);
    } else {
      peer.receive();
      peer.send("here");
    }
  }
  EXPECT_EQ(process.wait().status, 0);
}

TEST_F(ProbeUdpTest, ANameServerIsFoundOnAnyPort) {
  const Server server({"sh", "-c",
                       "exec dnsmasq -k -p $PORT --listen-address=127.0.0.1 --bind-interfaces "
                       "--no-resolv --no-hosts --conf-file=/dev/null --pid-file= "
                       "--user=\"`id -un`\""});
  EXPECT_EQ(run_ioa({"connect", "-zu", "127.0.0.1", server.port()}).status, 0);
}

TEST(ProbeUnixTest, SocketsOfEveryKindAreTargets) {
  const TempDir dir;
  const TestServer stream(dir / "stream");
  const TestServer packets(dir / "packets", SOCK_SEQPACKET);
  const DatagramPeer datagrams(dir / "datagrams");
  const TestServer tcp;
  const RunResult all =
      run_ioa({"connect", "-z", "unix:" + (dir / "stream"), "unix-seqpacket:" + (dir / "packets"),
               "unix-dgram:" + (dir / "datagrams"), "127.0.0.1:" + tcp.port_text()});
  EXPECT_EQ(all.status, 0) << all.out;
  EXPECT_EQ(without_times(all.out), (dir / "stream") + "\tunix\topen\n" + (dir / "packets") +
                                        "\tunix-seqpacket\topen\n" + (dir / "datagrams") +
                                        "\tunix-dgram\topen\n127.0.0.1\t" + tcp.port_text() +
                                        "/tcp\topen\n");
  const RunResult paths = run_ioa({"connect", "-zU", dir / "stream", dir / "none"});
  EXPECT_EQ(paths.status, 4);
  EXPECT_EQ(without_times(paths.out),
            (dir / "stream") + "\tunix\topen\n" + (dir / "none") + "\tunix\tclosed\n");
  const RunResult json = run_ioa({"connect", "-z", "--json", "-uU", dir / "datagrams"});
  const auto object = parse_json(json.out);
  EXPECT_EQ(object["host"], dir / "datagrams");
  EXPECT_EQ(object["port"], 0);
  EXPECT_EQ(object["protocol"], "unix-dgram");
}

TEST(ProbeUnixTest, ASocketIsWaitedFor) {
  const TempDir dir;
  Process process(ioa(
      {"connect", "-z", "-v", "--wait", "20s", "--retry-delay", "10ms", "unix:" + (dir / "late")}));
  ASSERT_TRUE(process.wait_for_err("trying again"));
  const TestServer late(dir / "late");
  EXPECT_EQ(process.wait().status, 0);
}

}  // namespace
}  // namespace ioa::test

// `--slow-peer`: one of many reads slowly, or not at all.
#include <string>
#include <thread>
#include <vector>

#include "ioa/net/socket_address.hpp"
#include "tests/end_to_end/end_to_end.hpp"
#include "tests/end_to_end/hub_server.hpp"

namespace ioa::test {
namespace {

constexpr std::size_t kSize = std::size_t{24} << 20;  // more than the sockets hold

class ListenHubSlowTest : public GuardedTest {
 protected:
  /// Peers of whom one may read all, and standard input that is written by a thread.
  void start(std::vector<std::string> options, int count = 2) {
    options.insert(options.begin(), "-k");
    options.insert(options.end(), {"--sndbuf", "64K", "--drain", "5s"});
    server.emplace(std::move(options));
    peers = server->connect_many(count);
    for (const Peer& peer : peers) names.push_back(SocketAddress::local_of(peer.fd()).to_string());
    std::string heard;
    for (Peer& peer : peers) {
      peer.send(".");
      heard += '.';
      ASSERT_TRUE(server->program().wait_for_out(heard));
    }
    typist = std::thread([this] {
      server->program().write(text);
      server->program().close_stdin();
    });
  }
  ~ListenHubSlowTest() override {
    peers.clear();
    server.reset();
    if (typist.joinable()) typist.join();
  }

  const std::string text = test_bytes(kSize);
  std::optional<HubServer> server;
  std::vector<Peer> peers;
  std::vector<std::string> names;
  std::thread typist;
};

TEST_F(ListenHubSlowTest, PauseHasAllWaitAndNobodyLosesAnything) {
  start({});
  std::string fast;
  std::thread reader([&] { fast = peers[0].receive_all(); });
  // The slow one begins once the fast one has had to wait.
  wait_until([&] { return server->program().is_sleeping(); }, "everybody to wait");
  EXPECT_TRUE(peers[1].receive_all() == text);
  reader.join();
  EXPECT_TRUE(fast == text);
  for (Peer& peer : peers) peer.shut_down();
  const RunResult result = server->stop();
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(result.err, "");
}

TEST_F(ListenHubSlowTest, DropLosesWhatDoesNotFitForTheSlowOneAlone) {
  start({"--slow-peer=drop"});
  EXPECT_TRUE(peers[0].receive_all() == text);
  typist.join();
  EXPECT_LT(peers[1].receive_all().size(), text.size());
  for (Peer& peer : peers) peer.close();
  ASSERT_TRUE(server->program().wait_for_err("bytes dropped, as it read too slowly"));
  const RunResult result = server->stop();
  EXPECT_EQ(result.status, 1);
  EXPECT_NE(result.err.find(names[1] + ": "), std::string::npos) << result.err;
  EXPECT_EQ(result.err.find(names[0] + ": "), std::string::npos) << result.err;
  EXPECT_NE(result.err.find("--slow-peer drop: "), std::string::npos) << result.err;
}

TEST_F(ListenHubSlowTest, DisconnectClosesTheSlowOneAlone) {
  start({"--slow-peer", "disconnect"});
  EXPECT_TRUE(peers[0].receive_all() == text);
  typist.join();
  ASSERT_TRUE(
      server->program().wait_for_err(names[1] + ": --slow-peer disconnect: it read too slowly: "));
  peers[0].close();
  const RunResult result = server->stop();
  EXPECT_EQ(result.status, 1);
  EXPECT_EQ(line_count(result.err), 1U) << result.err;
}

TEST_F(ListenHubSlowTest, WhoIsAloneIsNeverSlow) {
  start({"--slow-peer=disconnect"}, 1);
  wait_until([&] { return server->program().is_sleeping(); }, "everybody to wait");
  EXPECT_TRUE(peers[0].receive_all() == text);
  peers[0].close();
  const RunResult result = server->stop();
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(result.err, "");
}

TEST_F(ListenHubSlowTest, InABrokerTheSlowOneIsClosedAndTheSpeakerGoesOn) {
  HubServer broker({"--broker", "--slow-peer", "disconnect", "--sndbuf", "64K"});
  std::vector<Peer> talkers = broker.connect_many(3);
  std::thread speaker([&] { talkers[0].send(text); });
  EXPECT_TRUE(talkers[1].receive(text.size()) == text);
  speaker.join();
  ASSERT_TRUE(broker.program().wait_for_err("--slow-peer disconnect: it read too slowly: "));
  EXPECT_EQ(broker.stop().status, 1);
}

TEST_F(ListenHubSlowTest, MemoryIsBoundedHoweverManyAreSlow) {
  if (!is_release_build()) GTEST_SKIP() << "memory is judged in release builds";
  start({"--slow-peer=drop"});
  std::vector<Peer> more = server->connect_many(50);
  EXPECT_TRUE(peers[0].receive_all() == text);
  EXPECT_LT(server->program().peak_memory_kib(), 32 << 10);
}

}  // namespace
}  // namespace ioa::test

// connect to Unix datagram, seqpacket and abstract sockets.
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "tests/end_to_end/end_to_end.hpp"
#include "tests/support/datagram_peer.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/support/test_peer.hpp"

namespace ioa::test {
namespace {

using namespace std::chrono_literals;

class UnixDatagramTest : public GuardedTest {
 protected:
  /// A record of a packet connection.
  static std::string record(const Peer& peer) {
    std::string bytes(70'000, '\0');
    const ssize_t size = ::recv(peer.fd(), bytes.data(), bytes.size(), 0);
    if (size < 0) throw std::runtime_error("recv");
    bytes.resize(static_cast<std::size_t>(size));
    return bytes;
  }

  TempDir dir;
};

TEST_F(UnixDatagramTest, AnswersComeBackThoughItHasNoPath) {
  DatagramPeer server(dir / "server");
  for (const std::vector<std::string>& form :
       std::vector<std::vector<std::string>>{{"unix-dgram:" + (dir / "server")},
                                             {"unix-dgram://" + (dir / "server")},
                                             {"-u", "-U", dir / "server"}}) {
    std::vector<std::string> arguments{"connect", "-q", "300ms"};
    arguments.insert(arguments.end(), form.begin(), form.end());
    Process process(ioa(arguments));
    process.write("question");
    EXPECT_EQ(server.receive(), "question");
    server.send("answer");
    expect_success(process.wait(), "answer");
  }
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(dir.path()), {}), 1)
      << "nothing is left behind";
}

TEST_F(UnixDatagramTest, AnAbstractNameWorksToo) {
  const std::string name = "@ioa-test-" + std::to_string(::getpid());
  DatagramPeer server(name);
  Process process(ioa({"connect", "-q", "300ms", "unix-dgram:" + name}));
  process.write("question");
  EXPECT_EQ(server.receive(), "question");
  server.send("answer");
  expect_success(process.wait(), "answer");
}

TEST_F(UnixDatagramTest, ItsOwnPathCanBeChosenAndIsRemoved) {
  DatagramPeer server(dir / "server");
  Process process(ioa({"connect", "-s", dir / "mine", "unix-dgram:" + (dir / "server")}));
  process.write("x");
  EXPECT_EQ(server.receive(), "x");
  EXPECT_EQ(server.from().host(), dir / "mine");
  process.signal(SIGTERM);
  EXPECT_EQ(process.wait_with_open_stdin().status, 143);
  EXPECT_FALSE(std::filesystem::exists(dir / "mine"));

  server.close();
  EXPECT_EQ(run_ioa({"connect", "-s", dir / "mine", "unix-dgram:" + (dir / "server")}).status, 4);
  EXPECT_FALSE(std::filesystem::exists(dir / "mine"));
}

TEST_F(UnixDatagramTest, APathThatIsTakenIsLeftAlone) {
  const DatagramPeer server(dir / "server");
  const std::string taken = dir.write("taken", "precious");
  expect_failure(run_ioa({"connect", "-s", taken, "unix-dgram:" + (dir / "server")}), 4,
                 "(EADDRINUSE)");
  EXPECT_EQ(dir.read("taken"), "precious");
}

TEST_F(UnixDatagramTest, AServerThatIsNotThereIsStatusFour) {
  expect_failure(run_ioa({"connect", "unix-dgram:" + (dir / "none")}), 4, "(ENOENT)");
  const TestServer stream(dir / "stream");
  expect_failure(run_ioa({"connect", "unix-dgram:" + (dir / "stream")}), 4, "(EPROTOTYPE)");
}

TEST_F(UnixDatagramTest, AServerThatLeavesIsStatusOneAndTellsTheBytes) {
  DatagramPeer server(dir / "server");
  Process process(ioa({"connect", "--frame=line", "unix-dgram:" + (dir / "server")}));
  process.write("one\n");
  EXPECT_EQ(server.receive(), "one\n");
  server.close();
  process.write("two\n");
  expect_failure(process.wait_with_open_stdin(), 1,
                 "(ECONNREFUSED): 4 bytes sent, 0 received, 4 read but not delivered");
}

TEST_F(UnixDatagramTest, AServerThatIsSlowIsWaitedFor) {
  DatagramPeer server(dir / "server");
  const std::string bytes = test_bytes(200'000);
  Process process(ioa({"connect", "-q0", "unix-dgram:" + (dir / "server")}));
  std::thread writer([&] {
    process.write(bytes);
    process.close_stdin();
  });
  std::string got;
  while (got.size() < bytes.size()) got += server.receive();
  writer.join();
  EXPECT_TRUE(got == bytes) << "the kernel drops none";
  EXPECT_EQ(process.wait().status, 0);
}

TEST_F(UnixDatagramTest, PacketsKeepTheirBoundariesAndTheConnectionItsEnd) {
  TestServer server(dir / "server", SOCK_SEQPACKET);
  Process process(ioa({"connect", "--frame=line", "unix-seqpacket:" + (dir / "server")}));
  Peer peer = server.accept();
  process.write("one\ntwo\n");
  EXPECT_EQ(record(peer), "one\n");
  EXPECT_EQ(record(peer), "two\n");
  process.close_stdin();
  EXPECT_EQ(record(peer), "") << "half-closed";
  ASSERT_EQ(::send(peer.fd(), "answer", 6, 0), 6);
  peer.close();
  const RunResult result = process.wait();
  expect_success(result, "answer");
}

TEST_F(UnixDatagramTest, APacketPeersEndEndsTheRun) {
  TestServer server(dir / "server", SOCK_SEQPACKET);
  Process process(ioa({"connect", "unix-seqpacket:" + (dir / "server")}));
  Peer peer = server.accept();
  ASSERT_EQ(::send(peer.fd(), "bye", 3, 0), 3);
  peer.close();
  expect_success(process.wait_with_open_stdin(), "bye");
}

TEST_F(UnixDatagramTest, APacketThatThePeerNeverTookIsNoSuccess) {
  TestServer server(dir / "server", SOCK_SEQPACKET);
  const std::string input = dir.write("input", "too late");
  SocketPair gate = blocking_pipe();
  Process process({"sh", "-c",
                   "exec \"$0\" connect --on-peer-eof=finish unix-seqpacket:" + (dir / "server"),
                   ioa_binary()});
  {
    Peer peer = server.accept();
    peer.close();
  }
  ASSERT_TRUE(process.is_running());
  process.write("too late");
  expect_failure(process.wait_with_open_stdin(), 1, "8 read but not delivered");
}

TEST_F(UnixDatagramTest, AbstractStreamsAndPacketsWork) {
  const std::string name = "@ioa-test-packets-" + std::to_string(::getpid());
  TestServer server(name, SOCK_SEQPACKET);
  Process process(ioa({"connect", "unix-seqpacket:" + name}));
  Peer peer = server.accept();
  process.write("x");
  EXPECT_EQ(record(peer), "x");
  peer.close();
  EXPECT_EQ(process.wait_with_open_stdin().status, 0);

  ScriptedPeer stream([](PeerConnection& connection) { connection.send("here"); },
                      ScriptedPeer::Where::abstract);
  expect_success(run_ioa({"connect", stream.address()}), "here");
}

}  // namespace
}  // namespace ioa::test

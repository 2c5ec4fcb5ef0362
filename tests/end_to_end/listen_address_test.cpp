// Where `ioa listen` listens: all or nothing, ports, Unix sockets and whose files they are.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <string>

#include "ioa/base/error.hpp"
#include "ioa/net/socket_address.hpp"
#include "tests/end_to_end/listen_fixture.hpp"

namespace ioa::test {
namespace {

class ListenAddressTest : public ::testing::Test {
 protected:
  /// `ioa listen ARGUMENTS` that is to fail with status 4.
  static void expect_in_use(std::vector<std::string> arguments, const std::string& text) {
    arguments.insert(arguments.begin(), {"listen", "-k", "--echo"});
    expect_failure(run_ioa(std::move(arguments)), 4, text);
  }
  mode_t mode_of(const std::string& path) {
    struct stat status {};
    return ::stat(path.c_str(), &status) == 0 ? status.st_mode & 07777 : 0;
  }

  TempDir dir_;
};

TEST_F(ListenAddressTest, ASecondListenerOfAPortIsRefused) {
  ListenServer server({"-k", "--echo"});
  expect_in_use({"127.0.0.1:" + server.port_text()},
                "bind 127.0.0.1:" + server.port_text() + ": Address already in use (EADDRINUSE)");
  expect_in_use({server.port_text()}, "bind 0.0.0.0:" + server.port_text());
}

TEST_F(ListenAddressTest, WithOneAddressThatCannotBeHadNothingIsServed) {
  ListenServer server({"-k", "--echo"});
  expect_in_use({"--port-file", dir_ / "port", "127.0.0.1:0", "127.0.0.1:" + server.port_text()},
                "127.0.0.1:" + server.port_text());
  EXPECT_FALSE(std::filesystem::exists(dir_ / "port"));
}

TEST_F(ListenAddressTest, AForeignAddressIsRefused) {
  expect_in_use({"192.0.2.1:0"}, "bind 192.0.2.1:0");
}

TEST_F(ListenAddressTest, ANameThatDoesNotResolveIsRefused) {
  expect_failure(run_ioa({"listen", "no..such.name:80"}), 3, "resolve no..such.name");
}

TEST_F(ListenAddressTest, APortAloneIsEveryAddressOfBothFamilies) {
  ListenServer server({"-k", "--echo"}, "0");
  EXPECT_EQ(server.events().count("listening"), 2U);
  for (const std::string host : {"127.0.0.1", "::1"}) {
    const RunResult result = run_ioa({"connect", host, server.port_text()}, "hello");
    expect_success(result, "hello");
  }
}

TEST_F(ListenAddressTest, SeveralAddressesAreServedAlike) {
  ListenServer server({"-k", "--echo", "unix:" + (dir_ / "a"), "127.0.0.1:0"}, "tcp4:0");
  const std::string ports = dir_.path().empty() ? "" : server.dir().read("port");
  EXPECT_EQ(line_count(ports), 3U) << ports;
  EXPECT_EQ(ports.substr(0, ports.find('\n')), "unix:" + (dir_ / "a"));
  Peer peer = connect_to_path(dir_ / "a");
  peer.send("x");
  EXPECT_EQ(peer.receive(1), "x");
}

TEST_F(ListenAddressTest, HabitsOfOtherNetcatsWork) {
  for (const std::string script : {"exec \"$IOA\" -lvnp 0 127.0.0.1 --port-file port </dev/null",
                                   "exec \"$IOA\" -l -p 0 --port-file port </dev/null",
                                   "exec \"$IOA\" -l 127.0.0.1 0 --port-file port </dev/null"}) {
    TempDir dir;
    Process program({"/bin/sh", "-c", "cd " + dir.path().string() + "; " + script}, {},
                    {"IOA=" + ioa_binary()});
    wait_until([&] { return !dir.read("port").empty(); }, "listening");
    Peer peer = connect_to_port(static_cast<std::uint16_t>(std::stoul(dir.read("port"))));
    peer.send("hello");
    peer.shut_down();
    EXPECT_EQ(peer.receive_all(), "");
    EXPECT_EQ(program.wait().out, "hello") << script;
  }
}

TEST_F(ListenAddressTest, AUnixSocketServesAndItsFileGoes) {
  const std::string path = dir_ / "socket";
  {
    ListenServer server({"-k", "--echo", "--unix-mode", "0600"}, "unix:" + path);
    EXPECT_EQ(mode_of(path), 0600U);
    Peer peer = server.connect();
    peer.send("hello");
    peer.shut_down();
    EXPECT_EQ(peer.receive_all(), "hello");
    server.wait_for("closed");
    EXPECT_EQ(server.end().status, 0);
  }
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST_F(ListenAddressTest, OneOfARunWithoutKeepOpenGoesWhenThePeerIsThere) {
  const std::string path = dir_ / "socket";
  ListenServer server({}, "unix:" + path);
  Peer peer = server.connect();
  server.wait_for("accepted");
  wait_until([&] { return !std::filesystem::exists(path); }, "the file to go");
  peer.close();
  EXPECT_EQ(server.program().wait().status, 0);
}

TEST_F(ListenAddressTest, AbstractAndSeqpacketSocketsServe) {
  const std::string name = "@ioa-test-" + std::to_string(::getpid());
  ListenServer abstract({"-k", "--echo"}, "unix:" + name);
  Peer peer = abstract.connect();
  peer.send("hello");
  EXPECT_EQ(peer.receive(5), "hello");

  ListenServer packets({"-k", "--echo"}, "unix-seqpacket:" + (dir_ / "packets"));
  Peer records = connect_to_path(dir_ / "packets", SOCK_SEQPACKET);
  const std::string large(100'000, 'r');
  for (const std::string& record : {std::string("one"), large, std::string("two")})
    ASSERT_EQ(::send(records.fd(), record.data(), record.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(record.size()));
  for (const std::size_t size : {std::size_t{3}, large.size(), std::size_t{3}}) {
    std::string space(200'000, '\0');
    EXPECT_EQ(::recv(records.fd(), space.data(), space.size(), 0), static_cast<ssize_t>(size));
  }
}

TEST_F(ListenAddressTest, OneSeqpacketPeerIsJoinedToStandardInputAndOutput) {
  ListenServer server({}, "unix-seqpacket:" + (dir_ / "packets"));
  Peer peer = connect_to_path(dir_ / "packets", SOCK_SEQPACKET);
  ASSERT_EQ(::send(peer.fd(), "record", 6, MSG_NOSIGNAL), 6);
  ASSERT_TRUE(server.program().wait_for_out("record"));
  server.program().write("answer");
  server.program().close_stdin();
  std::string space(100, '\0');
  EXPECT_EQ(::recv(peer.fd(), space.data(), space.size(), 0), 6);
  peer.shut_down();
  const RunResult result = server.program().wait();
  EXPECT_EQ(result.status, 0) << result.err;
}

TEST_F(ListenAddressTest, PacketsAreFramedAsDatagramsAre) {
  ListenServer server({"--frame", "len32"}, "unix-seqpacket:" + (dir_ / "packets"));
  Peer peer = connect_to_path(dir_ / "packets", SOCK_SEQPACKET);
  ASSERT_EQ(::send(peer.fd(), "record", 6, MSG_NOSIGNAL), 6);
  const std::string framed("\0\0\0\6record", 10);
  ASSERT_TRUE(server.program().wait_for_out(framed));
  server.program().write(std::string("\0\0\0\3one\0\0\0\5other", 16));
  server.program().close_stdin();
  for (const std::string& expected : {std::string("one"), std::string("other")}) {
    std::string space(100, '\0');
    const ssize_t size = ::recv(peer.fd(), space.data(), space.size(), 0);
    EXPECT_EQ(space.substr(0, static_cast<std::size_t>(std::max<ssize_t>(size, 0))), expected);
  }
  peer.shut_down();
  const RunResult result = server.program().wait();
  EXPECT_EQ(result.status, 0) << result.err;
}

TEST_F(ListenAddressTest, PacketsOfACommandAreFramedToo) {
  ListenServer server({"-k", "--frame", "line", "-e", "cat"},
                      "unix-seqpacket:" + (dir_ / "packets"));
  Peer peer = connect_to_path(dir_ / "packets", SOCK_SEQPACKET);
  ASSERT_EQ(::send(peer.fd(), "one\nother\n", 10, MSG_NOSIGNAL), 10);
  for (const std::string& expected : {std::string("one\n"), std::string("other\n")}) {
    std::string space(100, '\0');
    const ssize_t size = ::recv(peer.fd(), space.data(), space.size(), 0);
    EXPECT_EQ(space.substr(0, static_cast<std::size_t>(std::max<ssize_t>(size, 0))), expected);
  }
}

TEST_F(ListenAddressTest, AFileIsLeftAlone) {
  const std::string path = dir_.write("file", "precious");
  expect_in_use({"unix:" + path}, "bind unix:" + path);
  EXPECT_EQ(dir_.read("file"), "precious");
}

TEST_F(ListenAddressTest, ALiveSocketIsLeftAloneAndNotDisturbed) {
  const std::string path = dir_ / "socket";
  ListenServer server({"-k", "--echo"}, "unix:" + path);
  expect_in_use({"unix:" + path}, "bind unix:" + path);
  EXPECT_EQ(server.events().count("accepted"), 0U);
  Peer peer = server.connect();
  peer.send("hello");
  EXPECT_EQ(peer.receive(5), "hello");
}

TEST_F(ListenAddressTest, ASocketThatNobodyHasAnyMoreIsReplaced) {
  const std::string path = dir_ / "socket";
  {
    ListenServer server({"-k", "--echo"}, "unix:" + path);
    EXPECT_EQ(server.end(SIGKILL).status, 137);
  }
  ASSERT_TRUE(std::filesystem::exists(path));
  ListenServer server({"-k", "--echo"}, "unix:" + path);
  Peer peer = server.connect();
  peer.send("hello");
  EXPECT_EQ(peer.receive(5), "hello");
}

TEST_F(ListenAddressTest, BadInputBindsNothing) {
  for (const std::string arguments :
       {"", "0 --echo --discard", "70000", "unix:", "0 --backlog x", "0 --unix-mode 0600", "0 -i x",
        "-d 0", "tls:0", "0 --port-file ''"}) {
    const RunResult result =
        run_shell("cd " + dir_.path().string() + "; \"$IOA\" listen " + arguments + " </dev/null");
    EXPECT_EQ(result.status, 2) << arguments;
    EXPECT_EQ(line_count(result.err), 1U) << arguments << ": " << result.err;
  }
}

}  // namespace
}  // namespace ioa::test

// How `ioa listen` tells that it listens, and takes sockets that it was passed.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <string>

#include "ioa/base/error.hpp"
#include "ioa/net/socket_address.hpp"
#include "tests/end_to_end/listen_fixture.hpp"

namespace ioa::test {
namespace {

class ListenReadyTest : public ::testing::Test {
 protected:
  TempDir dir_;
};

TEST_F(ListenReadyTest, ADescriptorIsToldTheAddressAndClosed) {
  SocketPair pipe = blocking_pipe();
  Process::Stdio stdio;
  stdio.fd3 = std::move(pipe.second);
  Process program(ioa({"listen", "-k", "--echo", "--ready-fd", "3", "127.0.0.1:0", "::1", "0",
                       "unix:" + (dir_ / "socket")}),
                  std::move(stdio));
  const std::string text = read_to_end(pipe.first.get());
  EXPECT_EQ(line_count(text), 3U) << text;
  EXPECT_EQ(text.rfind("127.0.0.1 ", 0), 0U) << text;
  EXPECT_NE(text.find("\n::1 "), std::string::npos) << text;
  EXPECT_NE(text.find("\nunix:" + (dir_ / "socket") + "\n"), std::string::npos) << text;
  const std::string port = text.substr(10, text.find('\n') - 10);
  EXPECT_TRUE(can_connect(static_cast<std::uint16_t>(std::stoul(port))));
  program.signal(SIGTERM);
  program.wait();
}

TEST_F(ListenReadyTest, TheFileAppearsWholeAndReplacesAnother) {
  dir_.write("port", "stale\n");
  Process program(ioa({"listen", "-k", "--echo", "--port-file", dir_ / "port", "127.0.0.1:0"}));
  wait_until([&] { return dir_.read("port") != "stale\n"; }, "the port");
  const std::string text = dir_.read("port");
  EXPECT_EQ(text.back(), '\n');
  EXPECT_TRUE(can_connect(static_cast<std::uint16_t>(std::stoul(text))));
  struct stat status {};
  ASSERT_EQ(::stat((dir_ / "port").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0600, 0600U);
  EXPECT_EQ(run_shell("ls " + dir_.path().string() + " | wc -l").out, "1\n");
}

TEST_F(ListenReadyTest, AFileThatCannotBeWrittenEndsTheRun) {
  expect_failure(run_ioa({"listen", "127.0.0.1:0", "--port-file", dir_ / "none/port"}), 1,
                 "none/port: No such file or directory (ENOENT)");
}

/// What a service manager gets.
class Manager {
 public:
  explicit Manager(const std::string& name) : fd_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    const SocketAddress address = SocketAddress::unix_path(name);
    if (::bind(fd_.get(), address.data(), address.size()) != 0)
      throw Error::from_errno(errno, "bind");
    const timeval limit{20, 0};
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  }
  std::string next() {
    char space[256];
    const ssize_t size = ::recv(fd_.get(), space, sizeof space, 0);
    return size < 0 ? "" : std::string(space, static_cast<std::size_t>(size));
  }

 private:
  UniqueFd fd_;
};

TEST_F(ListenReadyTest, TheServiceManagerIsTold) {
  for (const std::string& name : {dir_ / "notify", "@ioa-notify-" + std::to_string(::getpid())}) {
    Manager manager(name);
    Process program(ioa({"listen", "-k", "--echo", "127.0.0.1:0"}), {}, {"NOTIFY_SOCKET=" + name});
    EXPECT_EQ(manager.next(), "READY=1");
    program.signal(SIGTERM);
    EXPECT_EQ(manager.next(), "STOPPING=1");
    expect_success(program.wait(), "");
  }
}

TEST_F(ListenReadyTest, AManagerThatIsNotThereIsOnlyWarnedOf) {
  Process program(ioa({"listen", "-k", "--echo", "127.0.0.1:0"}), {},
                  {"NOTIFY_SOCKET=" + (dir_ / "none")});
  EXPECT_TRUE(program.wait_for_err("notify $NOTIFY_SOCKET"));
  program.signal(SIGTERM);
  EXPECT_EQ(program.wait().status, 0);
}

/// Runs `listen` with two listening sockets, which are descriptors 3 and 4.
constexpr const char* kActivate = R"(
import os, socket, sys
sockets = [socket.create_server(('127.0.0.1', 0)) for _ in range(2)]
with open(sys.argv[1], 'w') as file:
    file.write(''.join('%d\n' % each.getsockname()[1] for each in sockets))
fds = [os.dup2(os.dup(each.fileno()), 10 + i) for i, each in enumerate(sockets)]
for i, fd in enumerate(fds):
    os.dup2(fd, 3 + i)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS='2', LISTEN_FDNAMES='web:admin')
os.execv(sys.argv[2], sys.argv[2:])
)";

TEST_F(ListenReadyTest, SocketsThatWerePassedAreServed) {
  Process program({"python3", "-c", kActivate, dir_ / "ports", ioa_binary(), "listen", "-k",
                   "--port-file", dir_ / "ready", "-c", "echo $LISTEN_FDS$LISTEN_PID.", "systemd"});
  wait_until([&] { return !dir_.read("ready").empty(); }, "listening");
  const std::string ports = dir_.read("ports");
  for (const std::string& port :
       {ports.substr(0, ports.find('\n')), ports.substr(ports.find('\n'))})
    EXPECT_EQ(connect_to_port(static_cast<std::uint16_t>(std::stoul(port))).receive_all(), ".\n");
  program.signal(SIGTERM);
  program.wait();
}

TEST_F(ListenReadyTest, OneOfThemByItsName) {
  Process program({"python3", "-c", kActivate, dir_ / "ports", ioa_binary(), "listen", "-k",
                   "--port-file", dir_ / "ready", "--echo", "systemd:admin"});
  wait_until([&] { return !dir_.read("ready").empty(); }, "listening");
  const std::string ports = dir_.read("ports");
  EXPECT_EQ(dir_.read("ready"), ports.substr(ports.find('\n') + 1));
  Peer peer = connect_to_port(static_cast<std::uint16_t>(std::stoul(dir_.read("ready"))));
  peer.send("hello");
  EXPECT_EQ(peer.receive(5), "hello");
  program.signal(SIGTERM);
  program.wait();
}

TEST_F(ListenReadyTest, WithoutPassedSocketsThereIsNothingToListenAt) {
  expect_failure(run_ioa({"listen", "systemd"}), 4, "listen systemd: no sockets were passed");
  expect_failure(run_ioa({"listen", "systemd:x"}, {}, {"LISTEN_PID=1", "LISTEN_FDS=1"}), 4,
                 "listen systemd:x: no socket of that name was passed");
}

TEST_F(ListenReadyTest, PrivilegesAreDroppedOnceTheSocketsAreBound) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can become somebody else";
  ListenServer server({"-k", "-c", "id -un; id -gn", "--user", "nobody"});
  const std::string names = server.connect().receive_all();
  EXPECT_EQ(names, "nobody\nnogroup\n");
  const RunResult result =
      run_shell("grep ^Uid /proc/" + std::to_string(server.program().pid()) + "/status");
  EXPECT_EQ(result.out, "Uid:\t65534\t65534\t65534\t65534\n");
}

TEST_F(ListenReadyTest, WhatHappensIsTold) {
  ListenServer server({"-k", "-v", "--echo"});
  Peer peer = server.connect();
  peer.send("abc");
  peer.shut_down();
  EXPECT_EQ(peer.receive_all(), "abc");
  server.wait_for("closed");
  const RunResult result = server.end();
  const Events events = server.events();
  EXPECT_EQ(events.names(), "listening accepted eof closed exit");
  EXPECT_EQ(events.first("listening").text("address"), "127.0.0.1:" + server.port_text());
  EXPECT_EQ(events.first("accepted").number("conn"), 1);
  EXPECT_EQ(events.first("accepted").text("local"), "127.0.0.1:" + server.port_text());
  EXPECT_EQ(events.first("accepted").text("address").substr(0, 10), "127.0.0.1:");
  EXPECT_EQ(events.first("closed").number("bytes_sent"), 3);
  EXPECT_EQ(events.first("closed").text("reason"), "eof");
  EXPECT_EQ(result.err, "ioa listen: listening on 127.0.0.1:" + server.port_text() +
                            "\nioa listen: connection 1: accepted " +
                            events.first("accepted").text("address") +
                            "\nioa listen: connection 1: the peer has ended\n"
                            "ioa listen: connection 1: closed (eof): 3 bytes sent, 3 received\n");
}

}  // namespace
}  // namespace ioa::test

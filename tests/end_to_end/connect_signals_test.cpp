// INT, TERM and USR1.
#include <csignal>
#include <string>

#include "tests/end_to_end/end_to_end.hpp"
#include "tests/support/events.hpp"
#include "tests/support/temp_dir.hpp"

namespace ioa::test {
namespace {

class ConnectSignalsTest : public GuardedTest {
 protected:
  static void say_hello(PeerConnection& connection) {
    connection.send("hello");
    try {
      connection.read_all();
    } catch (const Error&) {
    }
  }
  TempDir dir;
};

TEST_F(ConnectSignalsTest, TheFirstOneReportsAndEndsWith128AndItsNumber) {
  for (const int number : {SIGINT, SIGTERM}) {
    ScriptedPeer peer(say_hello);
    Process process(ioa(connect_to(peer)));
    ASSERT_TRUE(process.wait_for_out("hello"));
    process.signal(number);
    const RunResult result = process.wait_with_open_stdin();
    expect_failure(result, 128 + number,
                   std::string("ended by ") + (number == SIGINT ? "SIGINT" : "SIGTERM") +
                       ": 0 bytes sent, 5 received");
    EXPECT_EQ(result.out, "hello");
  }
}

TEST_F(ConnectSignalsTest, TheSecondOneEndsAtOnceThoughStandardOutputIsStuck) {
  ScriptedPeer peer([](PeerConnection& connection) {
    try {
      for (;;) connection.send(std::string(65536, 'x'));
    } catch (const Error&) {
    }
  });
  SocketPair out = blocking_sockets();  // written to by copying, so that bytes wait in the program
  const std::string events = dir / "events";
  Process::Stdio stdio;
  stdio.out = std::move(out.second);
  Process process(ioa(connect_to(peer, {"--events", events})), std::move(stdio));
  wait_until([&] { return dir.read("events").find("connected") != std::string::npos; },
             "the connection");
  char byte = 0;
  ASSERT_EQ(::read(out.first.get(), &byte, 1), 1);
  // It sleeps once it can write no more.
  wait_until(
      [&] {
        for (int i = 0; i < 20; ++i) {
          if (!process.is_sleeping()) return false;
          std::this_thread::sleep_for(1ms);
        }
        return true;
      },
      "standard output to be full");
  process.signal(SIGINT);
  process.signal(SIGTERM);
  const int status = process.wait_with_open_stdin().status;
  // Both may be there when the program looks; they have no order then.
  EXPECT_TRUE(status == 128 + SIGTERM || status == 128 + SIGINT) << status;
}

TEST_F(ConnectSignalsTest, WhatWasReceivedIsWrittenBeforeTheEnd) {
  ScriptedPeer peer([](PeerConnection& connection) {
    connection.send(std::string(100'000, 'x'));
    try {
      connection.read_all();
    } catch (const Error&) {
    }
  });
  SocketPair out = blocking_sockets();
  Process::Stdio stdio;
  stdio.out = std::move(out.second);
  Process process(ioa(connect_to(peer, {"-v"})), std::move(stdio));
  ASSERT_TRUE(process.wait_for_err("connected to"));
  process.signal(SIGTERM);
  const std::string arrived = read_to_end(out.first.get());
  const RunResult result = process.wait_with_open_stdin();
  EXPECT_EQ(result.status, 143);
  EXPECT_NE(result.err.find(std::to_string(arrived.size()) + " received"), std::string::npos)
      << arrived.size() << ": " << result.err;
}

TEST_F(ConnectSignalsTest, EndsAnAttemptToConnect) {
  const RunResult result = run_in_private_network("127.0.0.1 localhost", R"(
"$IOA" connect --events /run/events 192.0.2.66 80 &
until grep -qs attempt.start /run/events; do sleep 0.01; done
kill $!
wait $!
)");
  expect_failure(result, 143, "ended by SIGTERM: not connected");
}

TEST_F(ConnectSignalsTest, EndsRetries) {
  const ClosedPort port;
  Process process(ioa(connect_to(port, {"--wait", "0", "-v"})));
  ASSERT_TRUE(process.wait_for_err("trying again"));
  process.signal(SIGTERM);
  const RunResult result = process.wait_with_open_stdin();
  EXPECT_EQ(result.status, 143);
  EXPECT_NE(result.err.find("ended by SIGTERM: not connected\n"), std::string::npos) << result.err;
}

TEST_F(ConnectSignalsTest, TheClosedAndExitEventsTellIt) {
  ScriptedPeer peer(say_hello);
  const std::string path = dir / "events";
  Process process(ioa(connect_to(peer, {"--events", path})));
  ASSERT_TRUE(process.wait_for_out("hello"));
  process.signal(SIGINT);
  process.wait_with_open_stdin();
  const Events events(dir.read("events"));
  EXPECT_EQ(events.first("closed").text("reason"), "signal");
  EXPECT_EQ(events.first("closed").number("bytes_received"), 5);
  EXPECT_EQ(events.first("exit").number("status"), 130);
}

TEST_F(ConnectSignalsTest, Usr1PrintsTheCountersAndTheRunGoesOn) {
  ScriptedPeer peer([](PeerConnection& connection) {
    connection.expect("abc");
    connection.send("hello");
    connection.expect_end();
  });
  Process process(ioa(connect_to(peer)));
  process.write("abc");
  ASSERT_TRUE(process.wait_for_out("hello"));
  process.signal(SIGUSR1);
  ASSERT_TRUE(process.wait_for_err("3 bytes sent, 5 received"));
  process.signal(SIGUSR1);
  const RunResult result = process.wait();
  EXPECT_EQ(result.status, 0);
}

TEST_F(ConnectSignalsTest, Usr1EndsNoCommand) {
  const ClosedPort port;
  Process probe(ioa({"connect", "-z", "-v", "--wait", "20s", "127.0.0.1", port.port()}));
  ASSERT_TRUE(probe.wait_for_err("trying again"));
  probe.signal(SIGUSR1);
  Process resolve(ioa({"resolve", "-"}));
  resolve.write("127.0.0.1\n");
  ASSERT_TRUE(resolve.wait_for_out("127.0.0.1"));
  resolve.signal(SIGUSR1);
  EXPECT_TRUE(resolve.wait_for_err("1 names looked up"));
  resolve.write("127.0.0.2\n");
  EXPECT_TRUE(resolve.wait_for_out("127.0.0.2"));
  EXPECT_EQ(resolve.wait().status, 0);
  EXPECT_TRUE(probe.wait_for_err("0 ports tested, 0 open, 1 without an answer"));
  probe.signal(SIGTERM);
  EXPECT_EQ(probe.wait().status, 143);
}

TEST_F(ConnectSignalsTest, ASignalThatWasIgnoredStaysIgnored) {
  ScriptedPeer peer([](PeerConnection& connection) {
    connection.send("hello");
    connection.expect_end();
  });
  // As nohup and a shell's & do it.
  Process process({"/bin/sh", "-c", "trap '' INT; exec \"$@\"", "sh", ioa_binary(), "connect",
                   peer.host(), peer.port()});
  ASSERT_TRUE(process.wait_for_out("hello"));
  process.signal(SIGINT);
  EXPECT_EQ(process.wait().status, 0);
}

}  // namespace
}  // namespace ioa::test

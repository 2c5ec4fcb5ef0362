// --events: JSON Lines that hold to the schema of ioa(1), and what -v says.
#include <string>

#include "tests/end_to_end/end_to_end.hpp"
#include "tests/support/events.hpp"
#include "tests/support/temp_dir.hpp"

namespace ioa::test {
namespace {

class ConnectEventsTest : public GuardedTest {
 protected:
  /// Runs with --events and returns what was written.
  Events events_of(std::vector<std::string> arguments, std::string_view bytes = {}) {
    const std::string path = dir / "events";
    arguments.insert(arguments.begin() + 1, {"--events", path});
    result = run_ioa(std::move(arguments), bytes);
    return Events(dir.read("events"));
  }
  TempDir dir;
  RunResult result;
};

TEST_F(ConnectEventsTest, TellTheStoryOfAConnection) {
  ScriptedPeer peer([](PeerConnection& connection) {
    connection.expect("question");
    connection.expect_end();
    connection.send("answer");
  });
  const Events events = events_of(connect_to(peer), "question");
  EXPECT_EQ(events.names(), "attempt.start connected eof eof closed exit");
  EXPECT_EQ(events.first("attempt.start").text("address"), peer.address());
  EXPECT_EQ(events.first("connected").text("address"), peer.address());
  EXPECT_EQ(events.first("connected").text("local").substr(0, 10), "127.0.0.1:");
  EXPECT_EQ(events.all()[2].text("side"), "stdin");
  EXPECT_EQ(events.all()[3].text("side"), "peer");
  const JsonObject& closed = events.first("closed");
  EXPECT_EQ(closed.number("bytes_sent"), 8);
  EXPECT_EQ(closed.number("bytes_received"), 6);
  EXPECT_EQ(closed.text("reason"), "eof");
  for (const JsonObject& event : events.all())
    EXPECT_EQ(event.number("conn"), event.name() == "exit" ? -1 : 1) << event.name();
  EXPECT_EQ(events.first("exit").number("status"), 0);
  EXPECT_EQ(result.err, "");
}

TEST_F(ConnectEventsTest, NameTheSystemCallOfAFailedAttempt) {
  const ClosedPort port;
  const Events events = events_of(connect_to(port));
  EXPECT_EQ(events.names(), "attempt.start attempt.failed exit");
  const JsonObject& failed = events.first("attempt.failed");
  EXPECT_EQ(failed.text("syscall"), "connect");
  EXPECT_EQ(failed.text("error"), "ECONNREFUSED");
  EXPECT_EQ(failed.text("address"), "127.0.0.1:" + port.port());
  EXPECT_EQ(events.first("exit").number("status"), 4);
}

TEST_F(ConnectEventsTest, TellOfLookUps) {
  ScriptedPeer peer([](PeerConnection& connection) { connection.expect_end(); });
  const Events events = events_of({"connect", "-4", "localhost", peer.port()});
  EXPECT_EQ(events.first("resolve.start").text("name"), "localhost");
  EXPECT_EQ(events.first("resolve.start").text("family"), "ipv4");
  EXPECT_NE(events.first("resolve.done").text("addresses").find("127.0.0.1:" + peer.port()),
            std::string::npos);
}

TEST_F(ConnectEventsTest, TellOfLookUpsThatFail) {
  const Events events = events_of({"connect", "no..such.name", "80"});
  EXPECT_EQ(events.first("resolve.failed").text("name"), "no..such.name");
  EXPECT_EQ(events.first("resolve.failed").text("error").substr(0, 4), "EAI_");
  EXPECT_EQ(events.first("exit").number("status"), 3);
}

TEST_F(ConnectEventsTest, TellOfAReset) {
  ScriptedPeer peer([](PeerConnection& connection) {
    connection.expect("abc");
    connection.acknowledge();
    connection.reset();
  });
  const Events events = events_of(connect_to(peer, {"--on-stdin-eof=keep"}), "abc");
  EXPECT_EQ(events.first("closed").text("reason"), "peer-error");
  EXPECT_EQ(events.first("closed").number("bytes_sent"), 3);
  EXPECT_EQ(events.first("exit").number("status"), 1);
}

TEST_F(ConnectEventsTest, TellOfEveryEnd) {
  ScriptedPeer silent(
      [](PeerConnection& connection) {
        connection.expect_end();
        connection.wait_until_told();
      },
      ScriptedPeer::Where::ipv4, 4);
  const auto reason = [&](std::vector<std::string> options) {
    const Events events = events_of(connect_to(silent, std::move(options)));
    silent.tell();
    return events.first("closed").text("reason");
  };
  EXPECT_EQ(reason({"-q", "0"}), "quit-after");
  EXPECT_EQ(reason({"-i", "20ms", "--on-stdin-eof", "keep"}), "idle-timeout");
  EXPECT_EQ(reason({"--timeout", "50ms", "--on-stdin-eof", "keep"}), "timeout");
  EXPECT_EQ(reason({"--on-stdin-eof", "close"}), "eof");
  ScriptedPeer talker([](PeerConnection& connection) {
    connection.send("x");
    connection.expect_end();
  });
  EXPECT_EQ(events_of(connect_to(talker, {"-o", "/dev/full"})).first("closed").text("reason"),
            "stdio-error");
}

TEST_F(ConnectEventsTest, GoToADescriptor) {
  const ClosedPort port;
  SocketPair pipe = blocking_pipe();
  Process::Stdio stdio;
  stdio.fd3 = std::move(pipe.second);
  EXPECT_EQ(run_ioa_with(std::move(stdio), connect_to(port, {"--events", "3"})).status, 4);
  EXPECT_EQ(Events(read_to_end(pipe.first.get())).names(), "attempt.start attempt.failed exit");
}

TEST_F(ConnectEventsTest, MayGoToStandardError) {
  const ClosedPort port;
  result = run_ioa(connect_to(port, {"--events", "2", "--quiet"}));
  EXPECT_EQ(line_count(result.err), 4U) << result.err;  // the one line of the failure among them
}

TEST_F(ConnectEventsTest, NeedAnOpenDescriptorOrAFileThatCanBeWritten) {
  const ClosedPort port;
  expect_failure(run_ioa(connect_to(port, {"--events", "77"})), 2, "--events 77");
  expect_failure(run_ioa(connect_to(port, {"--events", dir / "no/such"})), 2, "(ENOENT)");
}

TEST_F(ConnectEventsTest, DoNotHarmTheRunIfTheirReaderLeaves) {
  ScriptedPeer peer([](PeerConnection& connection) {
    connection.expect_end();
    connection.send("answer");
  });
  SocketPair pipe = blocking_pipe();
  pipe.first.reset();
  Process::Stdio stdio;
  stdio.fd3 = std::move(pipe.second);
  result = run_ioa_with(std::move(stdio), connect_to(peer, {"--events", "3"}));
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.out, "answer");
  EXPECT_EQ(line_count(result.err), 1U) << result.err;
}

TEST_F(ConnectEventsTest, EscapeWhatIsNoText) {
  // JSON has a way for control characters, and none for bytes that are no UTF-8.
  const Events events = events_of({"connect", "unix:" + (dir / "a\"b\\\x01\xff")});
  EXPECT_EQ(events.first("attempt.failed").text("error"), "ENOENT");
  EXPECT_EQ(line_count(result.err), 1U);
  EXPECT_EQ(result.err.find('\x01'), std::string::npos);
  EXPECT_EQ(result.err.find('\xff'), std::string::npos);
}

TEST_F(ConnectEventsTest, AreLinesForPeopleWithVerbose) {
  ScriptedPeer peer([](PeerConnection& connection) {
    connection.expect_end();
    connection.send("answer");
  });
  result = run_ioa(connect_to(peer, {"-v"}));
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.out, "answer");
  for (const char* text :
       {"trying 127.0.0.1:", "connected to 127.0.0.1:", "standard input has ended",
        "the peer has ended", "closed (eof): 0 bytes sent, 6 received"})
    EXPECT_NE(result.err.find(text), std::string::npos) << text << " is not in " << result.err;
}

TEST_F(ConnectEventsTest, EveryLoopWorksAndIsChosenByOptionOrEnvironment) {
  ScriptedPeer peer(
      [](PeerConnection& connection) {
        connection.expect("question");
        connection.expect_end();
        connection.send("answer");
      },
      ScriptedPeer::Where::ipv4, 7);
  for (const std::string name : {"epoll", "poll", "select"}) {
    expect_success(run_ioa(connect_to(peer, {"--loop", name}), "question"), "answer");
    expect_success(run_ioa(connect_to(peer), "question", {"IOA_LOOP=" + name}), "answer");
  }
  // The option counts more, and an empty variable is none.
  expect_success(run_ioa(connect_to(peer, {"--loop=poll"}), "question", {"IOA_LOOP=nonsense"}),
                 "answer");
}

TEST_F(ConnectEventsTest, DebugOutputIsTalkAndChangesNothingElse) {
  ScriptedPeer peer(
      [](PeerConnection& connection) {
        connection.expect("question");
        connection.expect_end();
        connection.send("answer");
      },
      ScriptedPeer::Where::ipv4, 2);
  const std::string connected = "[Loop] EVENT connected conn=1 address=" + peer.address();
  const std::string path = dir / "events";
  RunResult shown = run_ioa(connect_to(peer, {"--events", path}), "question", {"IOA_DEBUG=1"});
  EXPECT_EQ(shown.status, 0);
  EXPECT_EQ(shown.out, "answer");
  EXPECT_NE(shown.err.find(connected), std::string::npos) << shown.err;
  EXPECT_EQ(Events(dir.read("events")).names(), "attempt.start connected eof eof closed exit");
  const std::string log = "IOA_DEBUG_FILE=" + (dir / "log");
  expect_success(run_ioa(connect_to(peer), "question", {"IOA_DEBUG=2", log}), "answer");
  EXPECT_NE(dir.read("log").find(connected), std::string::npos) << dir.read("log");
}

TEST_F(ConnectEventsTest, ColourIsForTerminals) {
  const ClosedPort port;
  const auto has_colour = [&](std::vector<std::string> options,
                              std::vector<std::string> environment = {}) {
    const Terminal terminal;
    Process::Stdio stdio;
    stdio.err = copy_of(terminal.slave);
    Process process(ioa(connect_to(port, std::move(options))), std::move(stdio),
                    std::move(environment));
    process.wait();
    return read_available(terminal.master.get()).find('\033') != std::string::npos;
  };
  EXPECT_TRUE(has_colour({}));
  EXPECT_FALSE(has_colour({"--color", "never"}));
  EXPECT_FALSE(has_colour({}, {"NO_COLOR=1"}));
  EXPECT_EQ(run_ioa(connect_to(port)).err.find('\033'), std::string::npos);
  EXPECT_NE(run_ioa(connect_to(port, {"--color=always"})).err.find('\033'), std::string::npos);
}

}  // namespace
}  // namespace ioa::test

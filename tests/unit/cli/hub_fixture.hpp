#pragma once

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/commands/listen/hub.hpp"
#include "tests/support/loop_fixture.hpp"
#include "tests/support/socket_pair.hpp"

namespace ioa::cli {

/// A Hub with pipes for its source and its sink, and the other ends of its peers.
class HubTest : public test::RealLoopTest {
 protected:
  HubTest() { std::signal(SIGPIPE, SIG_IGN); }
  ~HubTest() override {
    if (hub != nullptr && hub->loop() != nullptr) hub->remove();
    test::turn_while_busy(loop);  // buries it before the fixture counts descriptors
    std::signal(SIGPIPE, SIG_DFL);
  }

  void start(const HubPlan& plan, bool has_sink = true) {
    test::SocketPair in = test::pipe_pair();
    test::SocketPair out = test::pipe_pair();
    stdin_writer = std::move(in.second);
    stdout_reader = std::move(out.first);
    Hub::Ends ends;
    ends.source = ByteEnd::own(std::move(in.first));
    if (has_sink) ends.sink = ByteEnd::own(std::move(out.second));
    start(plan, std::move(ends));
  }
  void start(const HubPlan& plan, Hub::Ends ends) {
    hub = &loop.add(std::make_unique<Hub>(plan, std::move(ends)));
    hub->on_peer_end([this](const HubPeerEnd& end) { ended.push_back(end); });
    hub->on_peer_eof([this](std::int64_t number) { eofs.push_back(number); });
    hub->on_source_eof([this] { source_has_ended = true; });
    hub->on_failure([this](const Error& error, bool of_sink) {
      failure = std::string(error.what()) + (of_sink ? " (sink)" : " (source)");
    });
  }

  /// One more peer; its index in `peers` is returned.
  std::size_t join(test::SocketPair pair = test::unix_pair()) {
    peers.push_back(std::move(pair.second));
    heard.emplace_back();
    saw_end.push_back(false);
    const auto number = static_cast<std::int64_t>(peers.size());
    hub->add_peer(std::move(pair.first), {number, "<user" + std::to_string(number) + "> "});
    return peers.size() - 1;
  }
  void say(std::size_t peer, std::string_view text) { test::write_all(peers[peer].get(), text); }
  void shut_down(std::size_t peer) { ::shutdown(peers[peer].get(), SHUT_WR); }
  void reset(std::size_t peer) {
    const linger now{1, 0};
    ::setsockopt(peers[peer].get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
    peers[peer].reset();
  }
  void type(std::string_view text) { test::write_all(stdin_writer.get(), text); }

  /// All that this peer has been sent by now.
  std::string& hears(std::size_t peer) {
    char chunk[65536];
    for (;;) {
      const ssize_t size = ::recv(peers[peer].get(), chunk, sizeof chunk, MSG_DONTWAIT);
      if (size == 0) saw_end[peer] = true;
      if (size <= 0) return heard[peer];
      heard[peer].append(chunk, static_cast<std::size_t>(size));
    }
  }
  std::string& stdout_gets() {
    char chunk[65536];
    for (;;) {
      const ssize_t size = ::read(stdout_reader.get(), chunk, sizeof chunk);
      if (size <= 0) return at_stdout;
      at_stdout.append(chunk, static_cast<std::size_t>(size));
    }
  }

  void wait(const std::function<bool()>& done, std::string_view what = "the hub") {
    const auto limit = Clock::now() + test::kStallLimit;
    while (!done()) {
      if (Clock::now() > limit)
        throw std::runtime_error("stalled waiting for " + std::string(what));
      loop.turn(std::chrono::milliseconds(1));
    }
  }
  void wait_to_hear(std::size_t peer, std::string_view text) {
    wait([&] { return hears(peer) == text; }, "peer " + std::to_string(peer + 1) + " to hear");
  }
  void wait_for_stdout(std::string_view text) {
    wait([&] { return stdout_gets() == text; }, "the sink");
  }
  void wait_for_end_of(std::size_t peer) {
    wait([&] { return hears(peer), saw_end[peer]; }, "the end of a peer");
  }
  /// Some time in which everything that can happen has happened.
  void settle() {
    for (int i = 0; i < 10; ++i) loop.turn(std::chrono::milliseconds(1));
  }
  std::size_t unread_stdin() const {
    int count = 0;
    ::ioctl(stdin_writer.get(), FIONREAD, &count);
    return static_cast<std::size_t>(count);
  }

  UniqueFd stdin_writer;
  UniqueFd stdout_reader;
  std::vector<UniqueFd> peers;
  std::vector<std::string> heard;
  std::vector<bool> saw_end;
  std::vector<HubPeerEnd> ended;
  std::vector<std::int64_t> eofs;
  bool source_has_ended = false;
  std::string failure;
  std::string at_stdout;
  Hub* hub = nullptr;
};

}  // namespace ioa::cli

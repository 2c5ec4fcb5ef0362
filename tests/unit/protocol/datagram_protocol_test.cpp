#include "ioa/protocol/datagram_protocol.hpp"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "ioa/base/error.hpp"
#include "tests/support/loop_fixture.hpp"

namespace ioa {
namespace {

using namespace std::chrono_literals;

/// A UDP socket on loopback, at a port of its own.
UniqueFd udp_socket() {
  UniqueFd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  ::sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(::bind(fd.get(), reinterpret_cast<::sockaddr*>(&address), sizeof address), 0);
  return fd;
}

class DatagramProtocolTest : public test::RealLoopTest {
 protected:
  DatagramProtocolTest() : client_(loop.add(std::make_unique<DatagramProtocol>())) {
    client_.set_transport(std::make_unique<Socket>(udp_socket()));
    server_.on_receive([this](Socket& self, const Datagram& datagram) {
      asked_.emplace_back(datagram.bytes);
      if (asked_.size() > drops_) self.send("re: " + std::string(datagram.bytes), datagram.from);
    });
  }
  static DatagramProtocol::Retries quickly(int attempts) { return {attempts, 1ms, 1}; }
  static bool any(std::string_view) { return true; }

  Socket& server_ = loop.add(std::make_unique<Socket>(udp_socket()));
  SocketAddress server_address_ = SocketAddress::local_of(server_.read_fd());
  DatagramProtocol& client_;
  std::vector<std::string> asked_;
  std::size_t drops_ = 0;  // of those asked, the first are not answered
};

TEST_F(DatagramProtocolTest, SendsAndTellsWhatComes) {
  std::string got;
  client_.on_datagram([&](DatagramProtocol&, const Datagram& datagram) { got = datagram.bytes; });
  client_.send("hello", server_address_);
  test::turn_until(
      loop, [&] { return !got.empty(); }, "an answer");
  EXPECT_EQ(got, "re: hello");
}

TEST_F(DatagramProtocolTest, ARequestIsSentAgainUntilItIsAnswered) {
  drops_ = 2;
  EXPECT_EQ(run(client_.request("q", server_address_, &any, quickly(50))), "re: q");
  EXPECT_GE(asked_.size(), 3u);
  EXPECT_EQ(client_.pending_requests(), 0u);
}

TEST_F(DatagramProtocolTest, WithoutAnAnswerItEndsAfterItsAttempts) {
  drops_ = 1000;
  try {
    run(client_.request("q", server_address_, &any, quickly(3)));
    ADD_FAILURE() << "answered";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::timeout);
  }
  test::turn_while_busy(loop);
  EXPECT_EQ(asked_.size(), 3u);
}

TEST_F(DatagramProtocolTest, AnswersFindTheirRequestsAndOthersAreTold) {
  std::vector<std::string> others;
  client_.on_datagram(
      [&](DatagramProtocol&, const Datagram& datagram) { others.emplace_back(datagram.bytes); });
  const auto answer_to = [](const char* text) {
    return [text = std::string("re: ") + text](std::string_view reply) { return reply == text; };
  };
  Future<Bytes> b = client_.request("b", server_address_, answer_to("b"));
  Future<Bytes> a = client_.request("a", server_address_, answer_to("a"));
  client_.send("c", server_address_);
  EXPECT_EQ(run(std::move(a)), "re: a");
  EXPECT_EQ(run(std::move(b)), "re: b");
  test::turn_until(
      loop, [&] { return !others.empty(); }, "the other one");
  EXPECT_EQ(others, std::vector<std::string>{"re: c"});
}

TEST_F(DatagramProtocolTest, AnAnswerFromElsewhereIsNone) {
  auto& stranger = loop.add(std::make_unique<Socket>(udp_socket()));
  drops_ = 1000;
  Future<Bytes> answer = client_.request("q", server_address_, &any, {1, 10s, 1});
  stranger.send("forged", SocketAddress::local_of(client_.transport()->read_fd()));
  EXPECT_FALSE(settles(answer));
  server_.send("genuine", SocketAddress::local_of(client_.transport()->read_fd()));
  EXPECT_EQ(run(std::move(answer)), "genuine");
}

TEST_F(DatagramProtocolTest, ADroppedRequestIsSentNoMore) {
  drops_ = 1000;
  { Future<Bytes> dropped = client_.request("q", server_address_, &any, {5, 0ms, 1}); }
  EXPECT_EQ(client_.pending_requests(), 0u);
  test::turn_while_busy(loop);
  EXPECT_EQ(asked_.size(), 1u);
}

TEST_F(DatagramProtocolTest, AnIcmpErrorFailsTheRequestAndLeavesTheTransport) {
  UniqueFd gone = udp_socket();
  const SocketAddress nobody = SocketAddress::local_of(gone.get());
  gone.reset();
  client_.transport()->connect(nobody);
  EXPECT_THROW(run(client_.request("q", {}, &any, {3, 10s, 1})), Error);
  ASSERT_NE(client_.transport(), nullptr);
  EXPECT_TRUE(client_.transport()->is_open());
}

TEST_F(DatagramProtocolTest, TheEndOfTheTransportFailsWhatWaits) {
  drops_ = 1000;
  Future<Bytes> answer = client_.request("q", server_address_, &any, {1, 10s, 1});
  client_.set_transport(nullptr);
  EXPECT_THROW(run(std::move(answer)), Error);
  EXPECT_THROW(client_.send("x", server_address_), std::logic_error);
}

TEST_F(DatagramProtocolTest, RemovingItFailsWhatWaits) {
  Future<Bytes> answer = client_.request("q", server_address_, &any, {1, 10s, 1});
  client_.remove();
  EXPECT_THROW(run(std::move(answer)), Error);
}

TEST_F(DatagramProtocolTest, ACallbackMayRemoveIt) {
  bool is_told = false;
  client_.on_datagram([&](DatagramProtocol& self, const Datagram&) {
    is_told = true;
    self.remove();
  });
  client_.send("a", server_address_);
  client_.send("b", server_address_);
  test::turn_until(
      loop, [&] { return is_told; }, "a datagram");
  test::turn_while_busy(loop);
}

}  // namespace
}  // namespace ioa

#include "ioa/net/tcp_progress.hpp"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <string>

#include "tests/support/loop_fixture.hpp"
#include "tests/support/socket_pair.hpp"

namespace ioa {
namespace {

class TcpProgressTest : public test::GuardedTest {
 protected:
  TcpProgress now(bool has_sent_end = false) const {
    return tcp_progress(pair.first.get(), has_sent_end).value();
  }
  /// Waits, by its readiness alone, until a socket has something, or its end.
  static void await_input(const UniqueFd& fd) {
    pollfd waiting{fd.get(), POLLIN, 0};
    ASSERT_EQ(::poll(&waiting, 1, 10'000), 1);
  }

  test::SocketPair pair = test::tcp_pair();
};

TEST_F(TcpProgressTest, CountsWhatWasWrittenAndWhatWasRead) {
  test::write_all(pair.first.get(), "five!");
  test::write_all(pair.second.get(), "eight by");
  await_input(pair.second);
  await_input(pair.first);
  char three[3];
  ASSERT_EQ(::recv(pair.first.get(), three, sizeof three, 0), 3);
  EXPECT_EQ(now().written, 5U);
  EXPECT_EQ(now().read, 3U);
  EXPECT_FALSE(now().is_closed);
}

TEST_F(TcpProgressTest, WhatThePeersSystemHasNotTakenIsUnacknowledged) {
  const std::size_t written = test::fill(pair.first.get());
  EXPECT_EQ(now().written, written);
  EXPECT_GT(now().unacknowledged, 0U);
  EXPECT_LT(now().unacknowledged, written);
}

TEST_F(TcpProgressTest, TheMarksOfTheEndsAreNoBytes) {
  test::write_all(pair.second.get(), "12345");
  ::shutdown(pair.second.get(), SHUT_WR);
  await_input(pair.first);
  char space[8];
  ASSERT_EQ(::recv(pair.first.get(), space, sizeof space, 0), 5);
  await_input(pair.first);
  EXPECT_EQ(now().read, 5U);
  ASSERT_EQ(::recv(pair.first.get(), space, sizeof space, 0), 0);
  EXPECT_EQ(now().read, 5U);
  ::shutdown(pair.first.get(), SHUT_WR);
  EXPECT_EQ(now(true).unacknowledged, 0U);
  await_input(pair.second);
  EXPECT_EQ(now(true).written, 0U);
  EXPECT_EQ(now(true).read, 5U);
}

TEST_F(TcpProgressTest, AResetIsAnEnd) {
  const linger at_once{1, 0};
  ::setsockopt(pair.second.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  pair.second.reset();
  await_input(pair.first);
  EXPECT_TRUE(now().is_closed);
}

TEST_F(TcpProgressTest, OtherSocketsHaveNone) {
  const test::SocketPair local = test::unix_pair();
  EXPECT_FALSE(tcp_progress(local.first.get(), false).has_value());
}

}  // namespace
}  // namespace ioa

#include "ioa/worker/channel.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "ioa/base/error.hpp"
#include "ioa/worker/blocking_channel.hpp"
#include "tests/support/loop_fixture.hpp"

namespace ioa {
namespace {

using Messages = std::vector<std::string>;

class ChannelTest : public test::RealLoopTest {
 protected:
  ChannelTest() {
    auto [ours, theirs] = make_channel();
    channel_ = &loop.add(std::make_unique<Channel>(std::move(ours), kLimit));
    other_.emplace(std::move(theirs), kLimit);
  }

  void collect() {
    channel_->on_message(
        [this](Channel&, std::string_view message) { messages_.emplace_back(message); });
  }
  /// The errno value that the channel fails with.
  int failure() {
    int value = 0;
    channel_->on_error([&value](Notifier&, std::exception_ptr error) {
      try {
        std::rethrow_exception(error);
      } catch (const Error& caught) {
        value = caught.code().value();
      }
    });
    test::turn_until(
        loop, [&] { return value != 0; }, "a failure");
    EXPECT_FALSE(channel_->is_open());
    return value;
  }
  void send_raw(std::string_view bytes) {
    ASSERT_EQ(::send(other_->fd(), bytes.data(), bytes.size(), 0),
              static_cast<ssize_t>(bytes.size()));
  }

  static constexpr std::size_t kLimit = 1000;
  Channel* channel_;
  std::optional<BlockingChannel> other_;
  Messages messages_;
};

TEST_F(ChannelTest, MessagesArriveWholeAndInOrder) {
  collect();
  for (const char* text : {"one", "", "three"}) other_->send(text);
  test::turn_until(
      loop, [&] { return messages_.size() == 3; }, "messages");
  EXPECT_EQ(messages_, (Messages{"one", "", "three"}));
  channel_->send("back");
  channel_->send("");
  EXPECT_EQ(other_->receive(), "back");
  EXPECT_EQ(other_->receive(), "");
}

TEST_F(ChannelTest, WhatNobodyAskedForIsKept) {
  other_->send("early");
  test::turn_while_busy(loop);
  EXPECT_EQ(run(channel_->receive()), "early");
  other_->send("later");
  test::turn_while_busy(loop);
  collect();
  test::turn_until(
      loop, [&] { return messages_.size() == 1; }, "a message");
  EXPECT_EQ(messages_, Messages{"later"});
}

TEST_F(ChannelTest, ADroppedReceiveTakesNoMessage) {
  {
    Future<std::optional<Bytes>> dropped = channel_->receive();
    EXPECT_FALSE(settles(dropped));
  }
  Future<std::optional<Bytes>> kept = channel_->receive();
  other_->send("first");
  EXPECT_EQ(run(std::move(kept)), "first");
}

TEST_F(ChannelTest, FuturesGoBeforeTheCallback) {
  collect();
  Future<std::optional<Bytes>> first = channel_->receive();
  other_->send("a");
  other_->send("b");
  EXPECT_EQ(run(std::move(first)), "a");
  test::turn_until(
      loop, [&] { return messages_.size() == 1; }, "a message");
  EXPECT_EQ(messages_, Messages{"b"});
}

TEST_F(ChannelTest, TheEndComesBehindTheLastMessage) {
  bool has_ended = false;
  collect();
  channel_->on_end([&](Channel&) {
    has_ended = true;
    EXPECT_EQ(messages_, Messages{"last"});
  });
  other_->send("last");
  other_->close();
  test::turn_until(
      loop, [&] { return has_ended; }, "the end");
  channel_->send("into the void");
}

TEST_F(ChannelTest, AtTheEndFuturesGetNothing) {
  other_->close();
  EXPECT_EQ(run(channel_->receive()), std::nullopt);
}

TEST_F(ChannelTest, ClosingSendsWhatIsQueued) {
  const std::string big(kLimit, 'x');
  for (int i = 0; i < 1000; ++i) channel_->send(big);
  channel_->close();
  EXPECT_FALSE(channel_->is_open());
  int received = 0;
  std::thread reader([&] {
    while (other_->receive()) ++received;
    other_->close();
  });
  test::turn_until(
      loop, [&] { return channel_->pending_bytes() == 0; }, "sending");
  loop.turn(Duration::zero());
  reader.join();
  EXPECT_EQ(received, 1000);
}

TEST_F(ChannelTest, AMessageOverTheLimitIsRefusedOnBothSides) {
  EXPECT_THROW(channel_->send(std::string(kLimit + 1, 'x')), Error);
  EXPECT_THROW(other_->send(std::string(kLimit + 1, 'x')), Error);
  EXPECT_TRUE(channel_->is_open());
  Bytes frame;
  detail::append_frame(frame, 0, 0, std::string(kLimit + 1, 'x'), 2 * kLimit);
  collect();
  send_raw(frame);
  EXPECT_EQ(failure(), EMSGSIZE);
}

TEST_F(ChannelTest, RubbishEndsIt) {
  collect();
  send_raw("SSH-2.0-OpenSSH\r\n");
  EXPECT_EQ(failure(), EPROTO);
}

TEST_F(ChannelTest, AMessageThatIsCutOffIsAnError) {
  Bytes frame;
  detail::append_frame(frame, 0, 0, "whole", kLimit);
  send_raw(std::string_view(frame).substr(0, frame.size() - 1));
  other_->close();
  Future<std::optional<Bytes>> message = channel_->receive();
  try {
    run(std::move(message));
    ADD_FAILURE() << "it came";
  } catch (const Error& error) {
    EXPECT_EQ(error.code().value(), EPROTO);
  }
  EXPECT_FALSE(channel_->is_open());
}

TEST_F(ChannelTest, BreakingOffAtEachByteIsAnErrorOrAnEnd) {
  Bytes frames;
  detail::append_frame(frames, 0, 0, "first", kLimit);
  const std::size_t boundary = frames.size();
  detail::append_frame(frames, 0, 0, "second", kLimit);
  for (std::size_t size = 0; size <= frames.size(); ++size) {
    auto [ours, theirs] = make_channel();
    BlockingChannel receiver(std::move(ours), kLimit);
    ASSERT_EQ(::send(theirs.get(), frames.data(), size, 0), static_cast<ssize_t>(size));
    theirs.reset();
    if (size >= boundary) {
      EXPECT_EQ(receiver.receive(), "first");
    }
    if (size == frames.size()) {
      EXPECT_EQ(receiver.receive(), "second");
    }
    if (size == 0 || size == boundary || size == frames.size())
      EXPECT_EQ(receiver.receive(), std::nullopt) << size;
    else
      EXPECT_THROW(receiver.receive(), Error) << size;
  }
}

TEST_F(ChannelTest, ACallbackMayRemoveIt) {
  channel_->on_message([](Channel& self, std::string_view) { self.remove(); });
  other_->send("a");
  other_->send("b");
  test::turn_while_busy(loop);
  EXPECT_THROW(
      {
        for (;;) other_->send("c");
      },
      Error);
}

TEST_F(ChannelTest, ValuesTravelByTheirCodec) {
  other_->send_value(std::pair<int, std::string>(4, "four"));
  const auto value = run(channel_->receive_value<std::pair<int, std::string>>());
  ASSERT_TRUE(value);
  EXPECT_EQ(value->second, "four");
  channel_->send_value(std::vector<int>{1, 2});
  EXPECT_EQ(other_->receive_value<std::vector<int>>(), (std::vector<int>{1, 2}));
}

}  // namespace
}  // namespace ioa

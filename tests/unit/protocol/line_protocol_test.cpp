#include "ioa/protocol/line_protocol.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "ioa/base/error.hpp"
#include "tests/support/loop_fixture.hpp"
#include "tests/support/socket_pair.hpp"

namespace ioa {
namespace {

using Lines = std::vector<std::string>;

class LineProtocolTest : public test::RealLoopTest {
 protected:
  LineProtocolTest() : session_(loop.add(std::make_unique<LineProtocol>(20))) {
    session_.on_line([this](LineProtocol&, std::string_view line) { lines_.emplace_back(line); });
    session_.on_end([this](LineProtocol&) { has_ended_ = true; });
    connect();
  }

  /// A new transport, and its other end.
  void connect() {
    int ends[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
    session_.set_transport(std::make_unique<Stream>(UniqueFd(ends[0])));
    peer_ = UniqueFd(ends[1]);
  }
  void give(std::string_view bytes) {
    ASSERT_EQ(::write(peer_.get(), bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
    test::turn_while_busy(loop);
  }
  std::string taken() {
    char bytes[1000];
    const ssize_t size = ::read(peer_.get(), bytes, sizeof bytes);
    return {bytes, static_cast<std::size_t>(std::max<ssize_t>(size, 0))};
  }

  LineProtocol& session_;
  UniqueFd peer_;
  Lines lines_;
  bool has_ended_ = false;
};

TEST_F(LineProtocolTest, LinesEndWithEitherEndAndALoneCarriageReturnIsData) {
  give("one\r\ntwo\nthr");
  EXPECT_EQ(lines_, (Lines{"one", "two"}));
  give("ee\r");
  give("\n\n a\rb\r\n");
  EXPECT_EQ(lines_, (Lines{"one", "two", "three", "", " a\rb"}));
}

TEST_F(LineProtocolTest, TheLastLineNeedsNoEnd) {
  give("one\nlast");
  peer_.reset();
  test::turn_while_busy(loop);
  EXPECT_EQ(lines_, (Lines{"one", "last"}));
  EXPECT_TRUE(has_ended_);
  EXPECT_EQ(session_.transport(), nullptr);
}

TEST_F(LineProtocolTest, WhatIsWrittenEndsWithBoth) {
  session_.write_line("hello");
  session_.write_line("");
  test::turn_while_busy(loop);
  EXPECT_EQ(taken(), "hello\r\n\r\n");
  EXPECT_THROW(session_.write_line("two\nlines"), std::invalid_argument);
}

TEST_F(LineProtocolTest, ALineOverTheLimitIsAnErrorAndCloses) {
  std::string what;
  session_.on_error([&](Notifier&, std::exception_ptr error) {
    try {
      std::rethrow_exception(error);
    } catch (const Error& caught) {
      what = caught.what();
    }
  });
  give(std::string(20, 'x') + "\n");
  EXPECT_EQ(what, "");
  EXPECT_EQ(lines_.size(), 1u);
  give(std::string(21, 'x'));
  EXPECT_NE(what.find("EMSGSIZE"), std::string::npos) << what;
  EXPECT_EQ(session_.transport(), nullptr);
}

TEST_F(LineProtocolTest, AReaderOfBytesTakesItsShareInBetween) {
  std::string body;
  session_.on_line([&](LineProtocol& self, std::string_view line) {
    lines_.emplace_back(line);
    if (line != "DATA 5") return;
    self.read_raw([&](LineProtocol&, ByteBuffer& in, bool) {
      const std::size_t size = std::min<std::size_t>(in.size(), 5 - body.size());
      body += in.view().substr(0, size);
      in.consume(size);
      return body.size() == 5 ? Stream::Reading::done : Stream::Reading::more;
    });
  });
  give("DATA 5\r\na\nb");
  EXPECT_EQ(body, "a\nb");
  give("\ncQUIT\r\n");
  EXPECT_EQ(body, "a\nb\nc");
  EXPECT_EQ(lines_, (Lines{"DATA 5", "QUIT"}));
}

TEST_F(LineProtocolTest, ACallbackMayCloseRemoveOrExchangeTheTransport) {
  session_.on_line([&](LineProtocol& self, std::string_view line) {
    lines_.emplace_back(line);
    self.close();
  });
  give("one\ntwo\n");
  EXPECT_EQ(lines_, Lines{"one"});
  EXPECT_EQ(session_.transport(), nullptr);

  lines_.clear();
  connect();
  session_.on_line([&](LineProtocol& self, std::string_view line) {
    lines_.emplace_back(line);
    self.set_transport(nullptr);
  });
  give("one\ntwo\n");
  EXPECT_EQ(lines_, Lines{"one"});

  lines_.clear();
  connect();
  session_.on_line([&](LineProtocol& self, std::string_view line) {
    lines_.emplace_back(line);
    self.remove();
  });
  give("one\ntwo\n");
  EXPECT_EQ(lines_, Lines{"one"});
}

TEST_F(LineProtocolTest, AnotherTransportMayFollow) {
  int closed = 0;
  session_.on_closed([&](Protocol<Stream>& self) {
    ++closed;
    EXPECT_NE(self.transport(), nullptr);
  });
  peer_.reset();
  test::turn_while_busy(loop);
  EXPECT_EQ(closed, 1);
  EXPECT_EQ(session_.transport(), nullptr);
  EXPECT_THROW(session_.write_line("x"), std::logic_error);
  connect();
  give("again\n");
  EXPECT_EQ(lines_, Lines{"again"});
}

TEST_F(LineProtocolTest, AReleasedTransportIsAsAnybodys) {
  std::unique_ptr<Stream> released = session_.release_transport();
  ASSERT_TRUE(released);
  EXPECT_EQ(session_.transport(), nullptr);
  auto& stream = loop.add(std::move(released));
  Future<std::optional<std::string>> line = stream.read_line();
  give("mine\n");
  EXPECT_EQ(run(std::move(line)), "mine");
  EXPECT_EQ(lines_, Lines{});
  stream.close();
}

}  // namespace
}  // namespace ioa

#include "ioa/io/line_splitter.hpp"

#include <cerrno>
#include <stdexcept>

#include "tests/unit/io/stream_fixture.hpp"

namespace ioa::test {
namespace {

class LineSplitterTest : public StreamTest {
 protected:
  Stream& stream = add(std::move(pair.first));

  auto note_lines() {
    return [this](Stream&, std::string_view line) { calls.emplace_back(line); };
  }
  /// Notes each line, and does `deed` at the one that says "now".
  template <class F>
  auto note_lines_and(F deed) {
    return [this, deed](Stream& self, std::string_view line) {
      calls.emplace_back(line);
      if (line == "now") deed(self);
    };
  }
};

TEST_F(LineSplitterTest, CallsBackForEachLineWithoutItsEnd) {
  stream.on_read(split_lines(note_lines()));
  send_now("one\ntwo\r\n\n\r\nfive\n");
  EXPECT_THAT(calls, ElementsAre("one", "two", "", "", "five"));
}

TEST_F(LineSplitterTest, PutsALineTogetherThatComesInPieces) {
  stream.on_read(split_lines(note_lines()));
  for (const char* piece : {"o", "n", "e\ntw", "o\r", "\nthree"}) send_now(piece);
  EXPECT_THAT(calls, ElementsAre("one", "two"));
  send_now("\n");
  EXPECT_THAT(calls, ElementsAre("one", "two", "three"));
}

TEST_F(LineSplitterTest, ALoneCarriageReturnIsData) {
  stream.on_read(split_lines(note_lines()));
  send_now("a\rb\r\r\n");
  EXPECT_THAT(calls, ElementsAre("a\rb\r"));
}

TEST_F(LineSplitterTest, TheLastLineNeedsNoEnd) {
  stream.on_read(split_lines(note_lines()));
  send_now("one\nlast\r");
  end();
  turn_some();
  EXPECT_THAT(calls, ElementsAre("one", "last\r"));
}

TEST_F(LineSplitterTest, NoLineIsMadeUpAtTheEndOfFile) {
  stream.on_read(split_lines(note_lines()));
  send_now("one\n");
  end();
  turn_some();
  EXPECT_THAT(calls, ElementsAre("one"));
}

TEST_F(LineSplitterTest, NoLineFollowsOneThatEndsTheStream) {
  void (*const deeds[])(Stream&) = {[](Stream& self) { self.close_now(); },
                                    [](Stream& self) { self.remove(); }};
  for (const auto deed : deeds) {
    calls.clear();
    SocketPair other = unix_pair();
    add(std::move(other.first)).on_read(split_lines(note_lines_and(deed)));
    write_all(other.second.get(), "a\nnow\nb\n");
    turn_some();
    EXPECT_THAT(calls, ElementsAre("a", "now"));
  }
}

TEST_F(LineSplitterTest, NoLineFollowsWhileTheStreamIsClosing) {
  stream.on_read(split_lines(note_lines_and([](Stream& self) {
    self.write(std::string(std::size_t{8} << 20, 'x'));  // more than the kernel takes
    self.close();
    EXPECT_TRUE(self.is_closing());
  })));
  send_now("now\nb\n");
  EXPECT_THAT(calls, ElementsAre("now"));
}

TEST_F(LineSplitterTest, PausingHoldsTheLinesThatFollow) {
  stream.on_read(split_lines(note_lines_and([](Stream& self) { self.pause_reading(); })));
  send_now("now\nb\nc");
  EXPECT_THAT(calls, ElementsAre("now"));
  stream.resume_reading();
  turn_some();
  EXPECT_THAT(calls, ElementsAre("now", "b"));
}

TEST_F(LineSplitterTest, AtTheEndOfFileAllLinesComePausedOrNot) {
  stream.on_read(split_lines(note_lines()));
  send_now("now");
  stream.on_read(split_lines(note_lines_and([](Stream& self) { self.pause_reading(); })));
  send("\nb");
  turn_some();
  stream.resume_reading();
  end();
  turn_some();
  EXPECT_THAT(calls, ElementsAre("now", "b"));
}

TEST_F(LineSplitterTest, FalseLeavesTheRestForAnotherCallback) {
  stream.on_read(split_lines([this](Stream& self, std::string_view line) {
    calls.emplace_back(line);
    if (line != "body") return true;
    self.on_read(note_reads());
    return false;
  }));
  send_now("head\nbody\nraw\nbytes");
  EXPECT_THAT(calls, ElementsAre("head", "body", "read:raw\nbytes"));
}

TEST_F(LineSplitterTest, AReadFutureMadeByTheLastLineGetsWhatFollows) {
  Future<std::optional<Bytes>> body;
  stream.on_read(split_lines([&](Stream& self, std::string_view line) {
    calls.emplace_back(line);
    if (line != "body") return true;
    body = self.read_exactly(3);
    return false;
  }));
  send_now("body\nabcnext\n");
  ASSERT_TRUE(body.ready());
  EXPECT_EQ(body.get(), "abc");
  EXPECT_THAT(calls, ElementsAre("body", "next"));
}

TEST_F(LineSplitterTest, ALineThatIsTooLongIsAnErrorAndStaysUnread) {
  std::vector<Error> errors;
  stream.on_error([&](Notifier&, std::exception_ptr error) {
    try {
      std::rethrow_exception(std::move(error));
    } catch (const Error& caught) {
      errors.push_back(caught);
    }
  });
  stream.on_read(split_lines(note_lines(), 4));
  send_now("four\nfives\n");
  EXPECT_THAT(calls, ElementsAre("four"));
  ASSERT_EQ(errors.size(), 1U);
  EXPECT_EQ(errors[0].code().value(), EMSGSIZE);
  EXPECT_TRUE(stream.is_reading_paused());
  EXPECT_EQ(stream.unread_bytes(), 6U);
}

TEST_F(LineSplitterTest, ALineThatIsTooLongIsNotWaitedFor) {
  bool has_failed = false;
  stream.on_error([&](Notifier&, std::exception_ptr) { has_failed = true; });
  stream.on_read(split_lines(note_lines(), 4));
  send_now("four");
  EXPECT_FALSE(has_failed);
  send_now("s");
  EXPECT_TRUE(has_failed);
}

TEST_F(LineSplitterTest, APartOfALineIsForgottenWithItsConnection) {
  stream.set_leaves_when_closed(false);
  stream.on_read(split_lines(note_lines()));
  send_now("abc");
  stream.close_now();
  pair = unix_pair();
  stream.set_handle(std::move(pair.first));
  send_now("a\nb\n");
  EXPECT_THAT(calls, ElementsAre("a", "b"));
}

TEST_F(LineSplitterTest, NoLineOfAConnectionThatIsClosedFollowsThoughAnotherIsOpen) {
  stream.set_leaves_when_closed(false);
  SocketPair next = unix_pair();
  stream.on_read(split_lines(note_lines_and([&](Stream& self) {
    self.close_now();
    self.set_handle(std::move(next.first));
  })));
  send_now("now\nold\n");
  pair = std::move(next);
  send_now("new\n");
  EXPECT_THAT(calls, ElementsAre("now", "new"));
}

TEST_F(LineSplitterTest, WhatThrowsIsConsumed) {
  stream.on_read(split_lines(note_lines_and([](Stream&) { throw std::runtime_error("no"); })));
  send("a\nnow\nb\n");
  EXPECT_THROW(turn_some(), std::runtime_error);
  EXPECT_EQ(stream.unread_bytes(), 2U);
  send_now("c\n");
  EXPECT_THAT(calls, ElementsAre("a", "now", "b", "c"));
}

}  // namespace
}  // namespace ioa::test

// What a callback of a Stream may do to it: each event runs once with each deed.
#include <sys/socket.h>

#include <functional>
#include <stdexcept>
#include <tuple>

#include "ioa/io/stream.hpp"
#include "tests/support/lifetime_tracker.hpp"
#include "tests/unit/io/stream_fixture.hpp"

namespace ioa::test {
namespace {

struct EventCase {
  const char* name;
  /// Sets the event's callback to `deed`.
  void (*set)(Stream&, std::function<void(Stream&)> deed);
};

const EventCase kEvents[] = {
    {"OnRead",
     [](Stream& s, std::function<void(Stream&)> deed) {
       s.on_read([deed](Stream& self, ByteBuffer&, bool) { deed(self); });
     }},
    {"OnReadAtTheEnd",
     [](Stream& s, std::function<void(Stream&)> deed) {
       s.on_read([deed](Stream& self, ByteBuffer&, bool eof) {
         if (eof) deed(self);
       });
     }},
    {"OnReadEof",
     [](Stream& s, std::function<void(Stream&)> deed) {
       s.on_read([](Stream&, ByteBuffer&, bool) {});
       s.on_read_eof(deed);
     }},
    {"OnReadError",
     [](Stream& s, std::function<void(Stream&)> deed) {
       s.on_read([](Stream&, ByteBuffer&, bool) {});
       s.on_read_error([deed](Stream& self, const Error&) { deed(self); });
     }},
    {"OnWriteEof", [](Stream& s, std::function<void(Stream&)> deed) { s.on_write_eof(deed); }},
    {"OnWriteError",
     [](Stream& s, std::function<void(Stream&)> deed) {
       s.on_write_error([deed](Stream& self, const Error&) { deed(self); });
     }},
    {"OnOutgoingEmpty",
     [](Stream& s, std::function<void(Stream&)> deed) { s.on_outgoing_empty(deed); }},
    {"PushOnRead",
     [](Stream& s, std::function<void(Stream&)> deed) {
       s.push_on_read([deed](Stream& self, ByteBuffer&, bool) {
         deed(self);
         return Stream::Reading::done;
       });
     }},
    {"PushOnReadThatWantsMore",
     [](Stream& s, std::function<void(Stream&)> deed) {
       s.push_on_read([deed](Stream& self, ByteBuffer&, bool) {
         deed(self);
         return Stream::Reading::more;
       });
     }},
    {"PushOnReadAtTheEnd",
     [](Stream& s, std::function<void(Stream&)> deed) {
       s.push_on_read([deed](Stream& self, ByteBuffer&, bool eof) {
         if (eof) deed(self);
         return Stream::Reading::more;
       });
     }},
    {"WriteFrom",
     [](Stream& s, std::function<void(Stream&)> deed) {
       s.write_from([deed, left = 2](Stream& self) mutable -> std::optional<WritePiece> {
         if (left-- == 0) return std::nullopt;
         deed(self);
         return Bytes("generated");
       });
     }},
    {"OnWriteBlocked",
     [](Stream& s, std::function<void(Stream&)> deed) { s.on_write_blocked(deed); }},
    {"OnWriteUnblocked",
     [](Stream& s, std::function<void(Stream&)> deed) { s.on_write_unblocked(deed); }},
    {"OnWritable", [](Stream& s, std::function<void(Stream&)> deed) { s.on_writable(deed); }},
    {"OnClosed", [](Stream& s, std::function<void(Stream&)> deed) { s.on_closed(deed); }},
};

struct Deed {
  const char* name;
  void (*run)(Stream&);
};

const Deed kDeeds[] = {
    {"Removes", [](Stream& s) { s.remove(); }},
    {"RemovesTheParent",
     [](Stream& s) {
       if (Notifier* parent = s.parent()) parent->remove();
     }},
    {"Closes", [](Stream& s) { s.close(); }},
    {"ClosesNow", [](Stream& s) { s.close_now(); }},
    {"WritesAndCloses",
     [](Stream& s) {
       s.write(std::string(500'000, 'x'));
       s.close();
     }},
    {"ShutsDown", [](Stream& s) { s.shutdown_write(); }},
    {"Turns", [](Stream& s) { s.loop()->turn(Duration::zero()); }},
    {"RunsAnInnerLoop",
     [](Stream& s) {
       Loop& loop = *s.loop();
       loop.later([&loop] { loop.stop(); });
       loop.run();
     }},
    {"RemovesInAnInnerLoop",
     [](Stream& s) {
       Loop& loop = *s.loop();
       loop.later([&loop, &s] {
         s.remove();
         loop.stop();
       });
       loop.run();
     }},
    {"ClosesInAnInnerLoop",
     [](Stream& s) {
       Loop& loop = *s.loop();
       loop.later([&loop, &s] {
         s.close_now();
         loop.stop();
       });
       loop.run();
     }},
    {"StopsTheLoop", [](Stream& s) { s.loop()->stop(); }},
    {"ReplacesEveryCallback",
     [](Stream& s) {
       s.on_read(nullptr);
       s.on_read_eof(nullptr);
       s.on_read_error(nullptr);
       s.on_write_eof(nullptr);
       s.on_write_error(nullptr);
       s.on_outgoing_empty(nullptr);
       s.on_writable(nullptr);
       s.on_write_blocked(nullptr);
       s.on_write_unblocked(nullptr);
       s.on_closed(nullptr);
     }},
    {"DropsAFuture", [](Stream& s) { s.read_some().cancel(); }},
    {"Throws", [](Stream&) { throw std::runtime_error("thrown"); }},
};

using Combination = std::tuple<EventCase, Deed>;

class StreamCallbackTest : public StreamTest, public ::testing::WithParamInterface<Combination> {
 protected:
  StreamCallbackTest() { pair = tcp_pair(); }

  /// Turns a few times; what the deeds throw, and their stopping, is expected.
  void turn_through() {
    for (int i = 0; i < 6; ++i) {
      try {
        loop.turn(Duration::zero());
      } catch (const std::runtime_error&) {
      }
    }
  }
  /// Has all of the peer's side of each event happen: bytes, a queue that fills and empties, the
  /// end.
  void play() {
    turn_through();
    send("hello");
    turn_through();
    for (int i = 0; i < 20; ++i) {
      received();
      turn_through();
    }
    if (std::string(std::get<0>(GetParam()).name) == "OnReadError") {
      const linger at_once{1, 0};
      ::setsockopt(pair.second.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    }
    end();
    turn_through();
  }
};

TEST_P(StreamCallbackTest, MayDoAnythingToItsStream) {
  const auto& [event, deed] = GetParam();
  LifetimeTracker tracker;
  int count = 0;
  {
    auto& parent = loop.add(std::make_unique<Notifier>());
    Stream& stream = parent.add_child(std::make_unique<Stream>(std::move(pair.first)));
    const WeakRef<Stream> weak(stream);
    event.set(stream, [&, run = deed.run, tracked = tracker.make()](Stream& self) {
      if (++count > 1) return;
      EXPECT_EQ(self.loop(), &loop);
      run(self);
    });
    stream.set_write_marks(1000, 2000);
    stream.write(std::string(5'000'000, 'x'));
    play();
    if (Stream* left = weak.get(); left != nullptr && left->is_open()) {
      // The end shows to a writer only when it writes.
      left->write("x");
      turn_through();
      if (left = weak.get(); left != nullptr) left->write("x");
      turn_through();
    }
    if (Stream* left = weak.get()) {
      try {
        left->close_now();
      } catch (const std::runtime_error&) {
      }
    }
    EXPECT_GT(count, 0) << "the event did not come";
    turn_through();
    if (Stream* left = weak.get()) left->remove();
    turn_through();
    EXPECT_EQ(weak.get(), nullptr);
  }
  EXPECT_TRUE(tracker.is_clean());
}

std::string name_of(const ::testing::TestParamInfo<Combination>& test) {
  return std::string(std::get<0>(test.param).name) + std::get<1>(test.param).name;
}

INSTANTIATE_TEST_SUITE_P(EveryEvent, StreamCallbackTest,
                         ::testing::Combine(::testing::ValuesIn(kEvents),
                                            ::testing::ValuesIn(kDeeds)),
                         name_of);

TEST_F(StreamTest, ATurnInsideOnReadDoesNotReadItsStream) {
  Stream& stream = add(std::move(pair.first));
  stream.on_read([&](Stream&, ByteBuffer& in, bool) {
    const std::string before(in.view());
    calls.emplace_back("begin " + before);
    send_now(" more");
    EXPECT_EQ(loop.turn(Duration::zero()), 0U) << "a turn that never waits";
    EXPECT_EQ(in.view(), before);
    in.clear();
    calls.emplace_back("end");
    if (calls.size() > 2) loop.stop();
  });
  send("some");
  loop.run();
  EXPECT_THAT(calls, ElementsAre("begin some", "end", "begin  more", "end"));
}

TEST_F(StreamTest, ATurnInsideOnReadReadsOtherStreams) {
  Stream& stream = add(std::move(pair.first));
  SocketPair other = unix_pair();
  Stream& second = add(std::move(other.first));
  second.on_read(note_reads());
  stream.on_read([&](Stream&, ByteBuffer& in, bool) {
    write_all(other.second.get(), std::string(60'000, 'o'));
    turn_until(
        loop, [&] { return !calls.empty(); }, "the other stream");
    calls.emplace_back(in.view());
    in.clear();
  });
  send_now("mine");
  ASSERT_EQ(calls.size(), 2U);
  EXPECT_EQ(calls[1], "mine");
}

TEST_F(StreamTest, ATurnInsideOnReadSendsWhatItWrites) {
  Stream& stream = add(std::move(pair.first));
  Stream& reader = add(std::move(pair.second));
  std::size_t got = 0;
  reader.on_read([&](Stream&, ByteBuffer& in, bool) {
    got += in.size();
    in.clear();
  });
  stream.on_read([&](Stream& self, ByteBuffer& in, bool) {
    in.clear();
    loop.run(self.write_done(std::string(2'000'000, 'x')));
    calls.emplace_back("sent");
  });
  reader.write("go");
  turn_until(
      loop, [&] { return got == 2'000'000; }, "all bytes");
  EXPECT_THAT(calls, ElementsAre("sent"));
}

TEST_F(StreamTest, ADeferredEventMayRunTheLoopAndDeferMore) {
  Stream& stream = add(std::move(pair.first));
  stream.on_outgoing_empty([&](Stream& self) {
    calls.emplace_back("begin");
    if (calls.size() == 1) {
      self.write("more");
      turn_some();
    }
    calls.emplace_back("end");
  });
  stream.write("x");
  turn_some();
  EXPECT_THAT(calls, ElementsAre("begin", "begin", "end", "end"));
}

TEST_F(StreamTest, AnExceptionFromOneDeferredEventDoesNotLoseTheNext) {
  Stream& stream = add(std::move(pair.first));
  stream.on_outgoing_empty([](Stream&) { throw std::runtime_error("thrown"); });
  stream.on_read([&](Stream&, ByteBuffer& in, bool) { calls.emplace_back(in.view()); });
  send_now("left");
  stream.write("x");
  stream.resume_reading();
  EXPECT_THROW(loop.turn(Duration::zero()), std::runtime_error);
  turn_some();
  EXPECT_THAT(calls, ElementsAre("left", "left"));
}

TEST_F(StreamTest, TheLoopMayGoBeforeAnythingIsDone) {
  Stream& stream = add(std::move(pair.first));
  stream.on_outgoing_empty([](Stream&) { ADD_FAILURE(); });
  stream.on_read([](Stream&, ByteBuffer&, bool) { ADD_FAILURE(); });
  stream.write(std::string(1'000'000, 'x'));
  send("x");
}

}  // namespace
}  // namespace ioa::test

#include "tests/conformance/stream_conformance.hpp"

#include <algorithm>
#include <array>
#include <csignal>
#include <cstring>
#include <functional>
#include <optional>
#include <random>
#include <vector>

#include "ioa/base/error.hpp"
#include "ioa/future/promise.hpp"
#include "tests/support/lifetime_tracker.hpp"

namespace ioa::test {
namespace {

constexpr std::size_t kMuch = std::size_t{8} << 20;

void remove_all(Loop& loop, Stream*& stream) {
  if (stream != nullptr) stream->remove();
  stream = nullptr;
  loop.turn(Duration::zero());
}

/// Appends what comes to `all`.
void collect(Stream& stream, std::string& all) {
  stream.on_read([&all](Stream&, ByteBuffer& in, bool) {
    all += in.view();
    in.clear();
  });
}

Future<> send_in_pieces(Stream& stream, const std::string& bytes, std::size_t piece) {
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    co_await stream.write_done(std::string_view(bytes).substr(at, piece));
  }
  stream.shutdown_write();
}

Future<std::string> receive_in_pieces(Stream& stream, std::size_t piece) {
  std::string all;
  for (;;) {
    std::optional<Bytes> chunk = co_await stream.read_exactly(piece);
    if (!chunk) break;
    all += *chunk;
  }
  co_return all;
}

}  // namespace

std::string random_bytes(std::size_t size, unsigned seed) {
  std::mt19937_64 random(seed);
  std::string bytes(size, '\0');
  for (std::size_t at = 0; at < size; at += sizeof(std::uint64_t)) {
    const std::uint64_t word = random();
    std::memcpy(bytes.data() + at, &word, std::min(sizeof word, size - at));
  }
  return bytes;
}

StreamConformance::StreamConformance() : loop(LibeventBackend::create(std::get<1>(GetParam()))) {
  ::signal(SIGPIPE, SIG_IGN);
  connect();
}

void StreamConformance::connect() {
  remove_all(loop, first);
  remove_all(loop, second);
  StreamPair pair = std::get<0>(GetParam()).make();
  // The test holds references.
  pair.first->set_leaves_when_closed(false);
  pair.second->set_leaves_when_closed(false);
  first = &loop.add(std::move(pair.first));
  second = &loop.add(std::move(pair.second));
}

void StreamConformance::turn_some() {
  for (int i = 0; i < 10; ++i) loop.turn(Duration::zero());
}

// The first writes may be taken still, until the peer's refusal is back.
bool StreamConformance::write_until_it_fails() {
  for (int i = 0; i < 100; ++i) {
    Future<> done = first->write_done("x");
    turn_some();
    if (done.has_failed()) return true;
  }
  return false;
}

std::string StreamConformance::queue_much(Stream& stream) {
  std::string all;
  for (unsigned seed = 20; stream.pending_bytes() < 100'000; ++seed) {
    const std::string bytes = random_bytes(1'000'000, seed);
    stream.write(bytes);
    all += bytes;
  }
  return all;
}

TEST_P(StreamConformance, ManyBytesArriveIntactBothWaysAtOnce) {
  const std::string there = random_bytes(kMuch, 1);
  const std::string back = random_bytes(kMuch, 2);
  std::string got_there;
  std::string got_back;
  collect(*second, got_there);
  collect(*first, got_back);
  first->write(there);
  second->write(back);
  turn_until([&] { return got_there.size() >= kMuch && got_back.size() >= kMuch; }, "all bytes");
  EXPECT_TRUE(got_there == there);
  EXPECT_TRUE(got_back == back);
  EXPECT_EQ(first->pending_bytes(), 0U);
  EXPECT_EQ(second->unread_bytes(), 0U);
}

TEST_P(StreamConformance, CoroutinesSendAndReceiveManyBytesBothWaysAtOnce) {
  first->set_close_on_read_eof(false);
  second->set_close_on_read_eof(false);
  const std::string there = random_bytes(kMuch, 3);
  const std::string back = random_bytes(kMuch, 4);
  Future<> sending_there = send_in_pieces(*first, there, 70'001);
  Future<> sending_back = send_in_pieces(*second, back, 9'999);
  Future<std::string> receiving_there = receive_in_pieces(*second, 12'345);
  Future<std::string> receiving_back = receive_in_pieces(*first, 100'000);
  EXPECT_TRUE(run(std::move(receiving_there)) == there);
  EXPECT_TRUE(run(std::move(receiving_back)) == back);
  run(std::move(sending_there));
  run(std::move(sending_back));
}

TEST_P(StreamConformance, ManySmallWritesAreNotLost) {
  std::string expected;
  std::string got;
  for (int i = 0; i < 30'000; ++i) {
    const std::string piece = std::to_string(i) + ",";
    expected += piece;
    first->write(piece);
  }
  collect(*second, got);
  turn_until([&] { return got.size() >= expected.size(); }, "all bytes");
  EXPECT_TRUE(got == expected);
}

TEST_P(StreamConformance, MessagesGoBackAndForth) {
  constexpr int kRounds = 1000;
  int rounds = 0;
  second->on_read([](Stream& self, ByteBuffer& in, bool) {
    self.write(in.view());
    in.clear();
  });
  first->on_read([&](Stream& self, ByteBuffer& in, bool) {
    EXPECT_EQ(in.view(), "message");
    in.clear();
    if (++rounds < kRounds) self.write("message");
  });
  first->write("message");
  turn_until([&] { return rounds == kRounds; }, "all rounds");
}

TEST_P(StreamConformance, TheEndComesAfterTheRemainingData) {
  const std::string bytes = random_bytes(1'000'000, 5);
  std::string got;
  std::vector<std::string> events;
  second->on_read([&](Stream&, ByteBuffer& in, bool eof) {
    got += in.view();
    in.clear();
    if (eof) events.push_back("eof after " + std::to_string(got.size()));
  });
  second->on_read_eof([&](Stream&) { events.emplace_back("on_read_eof"); });
  second->on_closed([&](Stream&) { events.emplace_back("closed"); });
  first->write(bytes);
  first->close();
  run(second->closed());
  EXPECT_TRUE(got == bytes);
  EXPECT_EQ(events, (std::vector<std::string>{"eof after 1000000", "on_read_eof", "closed"}));
}

TEST_P(StreamConformance, ClosingSendsWhatIsQueued) {
  const std::string bytes = queue_much(*first);
  Future<> closed = first->closed();
  first->close();
  EXPECT_TRUE(run(second->read_until_eof()) == bytes);
  run(std::move(closed));
}

TEST_P(StreamConformance, ClosingNowLosesWhatIsQueuedButNotWhatWasSent) {
  const std::string bytes = queue_much(*first);
  const std::size_t sent = bytes.size() - first->pending_bytes();
  first->close_now();
  EXPECT_TRUE(run(second->read_until_eof()) == bytes.substr(0, sent));
}

TEST_P(StreamConformance, OneWayMayEndBeforeTheOther) {
  first->set_close_on_read_eof(false);
  second->set_close_on_read_eof(false);
  const std::string request = random_bytes(500'000, 7);
  const std::string reply = random_bytes(500'000, 8);
  first->write(request);
  first->shutdown_write();
  EXPECT_TRUE(run(second->read_until_eof()) == request);
  EXPECT_TRUE(second->is_read_eof());
  EXPECT_TRUE(second->is_open());
  second->write(reply);
  second->shutdown_write();
  EXPECT_TRUE(run(first->read_until_eof()) == reply);
}

TEST_P(StreamConformance, WritingToAPeerThatHasGoneFails) {
  second->close_now();
  EXPECT_TRUE(write_until_it_fails());
  EXPECT_FALSE(first->is_open());
}

TEST_P(StreamConformance, AHandledWriteErrorLeavesTheLastWordsToBeRead) {
  std::string got;
  collect(*first, got);
  first->set_close_on_read_eof(false);
  int errors = 0;
  first->on_write_error([&](Stream&, const Error& error) {
    ++errors;
    EXPECT_EQ(error.kind(), ErrorKind::disconnected);
  });
  second->write("last words");
  second->close();
  turn_until([&] { return got == "last words"; }, "the last words");
  EXPECT_TRUE(write_until_it_fails());
  first->write("x");
  turn_some();
  EXPECT_EQ(errors, 1);
  EXPECT_TRUE(first->is_open());
}

Future<> produce(Stream& stream, const std::string& bytes, std::size_t piece, std::size_t& most) {
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    co_await stream.writable();
    stream.write(std::string_view(bytes).substr(at, piece));
    most = std::max(most, stream.pending_bytes());
  }
}

TEST_P(StreamConformance, APeerThatDoesNotReadBoundsTheProducer) {
  const std::string bytes = random_bytes(kMuch, 9);
  std::size_t most = 0;
  first->set_write_marks(20'000, 100'000);
  Future<> produced = produce(*first, bytes, 10'000, most);
  turn_some();
  EXPECT_FALSE(produced.ready());
  EXPECT_LT(most, 110'000U);
  std::string got;
  collect(*second, got);
  turn_until([&] { return got.size() >= bytes.size(); }, "all bytes");
  run(std::move(produced));
  EXPECT_LT(most, 110'000U);
  EXPECT_TRUE(got == bytes);
}

TEST_P(StreamConformance, AReaderThatConsumesSlowlyBoundsItsOwnMemory) {
  const std::string bytes = random_bytes(kMuch, 10);
  std::size_t most = 0;
  std::string got;
  second->set_read_marks(10'000, 50'000);
  second->on_read([&](Stream& self, ByteBuffer& in, bool) {
    most = std::max(most, in.size());
    EXPECT_EQ(self.unread_bytes(), 0U) << "they are the callback's";
  });
  first->write(bytes);
  turn_some();
  EXPECT_GE(second->unread_bytes(), 50'000U);
  const auto take = [&](std::size_t size) {
    const std::optional<Bytes> chunk = run(second->read_some(size));
    got += chunk.value_or("");
  };
  while (got.size() < 1'000'000) take(7'777);
  EXPECT_LT(most, 50'000U + 65'536U);
  second->on_read(nullptr);
  while (got.size() < bytes.size()) take(Stream::kNoLimit);
  EXPECT_TRUE(got == bytes);
}

TEST_P(StreamConformance, DroppingAReadLosesNothingAtAnyStep) {
  using Start = std::function<Future<>(Stream&, std::string & taken)>;
  // Each read appends what it takes; as a coroutine, its Future drops the read.
  struct Reads {
    static Future<> some(Stream& s, std::string& taken) {
      std::optional<Bytes> b = co_await s.read_some(3);
      taken += b.value_or("");
    }
    static Future<> exactly(Stream& s, std::string& taken) {
      std::optional<Bytes> b = co_await s.read_exactly(7);
      taken += b.value_or("");
    }
    static Future<> until(Stream& s, std::string& taken) {
      std::optional<Bytes> b = co_await s.read_until("cd");
      taken += b.value_or("");
    }
    static Future<> line(Stream& s, std::string& taken) {
      std::optional<std::string> b = co_await s.read_line();
      taken += b.value_or("") + "\n";
    }
    static Future<> all(Stream& s, std::string& taken) {
      Bytes b = co_await s.read_until_eof();
      taken += b;
    }
  };
  const std::string bytes = "abcdef\nghij\n";
  for (const Start& start : {Start(&Reads::some), Start(&Reads::exactly), Start(&Reads::until),
                             Start(&Reads::line), Start(&Reads::all)}) {
    for (std::size_t steps = 0; steps <= bytes.size(); ++steps) {
      connect();
      std::string taken;
      std::optional<Future<>> read = start(*second, taken);
      std::optional<Future<>> behind = start(*second, taken);
      for (std::size_t at = 0; at < steps; ++at) {
        first->write(bytes.substr(at, 1));
        turn_some();
      }
      // Which of the two is dropped first makes a difference.
      (steps % 2 == 0 ? read : behind).reset();
      (steps % 2 == 0 ? behind : read).reset();
      first->write(bytes.substr(steps));
      first->shutdown_write();
      taken += run(second->read_until_eof());
      ASSERT_EQ(taken, bytes) << "dropped after " << steps << " bytes";
    }
  }
}

TEST_P(StreamConformance, MayBeDestroyedInsideAnyCallback) {
  using Set = void (*)(Stream&, std::function<void()>);
  const Set events[] = {
      [](Stream& s, std::function<void()> act) {
        s.on_read([act](Stream&, ByteBuffer&, bool) { act(); });
      },
      [](Stream& s, std::function<void()> act) {
        s.on_read([act](Stream&, ByteBuffer&, bool eof) {
          if (eof) act();
        });
      },
      [](Stream& s, std::function<void()> act) {
        s.on_read([](Stream&, ByteBuffer&, bool) {});
        s.on_read_eof([act](Stream&) { act(); });
      },
      [](Stream& s, std::function<void()> act) {
        s.on_read([](Stream&, ByteBuffer&, bool) {});
        s.on_closed([act](Stream&) { act(); });
      },
      [](Stream& s, std::function<void()> act) {
        s.on_outgoing_empty([act](Stream&) { act(); });
        s.write("x");
      },
      [](Stream& s, std::function<void()> act) {
        s.on_writable([act](Stream&) { act(); });
        s.set_write_marks(1, 1);
        queue_much(s);
      },
  };
  LifetimeTracker tracker;
  for (const Set& set : events) {
    connect();
    bool acted = false;
    std::string got;
    collect(*first, got);
    set(*second, [this, &acted, tracked = tracker.make()] {
      second->remove();
      first->remove();
      acted = true;
    });
    first->write("hello");
    turn_some();
    if (!acted) first->shutdown_write();
    turn_until([&] { return acted; }, "the event");
    first = second = nullptr;
    loop.turn(Duration::zero());
  }
  EXPECT_TRUE(tracker.is_clean());
}

TEST_P(StreamConformance, ManyPairsWorkSideBySide) {
  constexpr int kPairs = 50;
  const std::string bytes = random_bytes(100'000, 11);
  std::array<std::string, kPairs> got;
  for (std::string& all : got) {
    StreamPair pair = std::get<0>(GetParam()).make();
    Stream& sender = loop.add(std::move(pair.first));
    collect(loop.add(std::move(pair.second)), all);
    sender.write(bytes);
    sender.close();
  }
  const auto is_complete = [&](const std::string& all) { return all.size() == bytes.size(); };
  turn_until([&] { return std::all_of(got.begin(), got.end(), is_complete); }, "all bytes");
  for (const std::string& all : got) EXPECT_TRUE(all == bytes);
}

TEST_P(StreamConformance, FuturesAndGeneratorsKeepTheirPlaceAmongBytes) {
  const std::string bytes = random_bytes(kMuch, 7);
  std::string got;
  collect(*second, got);
  Promise<Bytes> promise;
  const std::size_t third = bytes.size() / 3;
  first->write(std::string_view(bytes).substr(0, third));
  first->write(promise.future());
  std::size_t at = 2 * third;
  first->write_from([&](Stream&) -> std::optional<WritePiece> {
    if (at == bytes.size()) return std::nullopt;
    const std::size_t size = std::min<std::size_t>(100'000, bytes.size() - at);
    at += size;
    return bytes.substr(at - size, size);
  });
  first->shutdown_write();
  turn_until([&] { return got.size() == third; }, "the bytes before the Future");
  turn_some();
  EXPECT_EQ(loop.turn(Duration::zero()), 0U);
  promise.done(bytes.substr(third, third));
  turn_until([&] { return second->is_read_eof(); }, "the end");
  turn_some();
  EXPECT_TRUE(got == bytes);
}

TEST_P(StreamConformance, TemporaryReadersAndFuturesShareTheBytesInTheirOrder) {
  std::string got;
  const auto take = [&](std::size_t size) {
    return [&got, size](Stream&, ByteBuffer& in, bool eof) {
      if (in.size() < size && !eof) return Stream::Reading::more;
      got += "<" + std::string(in.view().substr(0, size)) + ">";
      in.consume(std::min(size, in.size()));
      return Stream::Reading::done;
    };
  };
  second->push_on_read(take(3));
  Future<std::optional<std::string>> line = second->read_line();
  second->push_on_read(take(2));
  second->push_on_read(take(100));
  for (const char byte : std::string("abcline\nxyz")) {
    first->write(std::string(1, byte));
    turn_some();
  }
  EXPECT_EQ(run(std::move(line)), "line");
  EXPECT_EQ(got, "<abc><xy>");
  first->close();
  turn_until([&] { return second->is_read_eof(); }, "the end");
  EXPECT_EQ(got, "<abc><xy><z>");
}

TEST_P(StreamConformance, AnIdlePairCostsNoTurns) {
  std::string got;
  collect(*second, got);
  first->write("x");
  first->write(std::string(1'000'000, 'y'));
  turn_until([&] { return got.size() == 1'000'001; }, "all bytes");
  turn_some();
  EXPECT_EQ(loop.turn(Duration::zero()), 0U);
}

}  // namespace ioa::test

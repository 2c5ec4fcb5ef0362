// A conversation of two Streams that is disturbed once, at every one of its steps: whatever is done
// to it wherever, nothing leaks, nothing is told twice, and nothing is told to who has gone.
#include <gtest/gtest.h>

#include <array>
#include <functional>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>

#include "ioa/io/stream.hpp"
#include "tests/support/fd_count.hpp"
#include "tests/support/lifetime_tracker.hpp"
#include "tests/support/loop_fixture.hpp"
#include "tests/support/socket_pair.hpp"

namespace ioa {
namespace {

using Tracked = test::LifetimeTracker::Object;

const std::string kBlock(200'000, 'b');

enum class Tasks { held, adopted };

/// The client is a coroutine; the server consists of callbacks, and sends back what it gets.
class Conversation {
 public:
  using Act = std::function<void(Conversation&)>;

  /// `act` is done at step `at`.
  Conversation(const test::LifetimeTracker& tracker, Tasks tasks, int at, Act act)
      : at_(at), act_(std::move(act)), holder(loop.add(std::make_unique<Notifier>())) {
    test::SocketPair pair = test::unix_pair();
    client = &holder.add_child(std::make_unique<Stream>(std::move(pair.first)));
    server = &holder.add_child(std::make_unique<Stream>(std::move(pair.second)));
    holder.on_error([](Notifier&, std::exception_ptr) {});
    server_or_null = WeakRef<Stream>(*server);
    prepare_server(tracker);
    client->set_leaves_when_closed(false);
    client->on_closed([this, kept = tracker.make()](Stream&) { told(client, closed[0]); });
    Future<> talk = this->talk(tracker.make());
    if (tasks == Tasks::adopted && holder.loop() != nullptr)
      holder.adopt(std::move(talk));
    else
      task = std::move(talk);
  }

  /// To the end, or to where it gets after the disturbance.
  void run() {
    std::size_t count = 1;
    while (count > 0 && ++turns_ < 1000) {
      try {
        step();
        count = loop.turn(Duration::zero());
      } catch (const std::runtime_error&) {
        count = 1;  // what a disturbance throws leaves the turn, and the loop goes on
      }
    }
    EXPECT_LT(turns_, 1000) << "it has no end";
  }

  bool was_disturbed() const { return steps_ > at_; }

  Stream* client = nullptr;
  Stream* server = nullptr;
  WeakRef<Stream> server_or_null;
  Future<> task;
  bool is_whole = false;  // the client has got its answers
  bool is_gone[2] = {};   // these were removed
  int ends = 0;
  int closed[2] = {};
  Loop loop{LibeventBackend::create()};

 private:
  void step() {
    if (steps_++ == at_) act_(*this);
  }

  void told(const Stream* by, int& count) {
    EXPECT_FALSE(is_gone[by == server]) << "an event for one who has left";
    EXPECT_EQ(++count, 1) << "told twice";
    step();
  }

  void prepare_server(const test::LifetimeTracker& tracker) {
    server->set_write_marks(1000, 50'000);
    server->on_read([this, kept = tracker.make()](Stream& self, ByteBuffer& in, bool) {
      EXPECT_FALSE(is_gone[1]);
      self.write(in.view());
      in.clear();
      step();
    });
    server->on_read_eof([this, kept = tracker.make()](Stream&) { told(server, ends); });
    server->on_outgoing_empty([this, kept = tracker.make()](Stream&) { step(); });
    server->on_closed([this, kept = tracker.make()](Stream&) { told(server, closed[1]); });
  }

  Future<> talk(Tracked kept) {
    const Tracked local = kept;
    co_await client->write_done("hello\n");
    step();
    std::optional<std::string> line = co_await client->read_line();
    step();
    for (int i = 0; i < 3; ++i) {
      client->write(kBlock);
      co_await client->writable();
      step();
    }
    std::optional<Bytes> first = co_await client->read_exactly(kBlock.size());
    step();
    client->shutdown_write();
    Bytes rest = co_await client->read_until_eof();
    is_whole = line == "hello" && first && first->size() == kBlock.size() &&
               rest.size() == 2 * kBlock.size();
    step();
    if (!is_gone[0]) client->close();
  }

  int steps_ = 0;
  int turns_ = 0;
  int at_;
  Act act_;

 public:
  Notifier& holder;
};

/// Does `act` to the server, if it is still there: it leaves by itself when it has closed.
template <class F>
void with_server(Conversation& talk, F act) {
  if (Stream* server = talk.server_or_null.get()) act(*server);
}

struct Disturbance {
  const char* name;
  Conversation::Act act;
};

const Disturbance kDisturbances[] = {
    {"RemoveClient",
     [](Conversation& talk) {
       talk.is_gone[0] = true;
       talk.client->remove();
     }},
    {"RemoveServer",
     [](Conversation& talk) {
       talk.is_gone[1] = true;
       with_server(talk, [](Stream& server) { server.remove(); });
     }},
    {"RemoveBoth",
     [](Conversation& talk) {
       talk.is_gone[0] = talk.is_gone[1] = true;
       talk.holder.remove();
     }},
    {"CloseClient", [](Conversation& talk) { talk.client->close(); }},
    {"CloseServer",
     [](Conversation& talk) { with_server(talk, [](Stream& server) { server.close(); }); }},
    {"CloseClientNow", [](Conversation& talk) { talk.client->close_now(); }},
    {"CloseServerNow",
     [](Conversation& talk) { with_server(talk, [](Stream& server) { server.close_now(); }); }},
    {"TakeDescriptor",
     [](Conversation& talk) {
       with_server(talk, [](Stream& server) { server.set_handle(UniqueFd()); });
     }},
    {"Cancel", [](Conversation& talk) { talk.task.cancel(); }},
    {"Throw", [](Conversation&) { throw std::runtime_error("thrown by the test"); }},
    {"Nest", [](Conversation& talk) { test::turn_while_busy(talk.loop); }},
};

class StreamBruteForceTest : public test::GuardedTest,
                             public ::testing::WithParamInterface<std::tuple<Tasks, std::size_t>> {
 protected:
  /// Returns whether step `at` was reached.
  bool disturb(int at, const Conversation::Act& act) {
    const auto before = test::open_fds();
    bool was_disturbed = false;
    {
      Conversation talk(tracker, std::get<Tasks>(GetParam()), at, act);
      talk.run();
      was_disturbed = talk.was_disturbed();
      EXPECT_TRUE(was_disturbed || talk.is_whole) << "the undisturbed conversation has failed";
    }
    EXPECT_TRUE(tracker.is_clean()) << tracker.alive() << " left";
    EXPECT_EQ(test::new_fds(before), "");
    return was_disturbed;
  }

  test::LifetimeTracker tracker;
};

TEST_P(StreamBruteForceTest, SurvivesItAtEveryStep) {
  const Disturbance& disturbance = kDisturbances[std::get<std::size_t>(GetParam())];
  int at = 0;
  for (;; ++at) {
    SCOPED_TRACE("at step " + std::to_string(at));
    if (!disturb(at, disturbance.act) || HasFailure()) break;
  }
  EXPECT_GT(at, 20) << "too few steps to show anything";
}

// Stopping a run() and running on must change nothing at all.
TEST(StreamStopTest, GoesOnWhereItWasStopped) {
  const test::LifetimeTracker tracker;
  for (int at = 0; at < 40; ++at) {
    Conversation talk(tracker, Tasks::held, at, [](Conversation& self) { self.loop.stop(); });
    for (int runs = 0; runs < 100 && !talk.task.ready(); ++runs) {
      talk.loop.later([&talk] { talk.loop.stop(); });
      talk.loop.run();
    }
    EXPECT_TRUE(talk.is_whole) << "stopped at step " << at;
  }
}

INSTANTIATE_TEST_SUITE_P(AllOf, StreamBruteForceTest,
                         ::testing::Combine(::testing::Values(Tasks::held, Tasks::adopted),
                                            ::testing::Range(std::size_t{0},
                                                             std::size(kDisturbances))),
                         [](const auto& of) {
                           return std::string(kDisturbances[std::get<std::size_t>(of.param)].name) +
                                  (std::get<Tasks>(of.param) == Tasks::held ? "Held" : "Adopted");
                         });

}  // namespace
}  // namespace ioa

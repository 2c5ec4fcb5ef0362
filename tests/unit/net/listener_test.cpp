#include "ioa/net/listener.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "ioa/loop/timeout.hpp"
#include "ioa/net/connector.hpp"
#include "ioa/net/resolver.hpp"
#include "ioa/net/socket_calls.hpp"
#include "tests/support/loop_fixture.hpp"
#include "tests/support/temp_dir.hpp"

namespace ioa {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::SizeIs;

UniqueFd some_fd() { return UniqueFd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)); }

/// accept4(2) as the test scripts it: an errno value a call, 0 for a connection; then EAGAIN.
class ScriptedAccepts final : public SocketCalls {
 public:
  UniqueFd accept(int, SocketAddress& peer) override {
    ++calls;
    errno = EAGAIN;
    if (script.empty()) return {};
    errno = script.front();
    script.pop_front();
    if (errno != 0) return {};
    peer = SocketAddress::from_numeric("192.0.2.7", 4000).value();
    return some_fd();
  }
  SocketAddress local_of(int) override {
    return SocketAddress::from_numeric("192.0.2.1", 80).value();
  }

  std::deque<int> script;
  int calls = 0;
};

class ListenerTest : public test::FakeLoopTest {
 protected:
  ListenerTest() {
    auto owned = std::make_unique<Listener>(&calls);
    ListenSocket socket;
    socket.fd = some_fd();
    socket.address = SocketAddress::any(AF_INET, 80);
    fd = socket.fd.get();
    owned->add_socket(std::move(socket));
    listener = &loop.add(std::move(owned));
    fake.set_ready(fd, IoEvent::read);
  }

  /// Accepts from now on, and keeps what comes.
  void keep() {
    listener->on_accept([this](Listener&, AcceptedConnection connection) {
      kept.push_back(std::move(connection));
    });
  }
  void note_errors() {
    listener->on_accept_error(
        [this](Listener&, const Error& error) { errors.push_back(error_name(error.code())); });
  }
  void turns(int count) {
    for (int i = 0; i < count; ++i) loop.turn(Duration::zero());
  }
  bool is_watching() const { return !fake.watched(fd).empty(); }

  ScriptedAccepts calls;
  Listener* listener = nullptr;
  int fd = -1;
  std::vector<AcceptedConnection> kept;
  std::vector<std::string> errors;
};

TEST_F(ListenerTest, AcceptsAllThatWaitsInOneTurn) {
  keep();
  calls.script = {0, 0, 0};
  turns(1);
  ASSERT_THAT(kept, SizeIs(3));
  EXPECT_EQ(kept[0].peer.to_string(), "192.0.2.7:4000");
  EXPECT_EQ(kept[0].local.to_string(), "192.0.2.1:80");
  EXPECT_EQ(listener->open_connections(), 3U);
}

TEST_F(ListenerTest, AcceptsABoundedNumberInATurn) {
  keep();
  calls.script.assign(3 * Listener::kAcceptsPerTurn, 0);
  turns(1);
  EXPECT_EQ(kept.size(), Listener::kAcceptsPerTurn);
  turns(2);
  EXPECT_EQ(kept.size(), 3 * Listener::kAcceptsPerTurn);
}

TEST_F(ListenerTest, AcceptsNothingThatNobodyAskedFor) {
  calls.script = {0};
  turns(3);
  EXPECT_EQ(calls.calls, 0);
  EXPECT_FALSE(is_watching());
}

TEST_F(ListenerTest, PassesOverConnectionsThatAreGone) {
  keep();
  note_errors();
  calls.script = {ECONNABORTED, EPROTO, 0, ENETDOWN, 0};
  turns(1);
  EXPECT_THAT(kept, SizeIs(2));
  EXPECT_THAT(errors, SizeIs(0));
}

TEST_F(ListenerTest, RestsWhenDescriptorsAreShortAndTellsOnce) {
  keep();
  note_errors();
  for (const int error : {EMFILE, ENFILE, ENOBUFS, ENOMEM}) calls.script.push_back(error);
  turns(10);
  EXPECT_EQ(calls.calls, 1) << "it must not spin";
  EXPECT_FALSE(is_watching());
  const TimePoint before = loop.now();
  while (!calls.script.empty()) loop.turn();  // the clock jumps to the ends of the rests
  EXPECT_EQ(loop.now() - before, 50ms + 100ms + 200ms);
  EXPECT_THAT(errors, ElementsAre("EMFILE"));
  calls.script = {0, EMFILE};
  while (errors.size() < 2) loop.turn();
  EXPECT_THAT(kept, SizeIs(1)) << "it goes on by itself";
}

TEST_F(ListenerTest, GoesOnAtOnceWhenAConnectionEnds) {
  keep();
  calls.script = {0, EMFILE};
  turns(1);
  ASSERT_THAT(kept, SizeIs(1));
  EXPECT_FALSE(is_watching());
  kept.clear();
  EXPECT_TRUE(is_watching());
  EXPECT_TRUE(loop.timers().empty());
}

TEST_F(ListenerTest, AnyOtherErrorEndsAcceptingInsteadOfSpinning) {
  keep();
  note_errors();
  calls.script = {EINVAL, EINVAL};
  turns(5);
  EXPECT_EQ(calls.calls, 1);
  EXPECT_THAT(errors, ElementsAre("EINVAL"));
}

TEST_F(ListenerTest, AnErrorThatNobodyHandlesLeavesTheLoop) {
  keep();
  calls.script = {EBADF};
  auto waiting = listener->accept();
  EXPECT_THROW(turns(1), Error);
  EXPECT_TRUE(waiting.has_failed());
}

TEST_F(ListenerTest, HoldsItsLimitAndGoesOnWhenASlotIsGivenBack) {
  keep();
  listener->set_max_connections(2);
  calls.script = {0, 0, 0, 0};
  turns(3);
  ASSERT_THAT(kept, SizeIs(2));
  EXPECT_FALSE(is_watching());
  kept.pop_back();
  turns(3);
  EXPECT_THAT(kept, SizeIs(2));
  EXPECT_THAT(calls.script, SizeIs(1));
  kept[0].slot.give_back();
  kept[0].slot.give_back();  // once is enough
  turns(1);
  EXPECT_THAT(kept, SizeIs(3));
}

TEST_F(ListenerTest, CountsAConnectionThatNobodyKeepsNoLonger) {
  listener->set_max_connections(1);
  int count = 0;
  listener->on_accept([&](Listener&, const AcceptedConnection&) { ++count; });
  calls.script = {0, 0, 0};
  turns(1);
  EXPECT_EQ(count, 3);
  EXPECT_EQ(listener->open_connections(), 0U);
}

TEST_F(ListenerTest, PausesAndResumes) {
  keep();
  calls.script = {0};
  listener->pause();
  EXPECT_TRUE(listener->is_paused());
  turns(2);
  EXPECT_THAT(kept, SizeIs(0));
  listener->resume();
  turns(1);
  EXPECT_THAT(kept, SizeIs(1));
}

TEST_F(ListenerTest, MayPauseInsideItsCallback) {
  listener->on_accept([this](Listener& self, AcceptedConnection connection) {
    kept.push_back(std::move(connection));
    self.pause();
  });
  calls.script = {0, 0};
  turns(3);
  EXPECT_THAT(kept, SizeIs(1));
}

TEST_F(ListenerTest, GivesConnectionsToThoseWhoWaitInTheirOrder) {
  calls.script = {0};
  auto first = listener->accept();
  auto second = listener->accept();
  EXPECT_FALSE(first.ready());
  EXPECT_TRUE(settles(first));
  EXPECT_FALSE(second.ready());
  EXPECT_TRUE(is_watching());
  second.cancel();
  EXPECT_FALSE(is_watching());
  calls.script = {0};
  turns(2);
  EXPECT_THAT(calls.script, SizeIs(1)) << "nobody waits for it";
}

TEST_F(ListenerTest, TakesNoMoreThanIsWaitedFor) {
  calls.script = {0, 0, 0};
  auto first = listener->accept();
  turns(3);
  EXPECT_THAT(calls.script, SizeIs(2));
}

TEST_F(ListenerTest, AcceptsWithinATimeLimit) {
  fake.set_ready(fd, {});
  auto future = with_timeout(loop, listener->accept(), 5s, "accept");
  EXPECT_THROW(run(std::move(future)), Error);
  EXPECT_FALSE(is_watching());
}

TEST_F(ListenerTest, StopsAndTellsWhenTheLastConnectionHasEnded) {
  keep();
  calls.script = {0, 0};
  turns(1);
  auto waiting = listener->accept();
  Future<> drained = listener->stop();
  EXPECT_FALSE(listener->is_listening());
  EXPECT_TRUE(listener->address().empty());
  EXPECT_TRUE(fake.watched(fd).empty());
  EXPECT_FALSE(settles(drained));
  EXPECT_TRUE(waiting.has_failed());
  kept.pop_back();
  EXPECT_FALSE(settles(drained));
  kept.pop_back();
  EXPECT_TRUE(settles(drained));
  EXPECT_TRUE(listener->stop().ready());
  EXPECT_TRUE(listener->accept().has_failed());
}

TEST_F(ListenerTest, MayStopRemoveOrTurnTheLoopInsideItsCallback) {
  const std::vector<std::function<void(Listener&)>> acts{
      [](Listener& self) { static_cast<void>(self.stop()); },
      [](Listener& self) {
        static_cast<void>(self.stop());
        self.pause();  // the descriptor of the next one may have the same number
        ListenSocket next;
        next.fd = some_fd();
        next.address = SocketAddress::any(AF_INET, 81);
        self.add_socket(std::move(next));
      },
      [](Listener& self) { self.remove(); }, [](Listener& self) { self.on_accept(nullptr); },
      [](Listener& self) {
        Loop& inner = *self.loop();
        self.remove();
        inner.turn(Duration::zero());
      }};
  for (const auto& act : acts) {
    auto owned = std::make_unique<Listener>(&calls);
    ListenSocket socket;
    socket.fd = some_fd();
    socket.address = SocketAddress::any(AF_INET, 80);
    fake.set_ready(socket.fd.get(), IoEvent::read);
    owned->add_socket(std::move(socket));
    Listener& victim = loop.add(std::move(owned));
    const WeakRef<Listener> left(victim);
    int count = 0;
    victim.on_accept([&](Listener& self, const AcceptedConnection&) {
      ++count;
      act(self);
    });
    calls.script = {0, 0, 0};
    turns(3);
    EXPECT_EQ(count, 1) << "act " << &act - acts.data();
    if (Listener* alive = left.get()) alive->remove();
    turns(1);
  }
}

TEST_F(ListenerTest, MayBeRemovedInsideItsErrorCallback) {
  keep();
  for (const int error : {EMFILE, EINVAL}) {
    auto owned = std::make_unique<Listener>(&calls);
    ListenSocket socket;
    socket.fd = some_fd();
    socket.address = SocketAddress::any(AF_INET, 80);
    fake.set_ready(socket.fd.get(), IoEvent::read);
    owned->add_socket(std::move(socket));
    Listener& victim = loop.add(std::move(owned));
    victim.on_accept([](Listener&, const AcceptedConnection&) {});
    victim.on_accept_error([](Listener& self, const Error&) { self.remove(); });
    calls.script = {EAGAIN, error};
    turns(4);
  }
}

TEST_F(ListenerTest, AcceptsAndServesInTurnsInsideItsCallback) {
  int depth = 0;
  int deepest = 0;
  listener->on_accept([&](Listener&, AcceptedConnection connection) {
    kept.push_back(std::move(connection));
    deepest = std::max(deepest, ++depth);
    loop.turn(Duration::zero());
    --depth;
  });
  calls.script = {0, 0, 0};
  turns(3);
  EXPECT_THAT(kept, SizeIs(3));
}

TEST_F(ListenerTest, LeavingTheLoopFailsThoseWhoWait) {
  auto waiting = listener->accept();
  listener->remove();
  ASSERT_TRUE(waiting.has_failed());
  EXPECT_THROW(waiting.get(), Error);
}

TEST_F(ListenerTest, SlotsMayOutliveIt) {
  keep();
  calls.script = {0};
  turns(1);
  listener->remove();
  turns(1);
  kept.clear();
}

/// On real sockets.
class ListenerRealTest : public test::RealLoopTest {
 protected:
  Listener& listen_at(std::vector<SocketAddress> addresses) {
    ListenRequest request;
    request.addresses = std::move(addresses);
    ListenSockets opened = run(open_listen_sockets(resolver_, std::move(request)));
    return loop.add(std::make_unique<Listener>(std::move(opened.sockets)));
  }
  Connection connect_to(const SocketAddress& address) {
    ConnectRequest request;
    request.addresses = {address.to_reach()};
    return run(connector_.connect(std::move(request)));
  }

  Resolver resolver_{loop};
  Connector connector_{loop, resolver_};
};

TEST_F(ListenerRealTest, ToldByItsAddressItIsReached) {
  Listener& listener = listen_at({SocketAddress::any(AF_INET, 0)});
  auto accepted = listener.accept();
  const Connection connection = connect_to(listener.address());
  const AcceptedConnection peer = run(std::move(accepted));
  EXPECT_EQ(peer.peer, connection.local);
  EXPECT_EQ(peer.local, connection.peer);
  EXPECT_NE(::fcntl(peer.fd.get(), F_GETFL) & O_NONBLOCK, 0);
  EXPECT_NE(::fcntl(peer.fd.get(), F_GETFD) & FD_CLOEXEC, 0);
  EXPECT_EQ(listener.family(), AF_INET);
  EXPECT_EQ(listener.socktype(), SOCK_STREAM);
}

TEST_F(ListenerRealTest, AcceptsAtSeveralSockets) {
  const test::TempDir dir;
  Listener& listener = listen_at({SocketAddress::from_numeric("127.0.0.1", 0).value(),
                                  SocketAddress::unix_path(dir / "socket")});
  std::vector<std::string> locals;
  listener.on_accept([&](Listener&, const AcceptedConnection& connection) {
    locals.push_back(connection.local.to_string());
  });
  const auto addresses = listener.addresses();
  ASSERT_THAT(addresses, SizeIs(2));
  const Connection first = connect_to(addresses[0]);
  const Connection second = connect_to(addresses[1]);
  test::turn_until(
      loop, [&] { return locals.size() == 2; }, "two connections");
  EXPECT_THAT(locals, ::testing::UnorderedElementsAre(addresses[0].to_string(),
                                                      "unix:" + (dir / "socket")));
  static_cast<void>(listener.stop());
  EXPECT_EQ(::access((dir / "socket").c_str(), F_OK), -1);
}

TEST_F(ListenerRealTest, AdoptsASocketOfSomebodyElse) {
  const SocketAddress wanted = SocketAddress::from_numeric("127.0.0.1", 0).value();
  UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ASSERT_EQ(::bind(fd.get(), wanted.data(), wanted.size()), 0);
  ASSERT_EQ(::listen(fd.get(), 1), 0);
  auto owned = std::make_unique<Listener>();
  owned->add_socket(ListenSocket::adopt(std::move(fd)));
  Listener& listener = loop.add(std::move(owned));
  auto accepted = listener.accept();
  const Connection connection = connect_to(listener.address());
  EXPECT_EQ(run(std::move(accepted)).peer, connection.local);
}

}  // namespace
}  // namespace ioa

// What an idle connection costs: the figures that the design promises.
#include <gtest/gtest.h>
#include <malloc.h>
#include <sys/resource.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "ioa/io/stream.hpp"
#include "tests/support/loop_fixture.hpp"
#include "tests/support/socket_pair.hpp"

namespace ioa::test {
namespace {

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
constexpr bool kCounts = true;
#else
constexpr bool kCounts = false;
#endif

std::size_t heap_bytes() {
  const auto info = ::mallinfo2();
  return info.uordblks + info.hblkhd;
}

class StreamMemoryTest : public RealLoopTest {
 protected:
  static constexpr std::size_t kPairs = 1000;

  void SetUp() override {
    if (!kCounts) GTEST_SKIP() << "sanitizers have an allocator of their own";
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_max < 2 * kPairs + 100) GTEST_SKIP() << "too few descriptors are allowed";
    limit.rlim_cur = std::max<rlim_t>(limit.rlim_cur, 2 * kPairs + 100);
    ::setrlimit(RLIMIT_NOFILE, &limit);
    for (std::size_t i = 0; i < kPairs; ++i) pairs.push_back(unix_pair());
    // What the loop and the thread need once is there before anything is counted.
    pairs.push_back(unix_pair());
    Stream& first = loop.add(std::make_unique<Stream>(std::move(pairs.back().first)));
    write_all(pairs.back().second.get(), "x");
    run(first.read_some());
  }

  std::vector<SocketPair> pairs;
};

TEST_F(StreamMemoryTest, AnIdleStreamIsSmallBeforeAndAfterUse) {
  std::size_t read = 0;
  const std::size_t before = heap_bytes();
  for (std::size_t i = 0; i < kPairs; ++i) {
    Stream& stream = loop.add(std::make_unique<Stream>(std::move(pairs[i].first)));
    stream.on_read([&read](Stream& self, ByteBuffer& in, bool) {
      ++read;
      self.write(in.view());
      in.clear();
    });
  }
  loop.turn(Duration::zero());
  EXPECT_LE((heap_bytes() - before) / kPairs, 450U);
  for (std::size_t i = 0; i < kPairs; ++i) write_all(pairs[i].second.get(), std::string(5000, 'x'));
  turn_until(
      loop, [&] { return read >= kPairs; }, "all streams");
  turn_while_busy(loop);
  EXPECT_LE((heap_bytes() - before) / kPairs, 450U + 100U)
      << "the list of ready descriptors has grown, nothing else may";
}

TEST_F(StreamMemoryTest, AnIdleHandleIsSmaller) {
  const std::size_t before = heap_bytes();
  for (std::size_t i = 0; i < kPairs; ++i)
    loop.add(std::make_unique<Handle>(std::move(pairs[i].first))).on_read_ready([](Handle&) {});
  loop.turn(Duration::zero());
  EXPECT_LE((heap_bytes() - before) / kPairs, 410U);
}

}  // namespace
}  // namespace ioa::test

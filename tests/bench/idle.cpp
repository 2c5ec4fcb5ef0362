// idle: what an object that waits for bytes costs, on both ends of many socketpairs; once more
// after each has received some. Variants: "handle", "stream", and "coro", a coroutine that reads
// from a Stream.
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "ioa/io/stream.hpp"
#include "ioa/libevent/libevent_backend.hpp"
#include "ioa/loop/loop.hpp"
#include "tests/bench/bench.hpp"

namespace {

constexpr std::size_t kSize = 64;

struct Work {
  void received(std::size_t size) {
    if (size != kSize) bench::die("read");
    ++count;
  }
  ioa::Loop& loop;
  long count = 0;
};

void add_handle(Work& work, ioa::UniqueFd fd) {
  auto& handle = work.loop.add(std::make_unique<ioa::Handle>(std::move(fd)));
  handle.on_read_ready([&work](ioa::Handle& self) {
    std::array<char, kSize> space;
    work.received(static_cast<std::size_t>(::read(self.read_fd(), space.data(), space.size())));
  });
}

void add_stream(Work& work, ioa::UniqueFd fd) {
  auto& stream = work.loop.add(std::make_unique<ioa::Stream>(std::move(fd)));
  stream.on_read([&work](ioa::Stream&, ioa::ByteBuffer& in, bool) {
    work.received(in.size());
    in.clear();
  });
}

ioa::Future<> read_all(Work& work, ioa::Stream& stream) {
  for (;;) {
    std::optional<ioa::Bytes> bytes = co_await stream.read_some();
    if (!bytes) co_return;
    work.received(bytes->size());
  }
}

void add_coroutine(Work& work, ioa::UniqueFd fd) {
  auto& stream = work.loop.add(std::make_unique<ioa::Stream>(std::move(fd)));
  stream.adopt(read_all(work, stream));
}

}  // namespace

int main(int argc, char** argv) {
  const bench::Arguments arguments = bench::parse(argc, argv, {10'000});
  auto* const add = arguments.variant == "handle"   ? add_handle
                    : arguments.variant == "stream" ? add_stream
                                                    : add_coroutine;
  const auto n = static_cast<double>(arguments.n);
  ioa::Loop loop(ioa::LibeventBackend::create());
  Work work{loop};
  std::vector<ioa::UniqueFd> fds;
  std::vector<int> numbers;
  fds.reserve(static_cast<std::size_t>(arguments.n));
  numbers.reserve(fds.capacity());
  for (long i = 0; i < arguments.n / 2; ++i) {
    bench::SocketPair pair(false);
    for (ioa::UniqueFd* fd : {&pair.near, &pair.far}) {
      numbers.push_back(fd->get());
      fds.push_back(std::move(*fd));
    }
  }
  const long resident_before = bench::resident_kb();
  const std::size_t before = bench::heap_bytes();
  bench::StopWatch watch;
  watch.start();
  for (ioa::UniqueFd& fd : fds) add(work, std::move(fd));
  loop.turn(ioa::Duration::zero());
  watch.stop();
  const std::size_t fresh = bench::heap_bytes();
  const std::array<char, kSize> message{};
  for (const int fd : numbers)
    if (::write(fd, message.data(), kSize) != ssize_t{kSize}) bench::die("write");
  while (work.count < arguments.n) loop.turn();
  const std::size_t used = bench::heap_bytes();
  bench::Report(arguments, watch)
      .add("bytes_per_op", static_cast<double>(fresh - before) / n)
      .add("bytes_after_io", static_cast<double>(used - before) / n)
      .add("rss_per_op", static_cast<double>(bench::resident_kb() - resident_before) * 1024 / n);
  std::fflush(stdout);
  std::_Exit(0);  // taking it all down is not part of it
}

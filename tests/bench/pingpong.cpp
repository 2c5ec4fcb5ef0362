// pingpong_*: 64-byte messages go to and fro between both ends of socketpairs or of loopback TCP
// connections, all in one loop; an operation is a round trip. Variants: "handle", a Handle and
// system calls; "stream", a Stream with callbacks; "coro", a Stream in a coroutine.
#include <unistd.h>

#include <array>
#include <cerrno>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ioa/io/stream.hpp"
#include "ioa/libevent/libevent_backend.hpp"
#include "ioa/loop/loop.hpp"
#include "tests/bench/bench.hpp"

namespace {

constexpr std::size_t kSize = 64;

/// All round trips together.
struct Work {
  explicit Work(const bench::Arguments& asked, ioa::Loop& its_loop)
      : loop(its_loop), left(asked.n), n(asked.n) {}

  /// A client has its answer. False if it has no more to ask.
  bool answered(std::uint64_t& asked_at) {
    const std::uint64_t now = bench::now_ns();
    durations.add(now - asked_at);
    asked_at = now;
    if (++done == n) loop.stop();
    return left-- > 0;
  }

  ioa::Loop& loop;
  long left;  // to be begun
  long n;
  long done = 0;
  bench::Histogram durations;
  std::string message = std::string(kSize, 'x');
};

/// One end of a connection; the client's measures.
struct End {
  Work& work;
  bool is_client;
  std::uint64_t asked_at = 0;

  bool goes_on() { return !is_client || work.answered(asked_at); }
};

void send(int fd, std::string_view message) {
  if (::write(fd, message.data(), message.size()) != static_cast<ssize_t>(message.size()))
    bench::die("write");
}

void start_handle(End& end, ioa::UniqueFd fd) {
  auto& handle = end.work.loop.add(std::make_unique<ioa::Handle>(std::move(fd)));
  handle.on_read_ready([&end](ioa::Handle& self) {
    std::array<char, 4096> space;
    if (::read(self.read_fd(), space.data(), space.size()) != ssize_t{kSize}) bench::die("read");
    if (end.goes_on()) send(self.read_fd(), {space.data(), kSize});
  });
  if (end.is_client) send(handle.read_fd(), end.work.message);
}

void start_stream(End& end, ioa::UniqueFd fd) {
  auto& stream = end.work.loop.add(std::make_unique<ioa::Stream>(std::move(fd)));
  stream.on_read([&end](ioa::Stream& self, ioa::ByteBuffer& in, bool) {
    if (in.size() != kSize) bench::die("read");
    if (end.goes_on()) self.write(in.view());
    in.clear();
  });
  if (end.is_client) stream.write(end.work.message);
}

ioa::Future<> talk(End& end, ioa::Stream& stream) {
  if (end.is_client) co_await stream.write_done(end.work.message);
  for (;;) {
    std::optional<ioa::Bytes> message = co_await stream.read_some();
    if (!message || message->size() != kSize) bench::die("read");
    if (!end.goes_on()) co_return;
    co_await stream.write_done(*message);
  }
}

void start_coroutine(End& end, ioa::UniqueFd fd) {
  auto& stream = end.work.loop.add(std::make_unique<ioa::Stream>(std::move(fd)));
  stream.adopt(talk(end, stream));
}

}  // namespace

int main(int argc, char** argv) {
  const bool has_many = std::string_view(argv[0]).find("_100") != std::string_view::npos;
  const bench::Arguments arguments = bench::parse(argc, argv, {100'000, 1, has_many ? 100 : 1});
  auto* const start = arguments.variant == "handle"   ? start_handle
                      : arguments.variant == "stream" ? start_stream
                                                      : start_coroutine;
  ioa::Loop loop(ioa::LibeventBackend::create());
  Work work(arguments, loop);
  std::vector<std::unique_ptr<End>> ends;
  std::vector<ioa::UniqueFd> fds;
  for (long i = 0; i < arguments.connections; ++i) {
    bench::SocketPair pair(arguments.tcp);
    ends.push_back(std::make_unique<End>(End{work, false}));
    ends.push_back(std::make_unique<End>(End{work, true}));
    fds.push_back(std::move(pair.far));
    fds.push_back(std::move(pair.near));
  }
  bench::StopWatch watch;
  watch.start();
  for (std::size_t i = 0; i < ends.size(); ++i) {
    if (ends[i]->is_client) {
      --work.left;
      ends[i]->asked_at = bench::now_ns();
    }
    start(*ends[i], std::move(fds[i]));
  }
  loop.run();
  watch.stop();
  bench::Report(arguments, watch)
      .add("p50_us", work.durations.quantile_us(0.5), 2)
      .add("p99_us", work.durations.quantile_us(0.99), 2);
  return 0;
}

// stream_bulk: 64 KiB a write through a Stream, the next one when the last is flushed; the reader
// counts. stream_lines: the same with lines of 100 bytes, and the reader gets each line.
// Variants: none, callbacks; "coro", coroutines on both ends.
#include "ioa/io/stream.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "ioa/io/line_splitter.hpp"
#include "ioa/libevent/libevent_backend.hpp"
#include "ioa/loop/loop.hpp"
#include "tests/bench/bench.hpp"

namespace {

constexpr std::size_t kBlock = 65536;
constexpr std::size_t kLine = 100;  // with its end

/// As many whole lines as fit into a block.
std::string block_of_lines() {
  std::string block;
  while (block.size() + kLine <= kBlock) {
    block.append(kLine - 1, static_cast<char>('a' + block.size() / kLine % 26));
    block += '\n';
  }
  return block;
}

struct Work {
  Work(const bench::Arguments& arguments, ioa::Loop& its_loop)
      : loop(its_loop),
        has_lines(arguments.name == "stream_lines"),
        total(static_cast<std::size_t>(arguments.n) * (has_lines ? kLine : kBlock)),
        block(has_lines ? block_of_lines() : std::string(kBlock, 'x')) {}

  /// What to write next; empty at the end.
  std::string_view next_block() {
    const std::size_t size = std::min(block.size(), total - written);
    written += size;
    return std::string_view(block).substr(0, size);
  }
  void received(std::size_t size) {
    read += size;
    if (read == total) loop.stop();
  }
  void received_line(std::string_view line) {
    ++lines;
    length += line.size();
    received(line.size() + 1);
  }

  ioa::Loop& loop;
  bool has_lines;
  std::size_t total;
  std::string block;
  std::size_t written = 0;
  std::size_t read = 0;
  std::size_t lines = 0;
  std::size_t length = 0;
};

void write_with_callbacks(Work& work, ioa::Stream& stream) {
  stream.on_outgoing_empty([&work](ioa::Stream& self) { self.write(work.next_block()); });
  stream.write(work.next_block());
}

void read_with_callbacks(Work& work, ioa::Stream& stream) {
  if (work.has_lines) {
    stream.on_read(ioa::split_lines(
        [&work](ioa::Stream&, std::string_view line) { work.received_line(line); }));
  } else {
    stream.on_read([&work](ioa::Stream&, ioa::ByteBuffer& in, bool) {
      work.received(in.size());
      in.clear();
    });
  }
}

ioa::Future<> write_all(Work& work, ioa::Stream& stream) {
  for (;;) {
    const std::string_view block = work.next_block();
    if (block.empty()) co_return;
    co_await stream.write_done(block);
  }
}

ioa::Future<> read_all(Work& work, ioa::Stream& stream) {
  for (;;) {
    std::optional<ioa::Bytes> bytes = co_await stream.read_some();
    if (!bytes) co_return;
    work.received(bytes->size());
  }
}

ioa::Future<> read_lines(Work& work, ioa::Stream& stream) {
  for (;;) {
    std::optional<std::string> line = co_await stream.read_line();
    if (!line) co_return;
    work.received_line(*line);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const bool has_lines = std::string_view(argv[0]).find("lines") != std::string_view::npos;
  const bench::Arguments arguments = bench::parse(argc, argv, {has_lines ? 5'000'000 : 32'768});
  ioa::Loop loop(ioa::LibeventBackend::create());
  Work work(arguments, loop);
  bench::SocketPair pair(arguments.tcp);
  bench::StopWatch watch;
  watch.start();
  auto& writer = loop.add(std::make_unique<ioa::Stream>(std::move(pair.near)));
  auto& reader = loop.add(std::make_unique<ioa::Stream>(std::move(pair.far)));
  if (arguments.variant == "coro") {
    reader.adopt(has_lines ? read_lines(work, reader) : read_all(work, reader));
    writer.adopt(write_all(work, writer));
  } else {
    read_with_callbacks(work, reader);
    write_with_callbacks(work, writer);
  }
  loop.run();
  watch.stop();
  if (has_lines && (work.lines != static_cast<std::size_t>(arguments.n) ||
                    work.length != work.lines * (kLine - 1)))
    bench::die("lines");
  bench::Report(arguments, watch)
      .add("bytes_per_op", has_lines ? double{kLine} : double{kBlock}, 0);
  return 0;
}

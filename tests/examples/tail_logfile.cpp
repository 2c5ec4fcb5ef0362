// Prints the lines that are added to a file, for ever, through rotation:
//     tail_logfile FILE
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>

#include "ioa/base/error.hpp"
#include "ioa/file/file_stream.hpp"
#include "ioa/libevent/libevent_backend.hpp"
#include "ioa/loop/loop.hpp"

namespace {

constexpr std::uint64_t kHorizon = 4096;  // no line is longer, by far

ioa::Future<> print_lines(ioa::FileStream& log) {
  for (;;) {
    std::string line = co_await log.read_line();
    std::printf("%s\n", line.c_str());
  }
}

/// To behind the last LF: a line that is being written is printed whole.
void seek_to_end_of_lines(ioa::FileStream& log, std::uint64_t) {
  log.seek_to_last("\n", kHorizon);
  std::fprintf(stderr, "tail_logfile: following %s\n", log.path().c_str());
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: tail_logfile FILE\n");
    return 64;
  }
  std::setvbuf(stdout, nullptr, _IOLBF, BUFSIZ);
  ioa::Loop loop(ioa::LibeventBackend::create());
  auto& files = loop.add(std::make_unique<ioa::FileWatcher>());
  auto& log = loop.add(std::make_unique<ioa::FileStream>(files, argv[1]));
  log.on_initial(&seek_to_end_of_lines);
  log.on_truncated([](ioa::FileStream&) { std::fprintf(stderr, "tail_logfile: truncated\n"); });
  log.on_replaced([](ioa::FileStream&) { std::fprintf(stderr, "tail_logfile: replaced\n"); });
  log.on_error_reading([](ioa::FileStream&, const ioa::Error& error) {
    std::fprintf(stderr, "tail_logfile: %s\n", error.what());
  });
  loop.run(print_lines(log));
}

// Copies its standard input to its standard output, whatever the two are: files, pipes, sockets,
// terminals. The kernel moves the bytes itself where it can.
//     stdio_pump <FILE | …
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstring>

#include "ioa/base/error.hpp"
#include "ioa/io/byte_end.hpp"
#include "ioa/io/flow.hpp"
#include "ioa/libevent/libevent_backend.hpp"
#include "ioa/loop/loop.hpp"

int main() {
  std::signal(SIGPIPE, SIG_IGN);  // the reader of our output may leave: that is an error as any
  ioa::Loop loop(ioa::LibeventBackend::create());
  auto source = ioa::ByteEnd::inherited(STDIN_FILENO, ioa::ByteEnd::Access::read);
  auto sink = ioa::ByteEnd::inherited(STDOUT_FILENO, ioa::ByteEnd::Access::write);
  ioa::PipePool pipes;
  ioa::Flow flow(loop, source, sink, pipes);
  try {
    flow.start([&] {
      if (flow.is_over()) loop.stop();
    });
    loop.run();
  } catch (const ioa::Error& error) {
    std::fprintf(stderr, "stdio_pump: %s\n", error.what());
    return 1;
  }
  if (flow.state() != ioa::Flow::State::ended) {
    const bool is_source = flow.state() == ioa::Flow::State::source_failed;
    std::fprintf(stderr, "stdio_pump: standard %s: %s\n", is_source ? "input" : "output",
                 std::strerror(flow.error()));
    return 1;
  }
  const int error = sink.close();  // some file systems tell of a failed write only now
  if (error != 0) std::fprintf(stderr, "stdio_pump: standard output: %s\n", std::strerror(error));
  return error == 0 ? 0 : 1;
}

#include "cli/commands/listen/listen.hpp"

#include <utility>

#include "cli/commands/listen/listen_run.hpp"

namespace ioa::cli {

Future<ExitStatus> run_listen(Context& context, ListenOptions options) {
  ListenRun run(context, std::move(options));
  ExitStatus status = co_await run.run();
  co_return status;
}

}  // namespace ioa::cli

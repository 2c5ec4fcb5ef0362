#include "cli/commands/listen/listen.hpp"

#include <utility>

#include "cli/commands/listen/listen_run.hpp"

namespace ioa::cli {

Future<ExitStatus> run_listen(Context& context, ListenOptions options) {
  ListenRun run(context, std::move(options));
  ExitStatus status = co_await run.run();
  co_return status;
}

Future<ExitStatus> bind_for_workers(Context& context, ListenOptions options,
                                    std::vector<ListenPlace>& places) {
  ListenRun run(context, std::move(options));
  ExitStatus status = co_await run.bind(places);
  co_return status;
}

Future<ExitStatus> run_worker(Context& context, ListenOptions options, WorkerSeat seat) {
  ListenRun run(context, std::move(options), std::move(seat));
  ExitStatus status = co_await run.run();
  co_return status;
}

}  // namespace ioa::cli

#include "ioa/loop/timeout.hpp"

#include <utility>

#include "ioa/base/duration_text.hpp"
#include "ioa/base/free_list.hpp"
#include "ioa/future/promise.hpp"
#include "ioa/loop/loop.hpp"

namespace ioa {
namespace {

class Sleep : public FreeListed {
 public:
  static Future<> start(Loop& loop, TimePoint until) {
    auto* sleep = new Sleep(loop);
    sleep->timer_.arm(until);
    sleep->promise_.on_cancel([sleep] { delete sleep; });
    return sleep->promise_.future();
  }

 private:
  explicit Sleep(Loop& loop) : timer_(loop.timers(), [this] { finish(); }) {}
  void finish() {
    promise_.done();
    delete this;
  }

  TimeWatch timer_;
  Promise<> promise_;
};

}  // namespace

Future<> sleep_for(Loop& loop, Duration delay) {
  return Sleep::start(loop, saturating_add(loop.now(), delay));
}

Future<> sleep_until(Loop& loop, TimePoint when) { return Sleep::start(loop, when); }

namespace detail {

TimeQueue& timers_of(Loop& loop) noexcept { return loop.timers(); }

// From the clock, not from the turn's beginning: what this turn has already done is not its fault.
TimePoint limit_from_now(Loop& loop, Duration limit) {
  return saturating_add(loop.backend().now(), limit);
}

Error timed_out(std::string what, Duration limit) {
  return {ErrorKind::timeout, {}, std::move(what), {}, "timed out after " + duration_text(limit)};
}

}  // namespace detail

}  // namespace ioa

#include "ioa/loop/timeout.hpp"

#include "ioa/base/free_list.hpp"
#include "ioa/future/promise.hpp"
#include "ioa/loop/loop.hpp"

namespace ioa {
namespace {

class Sleep : public FreeListed {
 public:
  static Future<> start(Loop& loop, Duration delay) {
    auto* sleep = new Sleep(loop);
    sleep->timer_.arm(saturating_add(loop.now(), delay));
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

Future<> sleep_for(Loop& loop, Duration delay) { return Sleep::start(loop, delay); }

}  // namespace ioa

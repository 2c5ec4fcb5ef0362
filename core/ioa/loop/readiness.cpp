#include "ioa/loop/readiness.hpp"

#include <exception>

#include "ioa/base/error.hpp"
#include "ioa/base/free_list.hpp"
#include "ioa/future/promise.hpp"
#include "ioa/loop/loop.hpp"

namespace ioa {
namespace {

class Readiness : public FreeListed {
 public:
  static Future<> start(Loop& loop, int fd, IoEvent event) {
    auto* readiness = new Readiness(loop);
    Future<> future = readiness->promise_.future();
    readiness->promise_.on_cancel([readiness] { delete readiness; });
    try {
      readiness->watch_.start(fd, event);
    } catch (const Error&) {
      readiness->promise_.fail(std::current_exception());
      delete readiness;
    }
    return future;
  }

 private:
  explicit Readiness(Loop& loop) : watch_(loop) {
    watch_.set_callback([this](IoEvent) { finish(); });
  }
  void finish() {
    promise_.done();
    delete this;
  }

  IoWatch watch_;
  Promise<> promise_;
};

}  // namespace

Future<> readable(Loop& loop, int fd) { return Readiness::start(loop, fd, IoEvent::read); }
Future<> writable(Loop& loop, int fd) { return Readiness::start(loop, fd, IoEvent::write); }

}  // namespace ioa

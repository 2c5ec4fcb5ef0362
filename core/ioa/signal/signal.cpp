#include "ioa/signal/signal.hpp"

#include <cerrno>
#include <csignal>

#include "ioa/base/error.hpp"
#include "ioa/loop/loop.hpp"
#include "ioa/loop/trace.hpp"

namespace ioa {
namespace {

int checked(std::optional<int> number, std::string subject) {
  if (!number || *number <= 0 || *number >= NSIG)
    throw Error::from_errno(EINVAL, "signal", std::move(subject), "there is no such signal");
  if (*number == SIGKILL || *number == SIGSTOP)
    throw Error::from_errno(EINVAL, "signal", std::move(subject), "it cannot be caught");
  return *number;
}

}  // namespace

Signal::Signal(std::string_view name) : number_(checked(signal_number(name), std::string(name))) {}
Signal::Signal(int number) : number_(checked(number, std::to_string(number))) {}
Signal::~Signal() = default;

void Signal::added_to_loop(Loop& loop) {
  watch_.emplace(loop, number_, [this] { received(); });
}

void Signal::removing_from_loop(Loop&) { watch_.reset(); }

void Signal::received() {
  struct Finish {
    explicit Finish(Signal& signal) noexcept : self(signal), number(++signal.receipts_) {}
    Finish(const Finish&) = delete;
    Finish& operator=(const Finish&) = delete;
    ~Finish() { self.waiters_.done_until(number); }
    Signal& self;
    std::uint64_t number;
  };
  note_callback(*this);
  trace_event<Signal>(*this, "on_receipt");
  const Finish finish(*this);  // also if the callback throws
  on_receipt_(*this);
}

}  // namespace ioa

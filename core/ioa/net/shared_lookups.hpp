#pragma once

#include <cerrno>
#include <exception>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "ioa/base/clock.hpp"
#include "ioa/base/duration_text.hpp"
#include "ioa/base/error.hpp"
#include "ioa/future/promise.hpp"
#include "ioa/loop/loop.hpp"
#include "ioa/net/lookup_report.hpp"
#include "ioa/worker/thread_pool.hpp"

namespace ioa::detail {

/// Look-ups in flight, each for all who ask the same at the same time; not part of the interface.
///
/// Each who waits has a Future and a limit of his own. When the last one is gone, so is the
/// look-up: taken out of the pool's line, or given up with its thread.
template <class Result>
class SharedLookups {
 public:
  SharedLookups(Loop& loop, ThreadPool& pool) noexcept : loop_(loop), pool_(pool) {}
  SharedLookups(const SharedLookups&) = delete;
  SharedLookups& operator=(const SharedLookups&) = delete;

  std::size_t size() const noexcept { return lookups_.size(); }

  /// The result of the look-up of this key: of the one in flight, or of `call`, made on a thread.
  /// `subject` is for errors and events.
  template <class Call>
  Future<Result> join(std::string key, LookupSubject subject, std::optional<Duration> limit,
                      Call&& call) {
    auto found = lookups_.find(key);
    if (found == lookups_.end()) {
      LookupReport report(loop_, std::move(subject));
      found = lookups_.try_emplace(std::move(key), *this, std::move(report)).first;
      found->second.begin(found, pool_.run(std::forward<Call>(call)));
    }
    return found->second.join(limit);
  }

 private:
  class Lookup;
  using Table = std::map<std::string, Lookup>;

  struct Waiter {
    Waiter(Lookup& joined, Loop& loop) : lookup(joined), limit(loop.timers()) {}
    Lookup& lookup;
    TimeWatch limit;
    Promise<Result> promise;
    typename std::list<Waiter>::iterator place;
  };

  class Lookup {
   public:
    Lookup(SharedLookups& owner, LookupReport report) : owner_(owner), report_(std::move(report)) {}
    Lookup(const Lookup&) = delete;
    Lookup& operator=(const Lookup&) = delete;
    ~Lookup() {
      if (std::exchange(has_ended_, true)) return;
      report_.failed(abandoned());  // it goes with its Resolver
    }

    void begin(typename Table::iterator place, Future<Result> call) {
      place_ = place;
      call_ = std::move(call);
      call_.react([](void* self) { static_cast<Lookup*>(self)->finish(); }, this);
    }

    Future<Result> join(std::optional<Duration> limit) {
      Waiter& waiter = waiters_.emplace_back(*this, owner_.loop_);
      waiter.place = std::prev(waiters_.end());
      waiter.promise.on_cancel(
          [&waiter] { waiter.lookup.leave(waiter.place, waiter.lookup.cancelled()); });
      if (limit) {
        waiter.limit.set_callback(
            [&waiter, length = *limit] { waiter.lookup.time_out(waiter.place, length); });
        waiter.limit.arm(saturating_add(owner_.loop_.backend().now(), *limit));
      }
      return waiter.promise.future();
    }

   private:
    using Place = typename std::list<Waiter>::iterator;

    // One who waits has gone. Nothing may follow it: with the last one goes the look-up.
    void leave(Place waiter, const Error& why) {
      waiters_.erase(waiter);
      if (!waiters_.empty() || has_ended_) return;
      const auto node = owner_.lookups_.extract(place_);  // keeps this object to the end
      call_.cancel();
      has_ended_ = true;
      report_.failed(why);
    }

    void time_out(Place waiter, Duration limit) {
      const Error error(ErrorKind::timeout, {}, "resolve", report_.subject().name,
                        "timed out after " + duration_text(limit));
      waiter->promise.fail(error);
      leave(waiter, error);
    }

    Error cancelled() const {
      return Error::from_errno(ECANCELED, "resolve", report_.subject().name);
    }
    Error abandoned() const {
      return Error::from_errno(ECANCELED, "resolve", report_.subject().name,
                               "the resolver has gone");
    }

    void finish() {
      const auto node = owner_.lookups_.extract(place_);  // keeps this object to the end
      has_ended_ = true;
      if (const auto error = call_.error()) {
        for (Waiter& waiter : waiters_) waiter.promise.fail(error);
        report_.failed(error);
        return;
      }
      const Result result = call_.get();
      for (Waiter& waiter : waiters_) waiter.promise.done(result);
      report_.done(result);
    }

    SharedLookups& owner_;
    LookupReport report_;
    typename Table::iterator place_;
    std::list<Waiter> waiters_;
    Future<Result> call_;
    bool has_ended_ = false;
  };

  Loop& loop_;
  ThreadPool& pool_;
  Table lookups_;
};

}  // namespace ioa::detail

#include "ioa/net/resolver.hpp"

#include <utility>

#include "ioa/loop/loop.hpp"
#include "ioa/net/lookup_calls.hpp"
#include "ioa/net/lookup_report.hpp"
#include "ioa/net/shared_lookups.hpp"

namespace ioa {
namespace {

detail::LookupSubject subject_of(const LookupRequest& request) {
  return {request.host, request.service, request.family};
}

detail::LookupSubject subject_of(const NameRequest& request) {
  const int family = request.address.family();
  return {request.address.host(), std::to_string(request.address.port()),
          family == AF_INET6 ? Family::ipv6 : Family::ipv4,
          {},
          detail::LookupKind::name};
}

}  // namespace

class Resolver::Impl {
 public:
  Impl(Loop& loop, ResolverCalls calls, const ThreadPool::Options& threads)
      : loop_(loop),
        calls_(std::make_shared<const ResolverCalls>(std::move(calls))),
        pool_(loop, threads),
        forward_(loop, pool_),
        reverse_(loop, pool_) {}

  Future<LookupResult> resolve(LookupRequest request) { return ask(forward_, std::move(request)); }
  Future<NameResult> resolve(NameRequest request) { return ask(reverse_, std::move(request)); }

  std::size_t lookups_in_flight() const noexcept { return forward_.size() + reverse_.size(); }
  const ThreadPool& threads() const noexcept { return pool_; }

 private:
  template <class Result, class Request>
  Future<Result> ask(detail::SharedLookups<Result>& lookups, Request request) {
    try {
      if (auto answer = detail::answer_numeric(request))
        return Future<Result>::resolved(*std::move(answer));
    } catch (const Error& error) {
      detail::LookupReport(loop_, subject_of(request)).failed(error);
      return Future<Result>::failed(error);
    }
    const auto limit = request.timeout;
    return lookups.join(detail::key_of(request), subject_of(request), limit,
                        [calls = calls_, request] { return detail::look_up(*calls, request); });
  }

  Loop& loop_;
  std::shared_ptr<const ResolverCalls> calls_;  // the threads have it too
  ThreadPool pool_;
  detail::SharedLookups<LookupResult> forward_;
  detail::SharedLookups<NameResult> reverse_;
};

Resolver::Resolver(Loop& loop, ResolverCalls calls, const ThreadPool::Options& threads)
    : impl_(std::make_unique<Impl>(loop, std::move(calls), threads)) {}

Resolver::~Resolver() = default;

Future<LookupResult> Resolver::resolve(LookupRequest request) {
  return impl_->resolve(std::move(request));
}

Future<NameResult> Resolver::resolve_name(NameRequest request) {
  return impl_->resolve(std::move(request));
}

std::size_t Resolver::lookups_in_flight() const noexcept { return impl_->lookups_in_flight(); }

const ThreadPool& Resolver::threads() const noexcept { return impl_->threads(); }

}  // namespace ioa

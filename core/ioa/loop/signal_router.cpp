#include "ioa/loop/signal_router.hpp"

#include "ioa/loop/watch.hpp"

namespace ioa {

struct SignalRouter::Route final : SignalTarget {
  explicit Route(JobList& list) noexcept : ready(list) {}

  void signal_arrived() noexcept override {
    for (SignalWatch* watch = first; watch != nullptr; watch = watch->next_of_signal_)
      ready.push(*watch);
  }

  JobList& ready;
  SignalWatch* first = nullptr;
  std::unique_ptr<Backend::SignalRegistration> registration;
};

SignalRouter::SignalRouter(Backend& backend, JobList& ready) noexcept
    : backend_(backend), ready_(ready) {}
SignalRouter::~SignalRouter() = default;

void SignalRouter::add(SignalWatch& watch) {
  auto& slot = routes_[watch.signal()];
  if (!slot) {
    auto route = std::make_unique<Route>(ready_);
    try {
      route->registration = backend_.register_signal(watch.signal(), *route);
    } catch (...) {
      routes_.erase(watch.signal());
      throw;
    }
    slot = std::move(route);
  }
  SignalWatch** end = &slot->first;
  while (*end != nullptr) end = &(*end)->next_of_signal_;
  *end = &watch;
}

void SignalRouter::remove(SignalWatch& watch) noexcept {
  const auto found = routes_.find(watch.signal());
  if (found == routes_.end()) return;
  SignalWatch** link = &found->second->first;
  while (*link != nullptr && *link != &watch) link = &(*link)->next_of_signal_;
  if (*link != nullptr) *link = watch.next_of_signal_;
  if (found->second->first == nullptr) routes_.erase(found);
}

}  // namespace ioa

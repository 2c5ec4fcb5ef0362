#pragma once

#include <map>
#include <memory>

#include "ioa/future/job_list.hpp"
#include "ioa/loop/backend.hpp"

namespace ioa {

class SignalWatch;

/// Shares each signal of the backend among the SignalWatches of a Loop.
class SignalRouter {
 public:
  /// Arrived signals put their watches into `ready`.
  SignalRouter(Backend& backend, JobList& ready) noexcept;
  ~SignalRouter();

  void add(SignalWatch& watch);
  void remove(SignalWatch& watch) noexcept;

 private:
  struct Route;

  Backend& backend_;
  JobList& ready_;
  std::map<int, std::unique_ptr<Route>> routes_;
};

}  // namespace ioa

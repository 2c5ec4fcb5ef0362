#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "ioa/base/error.hpp"
#include "ioa/net/resolver.hpp"
#include "tests/support/fake_names.hpp"
#include "tests/support/loop_fixture.hpp"

namespace ioa::test {

inline LookupRequest request_for(std::string host, std::string service = "80") {
  LookupRequest request;
  request.host = std::move(host);
  request.service = std::move(service);
  return request;
}

inline std::vector<std::string> texts(const LookupResult& result) {
  std::vector<std::string> list;
  for (const auto& found : result.addresses) list.push_back(found.address.to_string());
  return list;
}

/// Answers come from the test, time stands still unless the test lets it jump to the next deadline.
class ResolverTest : public FakeLoopTest {
 protected:
  ResolverTest() { fake.set_autojump(false); }

  Resolver& make(ThreadPool::Options threads = {}) {
    resolver_ = std::make_unique<Resolver>(loop, names_.calls(), threads);
    return *resolver_;
  }
  std::vector<std::string> look_up(const LookupRequest& request) {
    return texts(run(resolver_->resolve(request)));
  }
  template <class T>
  Error error_of(Future<T> future) {
    try {
      run(std::move(future));
    } catch (const Error& error) {
      return error;
    }
    ADD_FAILURE() << "no failure";
    return Error(ErrorKind::failed, {}, "none");
  }

  FakeNames names_;
  std::unique_ptr<Resolver> resolver_ = std::make_unique<Resolver>(loop, names_.calls());
};

}  // namespace ioa::test

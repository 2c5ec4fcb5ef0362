#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "ioa/ares/ares_resolver.hpp"
#include "ioa/base/error.hpp"
#include "tests/support/dns_server.hpp"
#include "tests/support/fake_names.hpp"
#include "tests/support/loop_fixture.hpp"

namespace ioa::test {

/// A resolver whose servers are real sockets of the test, and whose time the test moves.
class AresTest : public FakeLoopTest {
 protected:
  AresTest() {
    fake.set_autojump(false);
    fake.set_real_descriptors(true);
  }

  /// Asks these servers.
  AresResolver& make(const std::vector<const DnsServer*>& servers) {
    for (const DnsServer* server : servers) options_.servers.push_back(server->address());
    resolver_ = std::make_unique<AresResolver>(loop, system_, options_);
    return *resolver_;
  }
  AresResolver& make(const DnsServer& server) { return make({&server}); }

  std::vector<std::string> values(std::string name, RecordType type = RecordType::a) {
    std::vector<std::string> texts;
    for (const DnsRecord& each : run(resolver_->records(std::move(name), type)))
      texts.push_back(each.value);
    return texts;
  }
  /// What a question fails with: "NXDOMAIN", "timeout", ...
  std::string failure(std::string name, RecordType type = RecordType::a) {
    return symbol(error_of(resolver_->records(std::move(name), type)));
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
  static std::string symbol(const Error& error) {
    if (error.kind() == ErrorKind::timeout) return "timeout";
    return error_name(error.code());
  }
  /// Turns until a server has been asked so often.
  void wait_for(const DnsServer& server, std::size_t questions) {
    turn_until(
        loop, [&] { return poke() && server.count() >= questions; }, "the server to be asked");
  }
  /// A turn that waits for what only another thread sees would wait for ever.
  bool poke() {
    loop.later([] {});
    return true;
  }

  FakeNames names_;
  Resolver system_{loop, names_.calls()};
  AresResolver::Options options_;
  std::unique_ptr<AresResolver> resolver_;
};

}  // namespace ioa::test

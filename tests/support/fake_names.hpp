#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "ioa/net/resolver.hpp"
#include "tests/support/gate.hpp"

namespace ioa::test {

/// A name service whose answers, failures and delays the test decides; the threads of a Resolver
/// may go on calling it after the test.
///
///     FakeNames names;
///     names.set("example", {"192.0.2.1", "2001:db8::1"});
///     Resolver resolver(loop, names.calls());
class FakeNames {
 public:
  /// One call of getaddrinfo as it came.
  struct Call {
    std::string host;
    std::string service;
    int family = 0;
    int socktype = 0;
    int flags = 0;
  };

  /// `host` has these addresses; those of the other family are left out where one is asked for, and
  /// EAI_NODATA is the answer if none is left.
  void set(const std::string& host, std::vector<std::string> addresses);
  /// Looking `host` up fails, with errno where it is EAI_SYSTEM.
  void fail(const std::string& host, int eai, int errno_value = 0);
  /// Looking `host` up for this family (AF_UNSPEC: for any) takes until the gate opens.
  Gate& delay(const std::string& host, int family = AF_UNSPEC);
  /// The name of every address, for getnameinfo.
  void set_reverse(const std::string& host, const std::string& service);

  ResolverCalls calls() const;
  /// What has been asked so far, in the order of the calls.
  std::vector<Call> asked() const;
  /// Lets every delayed call go on.
  void open_all();

  FakeNames();
  ~FakeNames() { open_all(); }

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace ioa::test

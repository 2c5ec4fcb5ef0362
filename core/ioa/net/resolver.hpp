#pragma once

#include <netdb.h>
#include <sys/socket.h>

#include <cstddef>
#include <functional>
#include <memory>

#include "ioa/future/future.hpp"
#include "ioa/net/lookup_service.hpp"
#include "ioa/worker/thread_pool.hpp"

namespace ioa {

class Loop;

/// The blocking functions behind a Resolver: the C library's, or a test's. They are called from
/// several threads at once, and may be running when the Resolver is gone.
struct ResolverCalls {
  std::function<int(const char*, const char*, const addrinfo*, addrinfo**)> getaddrinfo =
      ::getaddrinfo;
  std::function<void(addrinfo*)> freeaddrinfo = ::freeaddrinfo;
  std::function<int(const sockaddr*, socklen_t, char*, socklen_t, char*, socklen_t, int)>
      getnameinfo = ::getnameinfo;
};

/// Names to addresses and addresses to names, as the system does it, without blocking the Loop.
///
///     LookupRequest request;
///     request.host = "example.com";
///     request.service = "https";
///     LookupResult result = co_await resolver.resolve(std::move(request));
///
/// A numeric host with a numeric service is answered at once, and no thread is started for it. All
/// else runs on the threads of a pool; look-ups of the same thing that are in flight at the same
/// time are one. A time limit holds even if the C library is stuck: its thread is then given up and
/// replaced, as often as Options of the pool allow; after that, look-ups wait in line (and for
/// their own limits).
///
/// ERRORS: operation() is "resolve", subject() the host (for an address: its number), code() an
/// EAI_* value of gai_category(), or an errno value where getaddrinfo said EAI_SYSTEM. A time limit
/// is of kind `timeout` and has no code.
///
/// EVENTS, one set a look-up that is not numeric, however many wait for it: `resolve.start` {name,
/// service, family}, `resolve.done` {name, service, family, addresses (or names, where an address
/// was asked for), duration_ms}, `resolve.failed` {name, service, family, error, message,
/// duration_ms}; family is "any", "ipv4" or "ipv6", error the code's symbol or "timeout". What
/// fails without a look-up (a name with numeric_host) reports start and failed; one that the last
/// who waited has dropped, or that goes with its Resolver, reports failed with ECANCELED.
///
/// OWNERSHIP: the Loop must outlive the Resolver. Destroying it fails what is pending (kind
/// `abandoned`). CANCELLING: drop the Future; the last one who waits takes the look-up along.
class Resolver : public LookupService {
 public:
  explicit Resolver(Loop& loop, ResolverCalls calls = {}, const ThreadPool::Options& threads = {});
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;
  ~Resolver() override;

  /// The addresses of a host and service. The Future is ready at once for a numeric request.
  Future<LookupResult> resolve(LookupRequest request) override;

  /// The names of an address. The Future is ready at once if both are wanted as numbers.
  Future<NameResult> resolve_name(NameRequest request) override;

  /// For tests and debug output: look-ups in flight, however many wait for each.
  std::size_t lookups_in_flight() const noexcept;
  const ThreadPool& threads() const noexcept;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ioa

#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ioa/ares/dns_error.hpp"
#include "ioa/ares/dns_record.hpp"
#include "ioa/base/clock.hpp"
#include "ioa/future/future.hpp"
#include "ioa/net/lookup_service.hpp"
#include "ioa/net/socket_address.hpp"

namespace ioa {

class Loop;

/// Names, addresses and records straight from name servers, by c-ares, in the Loop: no thread, no
/// hosts file, no search list. Names are taken as they are, from the root.
///
///     AresResolver::Options options;
///     options.servers = {*SocketAddress::from_numeric("192.0.2.53", 53)};
///     AresResolver resolver(loop, system, std::move(options));
///     std::vector<DnsRecord> records = co_await resolver.records("example.org", RecordType::mx);
///
/// A question goes to the servers in turn, `attempts` times to each, `attempt_delay` after the one
/// before, or at once where a server says that it cannot answer (SERVFAIL, a malformed reply) or
/// does not want to (REFUSED and the like, which is not asked again). The first answer counts,
/// however late, until `attempt_delay` after the last question. What does not fit into a datagram
/// is asked again by TCP; EDNS (RFC 6891) is used where a server understands it. What is asked
/// twice at the same time is one question, and its answers can be kept as long as their TTLs allow.
///
/// ERRORS: operation() is "resolve", subject() the name, code() a DnsCode; an errno value with the
/// server in its detail() where none could be reached; none, and kind `timeout`, where none has
/// answered. EVENTS: as Resolver, one set a question, with {type}; `resolve.done` has {records}.
///
/// SECURITY: questions have random numbers and ports that the system picks, replies that do not
/// match them are dropped, and answers are bounded in the time and the memory that they take.
/// Nothing is validated (DNSSEC): whoever sits between here and the server can forge it.
///
/// OWNERSHIP: the Loop, and `system`, which is asked for services that are names, must outlive it.
/// Destroying it fails what is pending (kind `abandoned`). CANCELLING: drop the Future; the last
/// one who waits takes the question along.
class AresResolver final : public LookupService {
 public:
  /// Whom to ask, how often, and what to remember.
  struct Options {
    /// Whom to ask; empty for those of resolv.conf(5). At most 32 count.
    std::vector<SocketAddress> servers;
    /// How often each is asked; at least 1.
    unsigned attempts = 3;
    Duration attempt_delay = std::chrono::seconds(2);
    /// Questions on their way at once; more of them wait in line.
    std::size_t max_in_flight = 4096;
    /// Of each socket, in bytes: what arrives while the Loop is busy elsewhere must fit in. The
    /// system's own default holds 256 small answers.
    int receive_buffer = 4 << 20;
    /// Replies that are kept, failures of names included (RFC 2308); 0 for none.
    std::size_t cache_capacity = 0;
  };

  /// Throws Error where memory is short.
  AresResolver(Loop& loop, LookupService& system, Options options);
  ~AresResolver() override;

  /// The addresses of a name: A and AAAA together, in the order of RFC 6724. Fails if neither is
  /// there. What is numeric is answered at once.
  Future<LookupResult> resolve(LookupRequest request) override;
  /// The first name of an address (PTR); its number if it has none and none is required.
  Future<NameResult> resolve_name(NameRequest request) override;

  /// The records of one type, at least one.
  Future<std::vector<DnsRecord>> records(std::string name, RecordType type);
  /// The same, failures being a part of the reply: for whoever asks for very many names.
  Future<DnsReply> ask(std::string name, RecordType type);

  /// Questions that have no reply yet.
  std::size_t in_flight() const noexcept;
  std::size_t cached() const noexcept;
  void clear_cache() noexcept;

  /// The name that PTR records of an address have: "1.2.0.192.in-addr.arpa" (RFC 1035 s3.5),
  /// "….ip6.arpa" (RFC 3596 s2.5).
  static std::string reverse_name(const SocketAddress& address);
  /// The servers of resolv.conf(5), with their ports; 127.0.0.1 if it names none.
  static std::vector<SocketAddress> system_servers();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ioa

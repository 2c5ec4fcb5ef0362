#pragma once

#include <optional>

#include "cli/commands/resolve_options.hpp"
#include "cli/commands/resolve_output.hpp"
#include "cli/context.hpp"
#include "ioa/ares/ares_resolver.hpp"
#include "ioa/future/future.hpp"

namespace ioa::cli {

/// Looks names up in the way that the options say: by the system, or by name servers.
class ResolveFinder {
 public:
  /// Both outlive it.
  ResolveFinder(Context& context, const ResolveOptions& options);

  /// What there is for one name, where no type is asked for; a failure is a part of it. The query
  /// outlives the Future.
  Future<Found> find(const ResolveQuery& query);
  /// The records of the type that is asked for.
  Future<DnsReply> find_records(const ResolveQuery& query);

 private:
  LookupRequest request_for(const ResolveQuery& query, std::optional<Duration> limit) const;
  Future<Found> find_addresses(const ResolveQuery& query);
  Future<Found> find_names(const ResolveQuery& query);
  Future<Found> find_names_by_dns(const ResolveQuery& query);
  LookupService& service();

  Context& context_;
  const ResolveOptions& options_;
  std::optional<Duration> limit_;  // of a look-up by the system
  std::optional<AresResolver> dns_;
};

}  // namespace ioa::cli

#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cli/commands/resolve_options.hpp"
#include "ioa/base/clock.hpp"
#include "ioa/base/error.hpp"
#include "ioa/net/resolver.hpp"

namespace ioa::cli {

/// What one look-up found, in the form in which it is printed.
struct Found {
  Found() = default;
  /// Of a look-up of records.
  explicit Found(DnsReply reply) noexcept
      : canonical(std::move(reply.canonical_name)),
        records(std::move(reply.records)),
        failure(std::move(reply.failure)) {}

  std::vector<ResolvedAddress> addresses;
  std::vector<std::string> names;  ///< Of a reverse look-up.
  std::string canonical;
  std::vector<DnsRecord> records;        ///< If a type was asked for.
  std::shared_ptr<const Error> failure;  ///< If nothing was found.
};

/// The lines (or the JSON object) of a look-up that succeeded.
std::string format_found(const ResolveOptions& options, const ResolveQuery& query, Found&& found,
                         Duration elapsed);
/// The JSON object of one that failed.
std::string format_failed(const ResolveOptions& options, const ResolveQuery& query,
                          const Error& error, Duration elapsed);

}  // namespace ioa::cli

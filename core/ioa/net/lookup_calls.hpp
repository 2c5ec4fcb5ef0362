#pragma once

#include <optional>
#include <string>
#include <vector>

#include "ioa/net/resolver.hpp"

/// The look-ups themselves, without threads or waiting: what a Resolver is made of; not part of the
/// interface.
namespace ioa::detail {

/// The answer to a request that needs no look-up: a numeric (or empty) host with a numeric (or
/// empty) service. Nothing if it needs one. Throws Error if the request can never be answered: a
/// name where numeric_host is set, an address of the wrong family.
std::optional<LookupResult> answer_numeric(const LookupRequest& request);
std::optional<NameResult> answer_numeric(const NameRequest& request);

/// What one address of whatever host becomes for this request: a port and a kind of socket each.
/// None if that needs a look-up, since the service is a name or the kind an unusual one.
std::vector<ResolvedAddress> numeric_kinds(const LookupRequest& request);

/// Blocks until the system has answered; for a thread. Throws Error.
LookupResult look_up(const ResolverCalls& calls, const LookupRequest& request);
NameResult look_up(const ResolverCalls& calls, const NameRequest& request);

/// The text that two requests have in common only if they ask the same.
std::string key_of(const LookupRequest& request);
std::string key_of(const NameRequest& request);

}  // namespace ioa::detail

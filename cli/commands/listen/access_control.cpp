#include "cli/commands/listen/access_control.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <utility>
#include <vector>

#include "cli/escape.hpp"
#include "ioa/base/error.hpp"
#include "ioa/future/combine.hpp"
#include "ioa/net/resolver.hpp"

namespace ioa::cli {
namespace {

bool contains(const AccessSide& side, const AddressSet& found, const IpAddress& address) noexcept {
  return side.given.addresses.contains(address) || found.contains(address) ||
         std::any_of(side.files.begin(), side.files.end(),
                     [&](const AccessFile& file) { return file.list.addresses.contains(address); });
}

std::vector<std::string> names_of(const AccessSide& side) {
  std::vector<std::string> names = side.given.names;
  for (const AccessFile& file : side.files)
    names.insert(names.end(), file.list.names.begin(), file.list.names.end());
  return names;
}

Future<AddressSet> find_addresses(Resolver& resolver, std::vector<std::string> names,
                                  bool numeric) {
  std::vector<Future<LookupResult>> lookups;
  for (std::string& name : names) {
    LookupRequest request;
    request.host = std::move(name);
    request.numeric_host = numeric;
    lookups.push_back(resolver.resolve(std::move(request)));
  }
  std::vector<LookupResult> results = co_await all(std::move(lookups));
  AddressSet found;
  for (const LookupResult& result : results)
    for (const ResolvedAddress& entry : result.addresses)
      if (const auto address = IpAddress::of(entry.address)) found.add({*address});
  found.seal();
  co_return found;
}

void read_again(AccessSide& side) {
  for (AccessFile& file : side.files)
    if (file.is_regular) file = read_access_file(file.path);
}

}  // namespace

std::string_view AccessRules::refusal(const IpAddress& address) const noexcept {
  if (contains(deny, deny_found, address)) return "denied";
  if (!allow.empty() && !contains(allow, allow_found, address)) return "not allowed";
  return {};
}

AccessControl::AccessControl(Context& context, AccessOptions options, bool numeric)
    : context_(context),
      numeric_(numeric),
      rules_{std::move(options.allow), std::move(options.deny), {}, {}},
      counter_(options.max_per_ip) {}

Future<> AccessControl::prepare() {
  if (!rules_.allow.may_change() && !rules_.deny.may_change()) co_return;
  // From now on, since SIGHUP ends a process that does not listen to it.
  hangup_.emplace(context_.loop, SIGHUP, [this] { hang_up(); });
  co_await look_up(rules_);
  is_prepared_ = true;
  if (wants_reload_) hang_up();
}

Future<> AccessControl::prepare_anew() {
  try {
    read_files();
  } catch (const std::exception& error) {
    say_kept(error.what());
  }
  co_await prepare();
}

void AccessControl::read_files() {
  AccessRules rules{rules_.allow, rules_.deny, {}, {}};
  read_again(rules.allow);
  read_again(rules.deny);
  rules_ = std::move(rules);
}

void AccessControl::say_kept(std::string_view what) {
  context_.reporter.error(fmt::format("{}; the rules of before hold", escape(what)));
}

Future<> AccessControl::look_up(AccessRules& rules) {
  rules.allow_found = co_await find_addresses(context_.resolver, names_of(rules.allow), numeric_);
  rules.deny_found = co_await find_addresses(context_.resolver, names_of(rules.deny), numeric_);
}

/// A reload that still looks names up is dropped: what it has read may be old by now.
void AccessControl::hang_up() {
  wants_reload_ = !is_prepared_;
  if (is_prepared_) reload_ = reload();
}

Future<> AccessControl::reload() {
  try {
    AccessRules rules{rules_.allow, rules_.deny, {}, {}};
    read_again(rules.allow);
    read_again(rules.deny);
    co_await look_up(rules);
    rules_ = std::move(rules);
    context_.reporter.note("the rules of access were read again");
  } catch (const std::exception& error) {
    say_kept(error.what());
  }
}

std::string_view AccessControl::refusal(const SocketAddress& peer) const {
  const auto address = IpAddress::of(peer);
  if (!address) return {};
  if (const std::string_view why = rules_.refusal(*address); !why.empty()) return why;
  return counter_.has_room(*address) ? "" : "too many connections from its address";
}

AddressCounter::Place AccessControl::take_place(const SocketAddress& peer) {
  const auto address = IpAddress::of(peer);
  return address ? counter_.take(*address) : AddressCounter::Place();
}

}  // namespace ioa::cli

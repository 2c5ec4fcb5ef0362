#pragma once

#include <optional>
#include <string_view>

#include "cli/commands/listen/access_options.hpp"
#include "cli/commands/listen/address_counter.hpp"
#include "cli/context.hpp"
#include "ioa/future/future.hpp"
#include "ioa/loop/watch.hpp"
#include "ioa/net/socket_address.hpp"

namespace ioa::cli {

/// Rules in force: what was written, and the addresses of the names in it.
struct AccessRules {
  AccessSide allow;
  AccessSide deny;
  AddressSet allow_found;
  AddressSet deny_found;

  /// Why this address may not come; empty if it may.
  std::string_view refusal(const IpAddress& address) const noexcept;
};

/// Who may connect: --allow, --deny, their files, and --max-per-ip.
///
///     AccessControl access(context, options.access, options.numeric);
///     co_await access.prepare();
///     …a peer has connected…
///     if (std::string_view why = access.refusal(peer); !why.empty()) …refused…
///     AddressCounter::Place place = access.take_place(peer);   // kept with the connection
///
/// A rule of --deny goes before those of --allow. With any rule of --allow nobody else may come. A
/// peer without an IP address (a Unix peer) may always: who reaches a Unix socket is what the
/// permissions of its path say.
///
/// On SIGHUP files are read and names looked up anew; what is connected stays so. If any of that
/// fails, the rules of before hold, and a line says why.
///
/// OWNERSHIP: the context outlives it. Destroying it calls off what it looks up.
class AccessControl {
 public:
  /// `numeric`: names are not looked up, they fail.
  AccessControl(Context& context, AccessOptions options, bool numeric);
  AccessControl(const AccessControl&) = delete;
  AccessControl& operator=(const AccessControl&) = delete;

  /// Looks the names up, and listens to SIGHUP from then on if there is anything to do. Fails with
  /// the Error of the first name that does not resolve (operation "resolve").
  Future<> prepare();
  /// The same for a process that begins to serve later than its options were read: files are read
  /// anew first, as on SIGHUP.
  Future<> prepare_anew();

  /// Why this peer may not come, for people and the `rejected` event; empty if it may.
  std::string_view refusal(const SocketAddress& peer) const;
  /// One that may has come. No place, which takes no memory, where nobody counts.
  AddressCounter::Place take_place(const SocketAddress& peer);

 private:
  Future<> look_up(AccessRules& rules);
  Future<> reload();
  void hang_up();
  void read_files();
  void say_kept(std::string_view what);

  Context& context_;
  bool numeric_;
  AccessRules rules_;
  AddressCounter counter_;
  std::optional<SignalWatch> hangup_;
  bool is_prepared_ = false;
  bool wants_reload_ = false;  // SIGHUP came before that
  Future<> reload_;
};

}  // namespace ioa::cli

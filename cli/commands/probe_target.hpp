#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/commands/connect_options.hpp"
#include "cli/context.hpp"
#include "ioa/base/clock.hpp"
#include "ioa/base/error.hpp"
#include "ioa/future/future.hpp"
#include "ioa/net/address.hpp"

namespace ioa::cli {

/// What a probe has found.
enum class PortState {
  open,           ///< Connected; with UDP, answered.
  closed,         ///< Refused.
  filtered,       ///< No answer, or no way there.
  open_filtered,  ///< UDP: silence.
  unresolved,     ///< The host or service has no address.
};
inline constexpr std::size_t kPortStates = 5;

/// "open", "closed", "filtered", "open|filtered", "unresolved".
std::string_view name_of(PortState state) noexcept;

/// What a failure says about a port: refused is an answer, silence and a router's word are none.
PortState state_of(const Error& error) noexcept;

/// How one probe went.
struct ProbeOutcome {
  PortState state = PortState::open;
  std::string address;  ///< Which was connected to, or tried last; empty if none was.
  std::string error;    ///< Why it is not open; empty if it is.
  Duration elapsed{};
  bool is_overloaded = false;  ///< This system had no descriptor left: says nothing about the port.
  bool is_cut_short = false;   ///< The time of --wait was over before an answer came: says nothing.
};

/// Tests one port once. `left_to_wait` is what is left of --wait, if that has an end. It does not
/// fail. Context and options must outlive the Future.
Future<ProbeOutcome> probe_once(Context& context, const ConnectOptions& options, Address target,
                                std::int64_t connection, std::optional<Duration> left_to_wait);

/// The result of a probe, as a line of text or a JSON object, with its newline.
std::string probe_line(const Address& target, const ProbeOutcome& outcome, bool json);

/// Gives the targets out one by one, spans of ports taken apart.
class TargetList {
 public:
  /// Borrows `targets`.
  explicit TargetList(const std::vector<ProbeTarget>& targets) noexcept : targets_(targets) {}
  std::optional<Address> next();

 private:
  const std::vector<ProbeTarget>& targets_;
  std::size_t index_ = 0;
  unsigned offset_ = 0;
};

}  // namespace ioa::cli

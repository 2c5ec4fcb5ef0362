#include "cli/byte_taps.hpp"

#include <fmt/format.h>

#include <chrono>
#include <string_view>

namespace ioa::cli {
namespace {

/// "1048576 bytes sent (1.0M/s)"
std::string with_rate(std::uint64_t bytes, std::string_view way, Duration elapsed) {
  const double seconds = std::chrono::duration<double>(elapsed).count();
  const double rate = seconds > 0 ? static_cast<double>(bytes) / seconds : 0;
  return fmt::format("{} bytes {} ({}/s)", bytes, way,
                     format_bytes(static_cast<std::uint64_t>(rate)));
}

}  // namespace

Future<> ByteTaps::prepare() {
  if (!options_.hex_dump.empty()) co_await dump_file_.open();
}

void ByteTaps::open_dump() {
  dump_.emplace(context_.reporter, dump_file_.take(), options_.hex_dump);
  sent_dump_.emplace(*dump_, DumpDirection::sent);
  received_dump_.emplace(*dump_, DumpDirection::received);
}

void ByteTaps::report(std::uint64_t sent, std::uint64_t received, Duration elapsed,
                      std::string_view label) const {
  const auto say = [&](const std::string& sum) {
    context_.reporter.warning(label.empty() ? sum : fmt::format("{}: {}", label, sum));
  };
  if (options_.stats)
    say(fmt::format("{}, {}, {}", with_rate(sent, "sent", elapsed),
                    with_rate(received, "received", elapsed), format_measured(elapsed)));
  if (!options_.sha256) return;
  say(fmt::format("SHA-256 sent: {}", sent_digest_->hex()));
  say(fmt::format("SHA-256 received: {}", received_digest_->hex()));
}

}  // namespace ioa::cli

#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "cli/byte_filters.hpp"
#include "cli/byte_options.hpp"
#include "cli/commands/output_file.hpp"
#include "cli/context.hpp"
#include "ioa/base/clock.hpp"
#include "ioa/future/future.hpp"

namespace ioa::cli {

/// What the options have done with the bytes on their way: -C, -x, --sha256, and the sums of
/// --stats at the end.
///
/// OWNERSHIP: context and options outlive it, and it outlives the pump.
class ByteTaps {
 public:
  ByteTaps(Context& context, const ByteOptions& options)
      : context_(context),
        options_(options),
        dump_file_(context, options.hex_dump, options.append) {}
  ByteTaps(const ByteTaps&) = delete;
  ByteTaps& operator=(const ByteTaps&) = delete;

  /// Opens the hex dump, before anything is connected. Fails with an Error whose operation() is
  /// "open".
  Future<> prepare();
  /// Adds the filters to a Pump or a DatagramPump that has not begun.
  template <class P>
  void add_to(P& pump) {
    if (options_.crlf) pump.add_filter(P::Side::far, crlf_.emplace());
    if (options_.sha256) {
      pump.add_filter(P::Side::far, sent_digest_.emplace());
      pump.add_filter(P::Side::near, received_digest_.emplace());
    }
    if (options_.hex_dump.empty()) return;
    open_dump();
    pump.add_filter(P::Side::far, *sent_dump_);
    pump.add_filter(P::Side::near, *received_dump_);
  }
  /// Once the bytes have moved. False if the dump could not be written, which has been said.
  bool close() { return !dump_ || dump_->close(); }
  /// Says the sums that were asked for, behind `label` if there is one.
  void report(std::uint64_t sent, std::uint64_t received, Duration elapsed,
              std::string_view label = {}) const;

 private:
  void open_dump();

  Context& context_;
  const ByteOptions& options_;
  OutputFile dump_file_;
  std::optional<HexDump> dump_;
  std::optional<CrlfFilter> crlf_;
  std::optional<DigestFilter> sent_digest_;
  std::optional<DigestFilter> received_digest_;
  std::optional<DumpFilter> sent_dump_;
  std::optional<DumpFilter> received_dump_;
};

}  // namespace ioa::cli

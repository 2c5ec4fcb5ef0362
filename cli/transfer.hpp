#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "cli/byte_options.hpp"
#include "cli/byte_taps.hpp"
#include "cli/context.hpp"
#include "cli/exit_status.hpp"
#include "cli/near_side.hpp"
#include "cli/progress_meter.hpp"
#include "ioa/base/unique_fd.hpp"
#include "ioa/future/future.hpp"
#include "ioa/io/pump.hpp"

namespace ioa::cli {

/// The bytes of one connection: joins a near side to the peer's socket as the options say, shows
/// how far it is, and says how it ended, in events, on standard error and as an exit status.
///
///     Transfer transfer(context, options, 1);
///     co_await transfer.prepare();
///     …connect, open the near side…
///     ExitStatus status = co_await transfer.run(std::move(near), std::move(socket));
///
/// OWNERSHIP: context and options outlive it.
class Transfer {
 public:
  Transfer(Context& context, const ByteOptions& options, std::int64_t connection);
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;
  /// Ends what runs.
  ~Transfer();

  /// Opens the hex dump, before anything is connected. Fails with an Error whose operation() is
  /// "open".
  Future<> prepare();
  /// Moves the bytes, to the end. The peer's socket is closed then.
  Future<ExitStatus> run(NearSide near, UniqueFd peer);

  /// What stands in front of its messages, where several are reported side by side; empty: nothing.
  void set_label(std::string label) { label_ = std::move(label); }

  bool is_running() const noexcept { return pump_ != nullptr; }
  /// Whether all that was read arrived, and both sides ended in order; once it has ended.
  bool is_complete() const noexcept { return is_complete_; }
  /// Whether the near source came to its end, or nothing is read from it: then the near side has
  /// got all that it will get, and may still be busy with it.
  bool has_near_ended() const noexcept { return has_near_ended_ || !gives_; }
  /// The near side has gone altogether: what it has left is sent, then it is over.
  void end_near();
  /// Ends it because of a signal, once what was received is written out.
  void interrupt(int signal);
  /// Ends it because the time of the whole run, `limit`, is up.
  void cut_off(Duration limit);
  /// "5 bytes sent, 7 received", so far.
  std::string moved() const;
  /// The same as numbers.
  std::pair<std::uint64_t, std::uint64_t> bytes() const;

 private:
  PumpOptions pump_options(const NearSide& near) const;
  std::unique_ptr<Pump> make_pump(NearSide near, UniqueFd peer);
  void side_ended(Pump::Side side);
  void say_waiting(bool for_peer);
  ProgressReading progress() const;
  ExitStatus report(const PumpResult& result);
  void report_closed(const PumpResult& result);
  ExitStatus status_of(const PumpResult& result);
  std::string moved_in_words(const PumpResult& result) const;

  Context& context_;
  const ByteOptions& options_;
  std::int64_t connection_;
  std::string label_;
  ByteTaps taps_;
  Pump* pump_ = nullptr;  // while it is in the loop
  bool finishes_ = false;
  bool gives_ = true;
  std::string near_name_;
  std::string event_name_;
  std::optional<std::uint64_t> input_size_;  // where it is known
  std::pair<std::uint64_t, std::uint64_t> moved_;
  std::optional<ProgressMeter> meter_;
  TimePoint began_{};
  int signal_ = 0;
  Duration limit_{};
  bool is_complete_ = false;
  bool has_near_ended_ = false;
  bool has_peer_ended_ = false;
};

}  // namespace ioa::cli

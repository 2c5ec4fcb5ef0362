#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "cli/byte_options.hpp"
#include "cli/commands/output_file.hpp"
#include "cli/context.hpp"
#include "cli/near_child.hpp"
#include "ioa/future/future.hpp"
#include "ioa/io/byte_end.hpp"
#include "ioa/net/socket_address.hpp"

namespace ioa::cli {

/// What a peer is joined to, opened: a source, a sink, and what their ends mean.
struct NearSide {
  ByteEnd source = ByteEnd::discard();
  ByteEnd sink = ByteEnd::discard();
  /// What errors call the two.
  std::string source_name = "standard input";
  std::string sink_name = "standard output";
  /// Whether the sink is standard output, whose reader may leave quietly.
  bool is_stdout = true;
  /// False if it only stores: it has no end of its own.
  bool gives = true;
  /// What `--on-peer-eof auto` is: whether its end follows from that of the peer, or comes by
  /// itself, so that it is waited for.
  bool finishes = false;
  /// Whether the peer's end is passed on by shutting down, and the sink is read by somebody whose
  /// leaving is a failure: PumpOptions::near_half_closes.
  bool half_closes = false;
  /// Whether what it is given is what it gives, so that it takes no more than is taken from it.
  bool echoes = false;
  /// PumpOptions::near_reader_may_leave.
  bool reader_may_leave = false;
  /// What -v and events call it: "stdin", or "near".
  std::string event_name = "near";
};

/// Opens what an address says as a near side: the standard descriptors, another one, files,
/// generators, sockets, commands. What can go wrong early is tried in prepare(), before there is a
/// peer; what costs something, or changes something, is done in open().
///
///     NearSideOpener opener(context, options);
///     co_await opener.prepare();
///     …connect…
///     NearSide near = co_await opener.open(names);
///     …a Pump…
///     co_await opener.end(true);
///
/// OWNERSHIP: context and options outlive it, and it outlives what it has opened.
class NearSideOpener {
 public:
  NearSideOpener(Context& context, const ByteOptions& options);

  /// Where a tcp: is whose host and port are numbers, so that nobody has to be asked.
  static std::optional<SocketAddress> target_of(const Address& near);
  /// For who opens the same for many: what target_of() has said, so that it is read once only.
  void set_target(const std::optional<SocketAddress>& target) { target_ = target; }

  /// Opens files, and looks for the command. Fails with an Error whose operation() is "open" or
  /// "exec".
  Future<> prepare();
  /// Opens the rest: files lose what they hold unless it is added to, sockets are connected, within
  /// `limit` (zero: none), a command is started. Fails with the Error of that.
  Future<NearSide> open(const ConnectionNames& peer, Duration limit);
  /// Ends a command, and waits for that; see NearChild::end().
  Future<> end(bool is_ending);

  /// The command, if it is one.
  NearChild* child() noexcept { return child_.get(); }
  bool is_child() const noexcept { return child_ != nullptr; }

 private:
  Future<> connect(NearSide& near, std::int64_t connection, Duration limit);
  void open_child(NearSide& near, const ConnectionNames& peer);
  void open_stdio(NearSide& near);
  void open_descriptor(NearSide& near) const;
  void open_source(NearSide& near);
  void take_file(NearSide& near);
  void prepare_file();

  Context& context_;
  const ByteOptions& options_;
  std::optional<SocketAddress> target_;
  OutputFile output_;
  UniqueFd file_;       // read:, file:
  UniqueFd file_sink_;  // file:, where it has a place of its own to write at
  std::unique_ptr<NearChild> child_;
};

}  // namespace ioa::cli

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>

#include "cli/byte_taps.hpp"
#include "cli/commands/listen/hub.hpp"
#include "cli/commands/listen/listen_options.hpp"
#include "cli/commands/listen/peer_service.hpp"
#include "cli/commands/output_file.hpp"
#include "cli/context.hpp"
#include "ioa/base/clock.hpp"

namespace ioa::cli {

/// Peers that have one source, or each other: standard input and output with -k, --broker, --chat;
/// and one peer whose lines begin with a tag. What a Hub does is said here, in events, on standard
/// error and as an exit status.
///
/// OWNERSHIP: context, options and host outlive it.
class HubService final : public PeerService {
 public:
  HubService(Context& context, const ListenOptions& options, ServiceHost& host);
  ~HubService() override;

  Future<> prepare() override;
  void serve(ListenPeer peer) override;
  void interrupt(int signal) override;
  void cut_off(Duration limit) override;
  BytesMoved moved() const override;
  ExitStatus conclude() override;

 private:
  /// What is kept of a peer besides its bytes.
  struct Served {
    ConnectionSlot slot;
    std::string label;
    TimePoint began;
    bool has_ended_its_side = false;
  };

  HubPlan plan() const;
  void start();
  void source_ended();
  void peer_eof(std::int64_t number);
  void peer_ended(const HubPeerEnd& end);
  ExitStatus say(const HubPeerEnd& end, const Served& peer);
  void say_closed(const HubPeerEnd& end, const Served& peer, std::string_view reason);
  void failed(const Error& error, bool of_sink);

  Context& context_;
  const ListenOptions& options_;
  ServiceHost& host_;
  OutputFile output_;
  ByteTaps taps_;
  Hub* hub_ = nullptr;  // while it is in the loop
  std::unordered_map<std::int64_t, Served> served_;
  TimePoint began_{};
  BytesMoved gone_;
  std::uint64_t dropped_ = 0;
  bool has_cut_ = false;  // a peer that was too slow
  int signal_ = 0;
  Duration limit_{};
  std::optional<ExitStatus> fatal_;  // what the run ends with, once the peers are gone
};

}  // namespace ioa::cli

#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <optional>

#include "cli/commands/connect_options.hpp"
#include "cli/commands/datagram_transfer.hpp"
#include "cli/commands/listen/listen_options.hpp"
#include "cli/commands/listen/peer_service.hpp"
#include "cli/context.hpp"
#include "cli/near_side.hpp"

namespace ioa::cli {

/// Joins all peers of datagrams to standard input and output (-k): what they say goes there, and
/// what is read goes to the one that has spoken last. While there is none nothing is read.
///
/// OWNERSHIP: context, options and host outlive it.
class SendersService final : public PeerService {
 public:
  SendersService(Context& context, const ListenOptions& options, ServiceHost& host);
  ~SendersService() override;

  Future<> prepare() override;
  void serve(ListenPeer peer) override;
  std::int64_t settle() override;
  void interrupt(int signal) override;
  void cut_off(Duration limit) override;
  BytesMoved moved() const override;

 private:
  class Sender;
  class Side;

  Future<> work();
  void ended(Sender& sender, const PeerEnd& end);
  void end_all(std::string_view reason);

  Context& context_;
  ServiceHost& host_;
  ConnectOptions options_;
  NearSideOpener near_;
  DatagramTransfer transfer_;
  std::list<std::unique_ptr<Sender>> senders_;
  Sender* last_ = nullptr;  // who has spoken last, and is still there
  Side* side_ = nullptr;    // while there is a transfer
  bool is_settling_ = false;
  bool is_over_ = false;
  Future<> work_;
};

}  // namespace ioa::cli

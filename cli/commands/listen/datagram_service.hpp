#pragma once

#include <list>

#include "cli/commands/listen/listen_options.hpp"
#include "cli/commands/listen/peer_service.hpp"
#include "cli/context.hpp"

namespace ioa::cli {

class DatagramPeer;

/// Serves peers of datagrams, datagram by datagram: --echo, --discard, and --to an address that
/// takes datagrams, which thus keep their boundaries.
///
/// OWNERSHIP: context, options and host outlive it.
class DatagramService final : public PeerService {
 public:
  DatagramService(Context& context, const ListenOptions& options, ServiceHost& host)
      : context_(context), options_(options), host_(host) {}
  ~DatagramService() override;

  void serve(ListenPeer peer) override;
  void no_more_peers() override { is_draining_ = true; }
  std::int64_t settle() override;
  void interrupt(int signal) override;
  void cut_off(Duration limit) override;
  BytesMoved moved() const override;

 private:
  friend class DatagramPeer;
  void ended(DatagramPeer& peer, const PeerEnd& end);

  Context& context_;
  const ListenOptions& options_;
  ServiceHost& host_;
  std::list<DatagramPeer*> peers_;  // in the loop
  bool is_draining_ = false;        // peers end as soon as nothing is under way
};

}  // namespace ioa::cli

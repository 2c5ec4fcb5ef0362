#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "cli/commands/listen/listen_options.hpp"
#include "cli/commands/listen/peer_service.hpp"
#include "cli/context.hpp"
#include "ioa/loop/watch.hpp"

namespace ioa::cli {

class ReflectedPeer;

/// --echo and --discard for many peers: each gets back what it sends, or nothing.
///
/// A peer that is silent is one small object and one watch: no buffer, no coroutine, and a timer
/// only where --idle-timeout asks for one. Who wants to see the bytes, or to hold them to a rate,
/// has a SessionService instead.
///
/// OWNERSHIP: context, options and host outlive it.
class ReflectService final : public PeerService {
 public:
  ReflectService(Context& context, const ListenOptions& options, ServiceHost& host);
  ~ReflectService() override;

  void serve(ListenPeer peer) override;
  void interrupt(int signal) override;
  void cut_off(Duration limit) override;
  BytesMoved moved() const override;

 private:
  friend class ReflectedPeer;
  void close(ReflectedPeer& peer, std::string_view reason, ExitStatus status);
  template <class Function>
  void for_each(Function function);

  Context& context_;
  const ListenOptions& options_;
  ServiceHost& host_;
  ReflectedPeer* peers_ = nullptr;  // those that are open
};

}  // namespace ioa::cli

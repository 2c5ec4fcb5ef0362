#include "cli/commands/listen/datagram_service.hpp"

#include <memory>
#include <utility>

#include "cli/commands/listen/datagram_peer.hpp"
#include "cli/commands/listen/forwarded_peer.hpp"
#include "ioa/loop/loop.hpp"

namespace ioa::cli {
namespace {

/// Each peer may take itself out.
template <class Function>
void for_each(const std::list<DatagramPeer*>& peers, Function function) {
  for (auto place = peers.begin(); place != peers.end();) function(**place++);
}

}  // namespace

DatagramService::~DatagramService() {
  for (DatagramPeer* peer : peers_) {
    peer->forget_service();
    peer->remove();
  }
}

void DatagramService::serve(ListenPeer peer) {
  std::unique_ptr<DatagramPeer> made;
  if (options_.serve_by == ServeBy::near)
    made = std::make_unique<ForwardedPeer>(*this, context_, options_, std::move(peer));
  else
    made = std::make_unique<DatagramPeer>(*this, context_, options_, std::move(peer));
  made->place_ = peers_.insert(peers_.end(), made.get());
  context_.loop.add(std::move(made));
}

std::int64_t DatagramService::settle() {
  for_each(peers_, [](DatagramPeer& peer) {
    if (peer.is_settled()) peer.end(PumpEnd::interrupted);
  });
  return 0;
}

void DatagramService::interrupt(int signal) {
  for_each(peers_, [&](DatagramPeer& peer) { peer.interrupt(signal); });
}

void DatagramService::cut_off(Duration limit) {
  for_each(peers_, [&](DatagramPeer& peer) { peer.cut_off(limit); });
}

BytesMoved DatagramService::moved() const {
  BytesMoved sum;
  for (const DatagramPeer* peer : peers_) {
    const BytesMoved each = peer->moved();
    sum.sent += each.sent;
    sum.received += each.received;
  }
  return sum;
}

void DatagramService::ended(DatagramPeer& peer, const PeerEnd& end) {
  peers_.erase(peer.place_);
  host_.peer_ended(end);
}

}  // namespace ioa::cli

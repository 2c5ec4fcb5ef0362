#include "cli/commands/listen/peer_label.hpp"

#include <fmt/format.h>

#include "cli/commands/listen/peer_service.hpp"
#include "cli/escape.hpp"

namespace ioa::cli {

std::string label_of(const ListenPeer& peer) {
  const std::string address = peer.connection.peer.to_string();
  const bool is_nameless = address.empty() || address == "unix:";
  return is_nameless ? fmt::format("connection {}", peer.number) : escape(address);
}

}  // namespace ioa::cli

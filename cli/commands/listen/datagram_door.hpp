#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "cli/commands/listen/listen_options.hpp"
#include "cli/context.hpp"
#include "ioa/base/unique_function.hpp"
#include "ioa/net/conversation_side.hpp"
#include "ioa/net/datagram_server.hpp"
#include "ioa/net/listen_socket.hpp"

namespace ioa::cli {

/// The datagram sockets of one run: each address that speaks to one of them is a peer.
///
/// OWNERSHIP: context and options outlive it; the conversations end with it.
class DatagramDoor {
 public:
  /// Whether a peer may come in, and what is done with it.
  using Admit = UniqueFunction<bool(const SocketAddress& peer)>;
  using Enter = UniqueFunction<void(std::unique_ptr<ConversationSide>, std::string_view protocol)>;

  /// Conversations end after `idle` of silence; zero: whoever serves them sees to that.
  DatagramDoor(Context& context, const ListenOptions& options, Duration idle);
  DatagramDoor(const DatagramDoor&) = delete;
  DatagramDoor& operator=(const DatagramDoor&) = delete;
  ~DatagramDoor();

  void on_admit(Admit admit) { admit_ = std::move(admit); }
  void on_enter(Enter enter) { enter_ = std::move(enter); }

  /// Serves this one too.
  void add(ListenSocket socket);
  bool empty() const noexcept { return servers_.empty(); }
  /// Lets nobody in any more; the peers that are in go on.
  void close();
  /// Says, once, what the system has thrown away, and what was dropped here. True if something was.
  bool report_losses();

 private:
  bool admits(const Datagram& datagram);
  std::size_t conversations() const noexcept;

  Context& context_;
  const ListenOptions& options_;
  Duration idle_;
  std::uint64_t dropped_ = 0;  // as more than --buffer waited for what serves the sender
  Admit admit_;
  Enter enter_;
  std::vector<DatagramServer*> servers_;  // in the loop
  bool is_closed_ = false;
  bool has_told_losses_ = false;
  bool has_told_overflow_ = false;  // and has been full since
};

}  // namespace ioa::cli

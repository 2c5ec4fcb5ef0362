#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>

#include "cli/commands/listen/listen_options.hpp"
#include "cli/commands/listen/peer_service.hpp"
#include "cli/context.hpp"
#include "ioa/base/error.hpp"
#include "ioa/io/pump.hpp"
#include "ioa/loop/notifier.hpp"
#include "ioa/net/conversation_side.hpp"

namespace ioa::cli {

class DatagramService;

/// One peer of a DatagramService: --echo and --discard. It leaves the loop when its conversation
/// ends.
///
/// OWNERSHIP: the loop's. Context and options outlive it; the service does, or has called
/// forget_service().
class DatagramPeer : public Notifier, protected DatagramSide::User {
 public:
  DatagramPeer(DatagramService& service, Context& context, const ListenOptions& options,
               ListenPeer peer);

  /// Ends it once what it was to get is sent; end() may come before it returns.
  void interrupt(int signal);
  void cut_off(Duration limit);
  BytesMoved moved() const;
  /// Nothing is under way: nothing waits to be sent, and no answer is waited for.
  virtual bool is_settled() const { return side_ && side_->pending_datagrams() == 0; }
  /// The service goes first: nobody is to be told any more.
  void forget_service() noexcept { service_ = nullptr; }

 protected:
  void added_to_loop(Loop& loop) override;
  void removing_from_loop(Loop&) override { side_.reset(); }

  void received(const Datagram& datagram) override;
  void peer_has_ended() override {}
  void receiving_failed(const Error& error) override { end(PumpEnd::far_failed, error); }
  void sending_failed(const Error& error) override;
  void writable() override {}
  void all_sent() override;

  /// Says why, and goes. With -k only failures are worth a line.
  /// `status` is what a failure means, where that is not an error of input or output.
  void end(PumpEnd end, const std::optional<Error>& error = std::nullopt,
           std::optional<ExitStatus> status = std::nullopt);
  /// Ends it if that is what is waited for, and nothing is under way.
  void end_if_settled();
  /// A datagram was lost, and the conversation goes on: the first one is worth a line.
  void lost(const Error& error);

  Context& context_;
  const ListenOptions& options_;
  std::unique_ptr<ConversationSide> side_;  // until it has ended
  std::int64_t number_;

 private:
  friend class DatagramService;
  void say(const std::string& message) const;
  void report_closed(const Conversation& conversation, PumpEnd end) const;

  DatagramService* service_;
  std::list<DatagramPeer*>::iterator place_;
  std::string label_;  // in front of messages; empty if it is the only peer
  std::string name_;
  TimePoint began_;
  Duration limit_{0};
  int signal_ = 0;
  bool has_lost_ = false;
};

}  // namespace ioa::cli

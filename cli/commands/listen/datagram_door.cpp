#include "cli/commands/listen/datagram_door.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "cli/escape.hpp"
#include "ioa/loop/loop.hpp"

namespace ioa::cli {

DatagramDoor::DatagramDoor(Context& context, const ListenOptions& options, Duration idle)
    : context_(context), options_(options), idle_(idle) {}

DatagramDoor::~DatagramDoor() {
  for (DatagramServer* server : servers_) server->remove();
}

void DatagramDoor::add(ListenSocket socket) {
  auto server = std::make_unique<DatagramServer>(std::move(socket));
  const bool is_unix = server->address().is_unix();
  if (is_unix) server->set_receive_size(Socket::kMaxReceiveSize);
  server->set_send_marks(options_.buffer / 2, options_.buffer);
  // The kernel has Unix senders wait, and can do no more than drop what others send: better what is
  // for the one that takes nothing than what is for anybody. Those of stdin take as one.
  const bool drops = !is_unix && options_.keep_open && options_.serve_by != ServeBy::stdio;
  server->set_drops_when_paused(drops);
  server->on_admit([this](DatagramServer&, const Datagram& datagram) { return admits(datagram); });
  server->on_conversation([this, is_unix, drops](DatagramServer&, Conversation& conversation) {
    auto side = std::make_unique<ConversationSide>(conversation);
    if (drops) side->keep_up_to(std::max<std::size_t>(1, options_.buffer));
    conversation.on_dropped([this](Conversation&) { ++dropped_; });
    enter_(std::move(side), is_unix ? "unix-dgram" : "udp");
  });
  server->on_receive_error([this](DatagramServer& self, const Error& error) {
    context_.reporter.warning(fmt::format("{}: {}", self.address().to_string(), error.reason()));
  });
  DatagramServer& added = context_.loop.add(std::move(server));
  added.set_idle_timeout(idle_);
  servers_.push_back(&added);
}

bool DatagramDoor::admits(const Datagram& datagram) {
  if (is_closed_) return false;
  if (admit_ && !admit_(datagram.from)) return false;
  const bool is_full = options_.keep_open && options_.max_connections > 0 &&
                       conversations() >= options_.max_connections;
  if (is_full && !std::exchange(has_told_overflow_, true))
    context_.reporter.warning(
        fmt::format("{} peers, the limit of --max-conns: datagrams of others are dropped, first of "
                    "{}",
                    options_.max_connections, escape(datagram.from.to_string())));
  if (!is_full) has_told_overflow_ = false;
  return !is_full;
}

std::size_t DatagramDoor::conversations() const noexcept {
  std::size_t count = 0;
  for (const DatagramServer* server : servers_) count += server->conversations();
  return count;
}

void DatagramDoor::close() {
  if (std::exchange(is_closed_, true)) return;
  std::erase_if(servers_, [](DatagramServer* server) {
    if (server->conversations() > 0) return false;
    server->remove();
    return true;
  });
}

bool DatagramDoor::report_losses() {
  if (std::exchange(has_told_losses_, true)) return dropped_ > 0;
  if (dropped_ > 0)
    context_.reporter.error(fmt::format(
        "{} datagrams dropped in all, as what serves their senders took nothing", dropped_));
  std::uint64_t dropped = 0;
  for (const DatagramServer* server : servers_) dropped += server->dropped_by_kernel();
  if (dropped > 0)
    context_.reporter.warning(fmt::format(
        "{} datagrams came faster than they could be taken, and were dropped by the system",
        dropped));
  return dropped_ > 0;
}

}  // namespace ioa::cli

#include "ioa/ares/udp_channel.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "ioa/ares/datagram_batch.hpp"
#include "ioa/ares/message_reader.hpp"
#include "ioa/base/error.hpp"
#include "ioa/base/unique_fd.hpp"
#include "ioa/loop/loop.hpp"

namespace ioa::detail {
namespace {

// RFC 4343: the case of ASCII, whatever the locale.
unsigned char lower(unsigned char byte) noexcept {
  return byte >= 'A' && byte <= 'Z' ? static_cast<unsigned char>(byte - 'A' + 'a') : byte;
}

/// Whether a message asks what `query` asks; its question ends at `end`. No reply has a reason to
/// write the name otherwise than byte by byte, for there is nothing before it to point at.
bool is_same_question(std::span<const unsigned char> query, std::span<const unsigned char> message,
                      std::size_t end) noexcept {
  if (end > query.size()) return false;
  constexpr std::size_t kHeader = MessageReader::kHeaderSize;
  const std::size_t name_end = end - MessageReader::kQuestionSize;
  // Nearly every server gives it back as it is. The lengths of labels are no letters.
  if (std::memcmp(query.data() + kHeader, message.data() + kHeader, end - kHeader) == 0)
    return true;
  return std::memcmp(query.data() + name_end, message.data() + name_end, end - name_end) == 0 &&
         std::equal(query.data() + kHeader, query.data() + name_end, message.data() + kHeader,
                    [](unsigned char a, unsigned char b) { return lower(a) == lower(b); });
}

}  // namespace

struct UdpChannel::Socket {
  Socket(Loop& loop, UniqueFd opened) : fd(std::move(opened)), watch(loop), batch(fd.get()) {}
  UniqueFd fd;
  IoWatch watch;
  DatagramBatch batch;
};

UdpChannel::UdpChannel(Loop& loop, const SocketAddress& server, int receive_buffer)
    : loop_(loop),
      server_(server),
      receive_buffer_(receive_buffer),
      settle_(loop, [this] { settle(); }) {}

UdpChannel::~UdpChannel() { end_all(AresProbe::End::dropped); }

void UdpChannel::ask(AresProbe& probe, AresQuery query) {
  probe.id_ = free_id();
  probe.number_ = asked_++;
  probe.query_ = std::move(query);
  probe.query_.set_id(probe.id_);
  place_of(probe.id_) = &probe;
  ++pending_;
  settle_.schedule();
  if (!socket_ && !open()) return end(probe, AresProbe::End::broken, {});
  const bool is_enough = socket_->batch.add(probe.query_.message());
  if (is_enough && !socket_->watch.wanted().has(IoEvent::write)) socket_->batch.flush();
}

void UdpChannel::drop(AresProbe& probe) noexcept { end(probe, AresProbe::End::dropped, {}); }

/// False, and last_error(), if there is no way to the server.
bool UdpChannel::open() {
  UniqueFd fd(::socket(server_.family(), SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd || ::connect(fd.get(), server_.data(), server_.size()) != 0) {
    last_error_ = errno;
    return false;
  }
  // A failure costs speed at most.
  static_cast<void>(
      ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUF, &receive_buffer_, sizeof receive_buffer_));
  auto opened = std::make_unique<Socket>(loop_, std::move(fd));
  opened->watch.set_callback([this](IoEvent event) { ready(event); });
  try {
    opened->watch.start(opened->fd.get(), IoEvent::read);
  } catch (const Error& error) {
    last_error_ = error.code().value();
    return false;
  }
  socket_ = std::move(opened);
  return true;
}

/// What a turn has come to: what was asked in it is sent, and without questions there is no socket.
void UdpChannel::settle() {
  if (pending_ == 0)
    socket_.reset();
  else if (socket_)
    send();
}

void UdpChannel::send() {
  const bool is_sent = socket_->batch.flush();
  if (const int error = socket_->batch.take_error(); error != 0) return broken(error);
  socket_->watch.want(is_sent ? IoEvents(IoEvent::read)
                              : IoEvents(IoEvent::read).with(IoEvent::write));
}

void UdpChannel::ready(IoEvent event) {
  if (event == IoEvent::write) return send();
  socket_->batch.receive();
  for (auto message = socket_->batch.next(); !message.empty(); message = socket_->batch.next())
    take(message);
  if (const int error = socket_->batch.take_error(); error != 0) broken(error);
}

/// A probe remembers that it has seen what is no reply: if nothing better comes, that is what has
/// happened.
void UdpChannel::take(std::span<const unsigned char> message) {
  const MessageReader reader(message);
  AresProbe* probe = message.size() < 2 ? nullptr : place_of(reader.u16(0));
  if (probe == nullptr) return;
  if (message.size() < MessageReader::kHeaderSize || !reader.is_response())
    return static_cast<void>(probe->saw_malformed_ = true);
  const auto question_end = reader.skip_question();
  if (!question_end) return static_cast<void>(probe->saw_malformed_ = true);
  if (is_same_question(probe->query_.message(), message, *question_end))
    end(*probe, AresProbe::End::reply, message);
}

void UdpChannel::end(AresProbe& probe, AresProbe::End how,
                     std::span<const unsigned char> reply) noexcept {
  place_of(probe.id_) = std::exchange(probe.next_, nullptr);
  if (--pending_ == 0) settle_.schedule();
  probe.ended(how, reply);
}

/// Those that are asked meanwhile are not among them. Each time it is looked anew, since others may
/// end with one.
void UdpChannel::end_all(AresProbe::End how) noexcept {
  const std::uint64_t first_new = asked_;
  for (AresProbe*& first : probes_)
    for (AresProbe* probe = first; probe != nullptr;) {
      const bool is_new = probe->number_ >= first_new;
      if (!is_new) end(*probe, how, {});
      probe = is_new ? probe->next_ : first;
    }
}

/// A port at which nobody listens (an ICMP message says so), or a network that is not there. What
/// is asked next has a socket of its own.
void UdpChannel::broken(int error) {
  last_error_ = error;
  const auto gone = std::move(socket_);
  end_all(AresProbe::End::broken);
}

/// Where the probe with this id is put down, or would be.
AresProbe*& UdpChannel::place_of(std::uint16_t id) noexcept {
  AresProbe** place = &probes_[id % kChains];
  while (*place != nullptr && (*place)->id_ != id) place = &(*place)->next_;
  return *place;
}

std::uint16_t UdpChannel::free_id() {
  std::uint16_t id = random_number();
  while (place_of(id) != nullptr) id = random_number();
  return id;
}

}  // namespace ioa::detail

#include "ioa/io/fd_passing.hpp"

#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <iterator>
#include <memory>
#include <utility>

#include "ioa/base/assert.hpp"
#include "ioa/base/syscall.hpp"
#include "ioa/io/stream.hpp"

namespace ioa {
namespace {

struct Control {
  alignas(cmsghdr) std::array<char, CMSG_SPACE(kMaxPassedFds * sizeof(int))> bytes{};
};

IoResult not_done(IoEvent direction) {
  const int error = errno;
  if (would_block(error)) return IoResult::blocked(direction);
  return IoResult::failed(std::error_code(error, std::system_category()));
}

void take_fds(msghdr& message, std::vector<UniqueFd>& fds) {
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr;
       header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(header) + i * sizeof fd, sizeof fd);
      fds.emplace_back(fd);
    }
  }
}

}  // namespace

IoResult send_with_fds(int socket, std::string_view bytes, std::span<const int> fds) {
  IOA_ASSERT(!bytes.empty(), "descriptors travel with a byte");
  IOA_ASSERT(fds.size() <= kMaxPassedFds, "more descriptors than a message carries");
  iovec piece{const_cast<char*>(bytes.data()), bytes.size()};
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  Control control;
  if (!fds.empty()) {
    message.msg_control = control.bytes.data();
    message.msg_controllen = CMSG_SPACE(fds.size_bytes());
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(fds.size_bytes());
    std::memcpy(CMSG_DATA(header), fds.data(), fds.size_bytes());
  }
  const ssize_t size =
      retry_on_eintr([&] { return ::sendmsg(socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL); });
  if (size < 0) return not_done(IoEvent::write);
  return IoResult::done(static_cast<std::size_t>(size));
}

IoResult receive_with_fds(int socket, std::span<char> space, PassedFds& passed, std::size_t max) {
  iovec piece{space.data(), space.size()};
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  Control control;
  if (max > 0) {
    message.msg_control = control.bytes.data();
    // CMSG_LEN, not CMSG_SPACE: the kernel would put one more into the padding.
    message.msg_controllen = CMSG_LEN(std::min(max, kMaxPassedFds) * sizeof(int));
  }
  const ssize_t size =
      retry_on_eintr([&] { return ::recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC); });
  if (size < 0) return not_done(IoEvent::read);
  std::vector<UniqueFd> fds;
  take_fds(message, fds);
  passed.is_truncated = (message.msg_flags & MSG_CTRUNC) != 0;
  if (!passed.is_truncated) std::move(fds.begin(), fds.end(), std::back_inserter(passed.fds));
  if (size == 0) return IoResult::end();
  return IoResult::done(static_cast<std::size_t>(size));
}

FdPassing& FdPassing::use(Stream& stream, std::size_t max_fds) {
  auto owned = std::make_unique<FdPassing>(max_fds);
  FdPassing& passing = *owned;
  stream.set_transport(std::move(owned));
  return passing;
}

void FdPassing::send(Stream& stream, std::string_view bytes, std::vector<UniqueFd> fds) {
  IOA_ASSERT(!bytes.empty(), "descriptors travel with a byte");
  IOA_ASSERT(fds.size() <= kMaxPassedFds, "more descriptors than a message carries");
  const std::uint64_t position = written_ + stream.pending_bytes();
  groups_.push_back({position, std::move(fds)});
  stream.write(bytes);
  // The Stream takes no more, so nor do these go anywhere.
  if (written_ + stream.pending_bytes() == position && !groups_.empty()) groups_.pop_back();
}

std::optional<UniqueFd> FdPassing::take() {
  if (received_.empty()) return std::nullopt;
  std::optional<UniqueFd> first(std::move(received_.front()));
  received_.pop_front();
  return first;
}

IoResult FdPassing::read(int fd, std::span<char> space) {
  PassedFds passed;
  const IoResult result = receive_with_fds(fd, space, passed, max_fds_ - received_.size());
  if (passed.is_truncated) has_lost_ = true;
  for (UniqueFd& one : passed.fds) received_.push_back(std::move(one));
  return result;
}

IoResult FdPassing::write(int fd, std::string_view bytes) {
  std::size_t sent = 0;
  while (sent < bytes.size()) {
    const IoResult result = write_step(fd, bytes.substr(sent));
    if (result.status == IoResult::Status::failed && sent == 0) groups_.clear();
    if (result.status != IoResult::Status::done) return sent > 0 ? IoResult::done(sent) : result;
    sent += result.size;
  }
  return IoResult::done(sent);
}

/// Writes up to where the next descriptors go, with those that go with the first byte.
IoResult FdPassing::write_step(int fd, std::string_view bytes) {
  std::vector<int> numbers;
  std::size_t next = 0;
  if (!groups_.empty() && groups_.front().position == written_) {
    for (const UniqueFd& one : groups_.front().fds) numbers.push_back(one.get());
    next = 1;
  }
  if (next < groups_.size()) bytes = bytes.substr(0, groups_[next].position - written_);
  const IoResult result = send_with_fds(fd, bytes, numbers);
  if (result.status != IoResult::Status::done) return result;
  written_ += result.size;
  if (next > 0) groups_.pop_front();
  return result;
}

IoResult FdPassing::shutdown(int) { return IoResult::done(0); }

}  // namespace ioa

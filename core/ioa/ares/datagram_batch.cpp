#include "ioa/ares/datagram_batch.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "ioa/base/syscall.hpp"

namespace ioa::detail {

// Not value-initialized: pages that no datagram comes to are never touched.
DatagramBatch::DatagramBatch(int fd) : fd_(fd), in_(new std::array<Received, kBatch>) {}

bool DatagramBatch::add(std::span<const iovec> parts) {
  if (!has_unsent()) {
    out_.clear();
    ends_.clear();
    first_ = 0;
  }
  for (const iovec& part : parts) {
    const auto* bytes = static_cast<const unsigned char*>(part.iov_base);
    out_.insert(out_.end(), bytes, bytes + part.iov_len);
  }
  ends_.push_back(out_.size());
  return ends_.size() - first_ >= kBatch;
}

bool DatagramBatch::flush() noexcept {
  while (has_unsent()) {
    std::array<mmsghdr, kBatch> headers{};
    std::array<iovec, kBatch> parts{};
    const std::size_t count = std::min(kBatch, ends_.size() - first_);
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t index = first_ + i;
      const std::size_t begin = index == 0 ? 0 : ends_[index - 1];
      parts[i] = {out_.data() + begin, ends_[index] - begin};
      headers[i].msg_hdr.msg_iov = &parts[i];
      headers[i].msg_hdr.msg_iovlen = 1;
    }
    const int sent = retry_on_eintr([&] {
      return ::sendmmsg(fd_, headers.data(), static_cast<unsigned>(count),
                        MSG_DONTWAIT | MSG_NOSIGNAL);
    });
    if (sent > 0) {
      first_ += static_cast<std::size_t>(sent);
    } else if (would_block(errno)) {
      return false;
    } else {
      error_ = errno;  // of the first one, or an ICMP error about an earlier one
      ++first_;
    }
  }
  return true;
}

void DatagramBatch::begin_reading() noexcept { rounds_left_ = kRoundsOfReading; }

bool DatagramBatch::receive_more() noexcept {
  if (rounds_left_ == 0) {
    errno = EAGAIN;
    return false;
  }
  --rounds_left_;
  std::array<iovec, kBatch> parts{};
  for (std::size_t i = 0; i < kBatch; ++i) {
    parts[i] = {(*in_)[i].bytes.data(), kMaxDatagram};
    headers_[i].msg_hdr = {};
    headers_[i].msg_hdr.msg_iov = &parts[i];
    headers_[i].msg_hdr.msg_iovlen = 1;
  }
  const int count = retry_on_eintr(
      [&] { return ::recvmmsg(fd_, headers_.data(), kBatch, MSG_DONTWAIT, nullptr); });
  if (count <= 0) return false;
  received_ = static_cast<std::size_t>(count);
  next_ = 0;
  if (received_ < kBatch) rounds_left_ = 0;  // there were no more, and readiness tells of new ones
  return true;
}

ssize_t DatagramBatch::receive(unsigned char** bytes) noexcept {
  if (error_ != 0) {
    errno = last_error_ = std::exchange(error_, 0);
    return -1;
  }
  for (;;) {
    if (next_ == received_ && !receive_more()) {
      if (!would_block(errno)) last_error_ = errno;
      return -1;
    }
    const std::size_t index = next_++;
    if (headers_[index].msg_len == 0) continue;
    *bytes = (*in_)[index].bytes.data();
    return static_cast<ssize_t>(headers_[index].msg_len);
  }
}

}  // namespace ioa::detail

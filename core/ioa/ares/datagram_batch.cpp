#include "ioa/ares/datagram_batch.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "ioa/base/syscall.hpp"

namespace ioa::detail {

// Not value-initialized: pages that no datagram comes to are never touched.
DatagramBatch::DatagramBatch(int fd) : fd_(fd), in_(new std::array<Received, kBatch>) {
  for (std::size_t i = 0; i < kBatch; ++i) {
    parts_[i] = {(*in_)[i].bytes.data(), kMaxDatagram};
    headers_[i].msg_hdr.msg_iov = &parts_[i];  // the kernel changes nothing but lengths and flags
    headers_[i].msg_hdr.msg_iovlen = 1;
  }
}

bool DatagramBatch::add(Bytes datagram) {
  if (!has_unsent()) {
    out_.clear();
    ends_.clear();
    first_ = 0;
  }
  out_.insert(out_.end(), datagram.begin(), datagram.end());
  ends_.push_back(out_.size());
  return ends_.size() - first_ >= kBatch;
}

bool DatagramBatch::flush() noexcept {
  while (has_unsent()) {
    std::array<mmsghdr, kBatch> headers;
    std::array<iovec, kBatch> parts;
    const std::size_t count = std::min(kBatch, ends_.size() - first_);
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t index = first_ + i;
      const std::size_t begin = index == 0 ? 0 : ends_[index - 1];
      parts[i] = {out_.data() + begin, ends_[index] - begin};
      headers[i] = {};
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

void DatagramBatch::receive() noexcept {
  const int count = retry_on_eintr(
      [&] { return ::recvmmsg(fd_, headers_.data(), kBatch, MSG_DONTWAIT, nullptr); });
  if (count < 0 && !would_block(errno)) error_ = errno;
  received_ = static_cast<std::size_t>(std::max(count, 0));
  next_ = 0;
}

DatagramBatch::Bytes DatagramBatch::next() noexcept {
  while (next_ < received_) {
    const std::size_t index = next_++;
    if (headers_[index].msg_len > 0) return {(*in_)[index].bytes.data(), headers_[index].msg_len};
  }
  return {};
}

}  // namespace ioa::detail

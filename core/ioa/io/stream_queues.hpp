#pragma once

#include <cstdint>
#include <exception>

#include "ioa/base/byte_buffer.hpp"
#include "ioa/base/free_list.hpp"
#include "ioa/future/node_list.hpp"
#include "ioa/future/waiters.hpp"

/// The two queues of a Stream; not part of the interface. A Stream has them only while there is
/// something in them.
namespace ioa::detail {

/// A read that waits for its bytes.
class Reader : public FreeListed {
 public:
  Reader() = default;
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;
  virtual ~Reader() = default;

  /// Takes what it wants from the front of `in` and completes, or returns false: not enough yet. At
  /// the end of file it always completes.
  virtual bool serve(ByteBuffer& in, bool eof) = 0;
  virtual void fail(const std::exception_ptr& error) = 0;

  Reader* prev = nullptr;
  Reader* next = nullptr;
};

/// Bytes that were received and nobody has consumed, and reads that wait for more.
class Incoming : public FreeListed {
 public:
  Incoming() = default;
  Incoming(const Incoming&) = delete;
  Incoming& operator=(const Incoming&) = delete;
  ~Incoming();

  bool empty() const noexcept { return bytes.empty() && readers.empty(); }
  /// Gives the readers, in their order, what they want of `in`, until one needs more. Returns
  /// whether any was served.
  bool serve(ByteBuffer& in, bool eof);
  void fail_all(const std::exception_ptr& error);

  ByteBuffer bytes;
  NodeList<Reader> readers;
};

/// Bytes that the kernel has not taken, and who waits for that.
class Outgoing : public FreeListed {
 public:
  Outgoing() = default;
  Outgoing(const Outgoing&) = delete;
  Outgoing& operator=(const Outgoing&) = delete;
  ~Outgoing() = default;

  /// A Future of the moment when all that is queued now is sent.
  Future<> wait_flushed() { return flushed_.add(sent_ + bytes.size()); }
  Future<> wait_writable() { return writable_.add(); }

  /// The first `size` bytes were sent.
  void sent(std::size_t size);
  void has_become_writable() { writable_.done_all(); }
  void fail_all(const std::exception_ptr& error);

  ByteBuffer bytes;

 private:
  std::uint64_t sent_ = 0;
  Waiters flushed_;
  Waiters writable_;
};

}  // namespace ioa::detail

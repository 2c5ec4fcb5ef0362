#pragma once

#include <cstdint>
#include <exception>
#include <memory>
#include <string_view>

#include "ioa/base/byte_buffer.hpp"
#include "ioa/base/free_list.hpp"
#include "ioa/future/node_list.hpp"
#include "ioa/future/waiters.hpp"
#include "ioa/io/write_pieces.hpp"

/// The two queues of a Stream; not part of the interface. A Stream has them only while there is
/// something in them.
namespace ioa::detail {

/// A read that waits for its bytes: a Future, or a callback (Stream::push_on_read).
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
  /// It is not served but called, by the Stream, where code of its user may run.
  virtual bool is_callback() const noexcept { return false; }

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
  bool is_callback_next() const noexcept {
    return !readers.empty() && readers.first()->is_callback();
  }
  /// Gives the Futures, in their order, what they want of `in`, until one needs more or a callback
  /// is the first. Returns whether any was served.
  bool serve(ByteBuffer& in, bool eof);
  /// Fails the Futures; callbacks stay.
  void fail_futures(const std::exception_ptr& error);
  /// Fails the Futures, and drops the callbacks.
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

  bool empty() const noexcept { return bytes.empty() && !pieces_; }
  /// How many bytes are known to wait; a piece that has not given its bytes yet counts nothing.
  std::size_t size() const noexcept { return bytes.size() + (pieces_ ? pieces_->size() : 0); }

  void append(std::string_view more) { pieces_ ? pieces_->append(more) : bytes.append(more); }
  /// The queue of what is not, or comes behind what is not, bytes yet.
  WritePieces& pieces();
  bool has_pieces() const noexcept { return pieces_ != nullptr; }
  /// Gets bytes from the pieces to the front, if it is their turn.
  WritePieces::Next load() { return pieces_->load(bytes, sent_); }

  /// A Future of the moment when all that is queued now is sent.
  Future<> wait_flushed() {
    return pieces_ ? pieces_->wait_flushed() : flushed_.add(sent_ + bytes.size());
  }
  Future<> wait_writable() { return writable_.add(); }

  /// The first `size` bytes were sent.
  void sent(std::size_t size);
  void has_become_writable() { writable_.done_all(); }
  /// Returns whether there was anybody who waits for what is queued.
  bool fail_all(const std::exception_ptr& error);

  ByteBuffer bytes;

 private:
  std::uint64_t sent_ = 0;
  Waiters flushed_;
  Waiters writable_;
  std::unique_ptr<WritePieces> pieces_;
};

}  // namespace ioa::detail

#include "ioa/io/stream_queues.hpp"

#include "ioa/base/error.hpp"

namespace ioa::detail {

// Futures go first: a callback may own some of them, and dropping these would come back here.
Incoming::~Incoming() {
  if (readers.empty()) return;
  fail_futures(
      std::make_exception_ptr(Error(ErrorKind::abandoned, {}, "read", {}, "the stream is gone")));
  while (Reader* reader = readers.first()) {
    readers.remove(*reader);
    delete reader;
  }
}

bool Incoming::serve(ByteBuffer& in, bool eof) {
  bool served = false;
  while (Reader* reader = readers.first()) {
    if (!reader->serve(in, eof)) break;
    readers.remove(*reader);
    delete reader;
    served = true;
  }
  return served;
}

void Incoming::fail_futures(const std::exception_ptr& error) {
  for (Reader* reader = readers.first(); reader != nullptr; reader = reader->next)
    if (!reader->is_callback()) reader->fail(error);
  // Their Futures withdraw nothing any more, whoever drops them meanwhile.
  for (Reader *reader = readers.first(), *next = nullptr; reader != nullptr; reader = next) {
    next = reader->next;
    if (reader->is_callback()) continue;
    readers.remove(*reader);
    delete reader;
  }
}

void Incoming::fail_all(const std::exception_ptr& error) {
  fail_futures(error);
  while (Reader* reader = readers.first()) {
    readers.remove(*reader);
    delete reader;
  }
}

WritePieces& Outgoing::pieces() {
  if (!pieces_) pieces_ = std::make_unique<WritePieces>();
  return *pieces_;
}

void Outgoing::sent(std::size_t size) {
  bytes.consume(size);
  sent_ += size;
  flushed_.done_until(sent_);
  if (!pieces_) return;
  pieces_->settle(sent_);
  if (pieces_->empty()) pieces_.reset();
}

bool Outgoing::fail_all(const std::exception_ptr& error) {
  bool is_told = !flushed_.empty() || !writable_.empty();
  flushed_.fail_all(error);
  if (pieces_ && pieces_->fail_all(error)) is_told = true;
  writable_.fail_all(error);
  return is_told;
}

}  // namespace ioa::detail

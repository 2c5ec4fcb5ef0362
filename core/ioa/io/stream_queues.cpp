#include "ioa/io/stream_queues.hpp"

namespace ioa::detail {

Incoming::~Incoming() {
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

void Incoming::fail_all(const std::exception_ptr& error) {
  while (Reader* reader = readers.first()) {
    readers.remove(*reader);
    reader->fail(error);
    delete reader;
  }
}

void Outgoing::sent(std::size_t size) {
  bytes.consume(size);
  sent_ += size;
  flushed_.done_until(sent_);
}

void Outgoing::fail_all(const std::exception_ptr& error) {
  flushed_.fail_all(error);
  writable_.fail_all(error);
}

}  // namespace ioa::detail

#include "ioa/protocol/stream_protocol.hpp"

#include <sys/socket.h>

#include <stdexcept>

namespace ioa {

void StreamProtocol::set_up(Stream& stream) {
  stream.on_read([this](Stream&, ByteBuffer& in, bool eof) { received(in, eof); });
  stream.on_read_eof([this](Stream&) { received_eof(); });
  stream.on_write_eof([this](Stream&) { write_eof(); });
}

void StreamProtocol::tear_down(Stream& stream) noexcept {
  stream.on_read(nullptr);
  stream.on_read_eof(nullptr);
  stream.on_write_eof(nullptr);
}

int StreamProtocol::default_socktype(int) const noexcept { return SOCK_STREAM; }

Stream& StreamProtocol::stream() const {
  if (transport() == nullptr) throw std::logic_error("a protocol without a transport");
  return *transport();
}

void StreamProtocol::write(std::string_view bytes) { stream().write(bytes); }
Future<> StreamProtocol::write_done(std::string_view bytes) { return stream().write_done(bytes); }
Future<> StreamProtocol::flushed() { return stream().flushed(); }

}  // namespace ioa

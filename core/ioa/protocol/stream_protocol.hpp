#pragma once

#include <cstddef>
#include <string_view>

#include "ioa/base/byte_buffer.hpp"
#include "ioa/io/stream.hpp"
#include "ioa/protocol/protocol.hpp"

namespace ioa {

/// A protocol over a Stream, whatever that reads and writes through. A derived class says what it
/// makes of the bytes:
///
///     class Echo : public StreamProtocol {
///       void received(ByteBuffer& in, bool) override {
///         write(in.view());
///         in.clear();
///       }
///     };
///
/// ERRORS: without a transport, write() throws std::logic_error. Those of reading and writing close
/// the transport, unless somebody sets the Stream's own callbacks for them.
class StreamProtocol : public Protocol<Stream> {
 public:
  /// As those of Stream.
  void write(std::string_view bytes);
  Future<> write_done(std::string_view bytes);
  Future<> flushed();

 protected:
  /// All bytes that nobody has consumed yet, as Stream::on_read() has them: it consumes what it can
  /// use. With `eof` the last call.
  virtual void received(ByteBuffer& in, bool eof) = 0;
  /// The peer has sent its last byte, and received() knows.
  virtual void received_eof() {}
  /// Nobody reads any more what is written.
  virtual void write_eof() {}

  void set_up(Stream& stream) override;
  void tear_down(Stream& stream) noexcept override;
  int default_socktype(int asked) const noexcept override;

  /// The transport. Throws std::logic_error if there is none.
  Stream& stream() const;
};

}  // namespace ioa

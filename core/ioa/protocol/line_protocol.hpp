#pragma once

#include <cstddef>
#include <string_view>

#include "ioa/base/event_slot.hpp"
#include "ioa/protocol/stream_protocol.hpp"

namespace ioa {

/// Lines each way: what SMTP, IMAP's commands, FTP and many others are made of.
///
///     auto& session = loop.add(std::make_unique<LineProtocol>());
///     session.on_line([](LineProtocol& self, std::string_view line) { self.write_line(line); });
///     session.set_transport(std::make_unique<Stream>(std::move(connection.fd)));
///
/// A line that comes ends with LF or CR LF, which it is given without; a lone CR is data. The last
/// one need not have an end. What is written ends with CR LF.
///
/// A callback may do anything to the protocol. When it has closed it, exchanged the transport or
/// set another reader (read_raw), no line follows from here: the rest is the other reader's.
///
/// ERRORS: a line of more than the limit goes to invoke_error() as EMSGSIZE, and closes the
/// transport.
class LineProtocol : public StreamProtocol {
 public:
  using LineCallback = UniqueFunction<void(LineProtocol&, std::string_view line)>;
  /// As Stream::TemporaryReader, with the protocol: for bytes that are no lines, such as a body.
  using RawReader = UniqueFunction<Stream::Reading(LineProtocol&, ByteBuffer& in, bool eof)>;

  /// `max_line` bounds a line without its end.
  explicit LineProtocol(std::size_t max_line = Stream::kMaxLine) : max_line_(max_line) {}

  void on_line(LineCallback callback) { on_line_ = std::move(callback); }
  /// The peer has sent its last line.
  void on_end(UniqueFunction<void(LineProtocol&)> callback) { on_end_ = std::move(callback); }

  /// Sends a line. Throws std::invalid_argument if `text` has an LF in it: that would be two, and
  /// what comes from somewhere else must not become a command.
  void write_line(std::string_view text);

  /// Has the bytes that follow read by `reader`, until it is done; then lines go on.
  void read_raw(RawReader reader) { raw_ = std::move(reader); }

 protected:
  void received(ByteBuffer& in, bool eof) override;
  void received_eof() override { on_end_(*this); }

 private:
  enum class Step { more, wait, stop };
  Step read_line(ByteBuffer& in, bool eof);
  Step read_with_reader(ByteBuffer& in, bool eof);

  std::size_t max_line_;
  RawReader raw_;
  Event<void(LineProtocol&, std::string_view)> on_line_;
  Event<void(LineProtocol&)> on_end_;
};

}  // namespace ioa

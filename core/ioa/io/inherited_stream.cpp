#include "ioa/io/inherited_stream.hpp"

#include <fcntl.h>
#include <sys/socket.h>

#include <cerrno>
#include <optional>
#include <utility>

#include "ioa/base/error.hpp"
#include "ioa/base/syscall.hpp"
#include "ioa/io/byte_end.hpp"

namespace ioa {
namespace {

/// Reads and writes as ByteEnds do.
class ByteEndTransport final : public Transport {
 public:
  std::optional<ByteEnd> source;
  std::optional<ByteEnd> sink;

  IoResult read(int, std::span<char> space) override {
    const ssize_t size = source->read(space);
    if (size == 0) return IoResult::end();
    return size < 0 ? not_done(IoEvent::read) : IoResult::done(static_cast<std::size_t>(size));
  }
  IoResult write(int, std::string_view bytes) override {
    const ssize_t size = sink->write(bytes);
    return size < 0 ? not_done(IoEvent::write) : IoResult::done(static_cast<std::size_t>(size));
  }
  IoResult shutdown(int) override {
    // A pipe ends when its last descriptor is closed, which ours would keep open.
    if (sink && sink->is_open()) static_cast<void>(sink->end_writing());
    return IoResult::done(0);
  }
  void closed(IoEvents sides) noexcept override {
    if (sides.has(IoEvent::read) && source) static_cast<void>(source->close());
    if (sides.has(IoEvent::write) && sink) static_cast<void>(sink->close());
  }

 private:
  static IoResult not_done(IoEvent direction) {
    const int error = errno;
    if (would_block(error)) return IoResult::blocked(direction);
    return IoResult::failed(std::error_code(error, std::system_category()));
  }
};

/// What the Stream watches: the ByteEnd keeps its own.
UniqueFd watched(const ByteEnd& end) {
  UniqueFd fd(::fcntl(end.fd(), F_DUPFD_CLOEXEC, 3));
  if (fd) return fd;
  const int error = errno;
  throw Error::from_errno(error, "dup");
}

}  // namespace

std::unique_ptr<Stream> inherited_stream(int read_fd, int write_fd) {
  auto transport = std::make_unique<ByteEndTransport>();
  UniqueFd reading;
  UniqueFd writing;
  if (read_fd >= 0) {
    transport->source = ByteEnd::inherited(read_fd, ByteEnd::Access::read);
    reading = watched(*transport->source);
  }
  if (write_fd >= 0) {
    const int own = write_fd == read_fd ? ::fcntl(write_fd, F_DUPFD_CLOEXEC, 3) : write_fd;
    transport->sink = ByteEnd::inherited(own, ByteEnd::Access::write);
    writing = watched(*transport->sink);
  }
  auto stream = std::make_unique<Stream>(std::move(reading), std::move(writing));
  stream->set_transport(std::move(transport));
  return stream;
}

}  // namespace ioa

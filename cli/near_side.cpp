#include "cli/near_side.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "ioa/base/error.hpp"
#include "ioa/net/connector.hpp"
#include "ioa/net/host_service.hpp"

namespace ioa::cli {
namespace {

using Scheme = Address::Scheme;

constexpr int kOpenFlags = O_CLOEXEC | O_NONBLOCK | O_NOCTTY;

bool is_command(const std::optional<Address>& near) noexcept {
  return near && (near->scheme == Scheme::exec || near->scheme == Scheme::shell ||
                  near->scheme == Scheme::pty);
}

/// Where what is received goes if not to the near side itself.
std::string output_path(const ByteOptions& options) {
  if (options.near && options.near->scheme == Scheme::write) return options.near->path;
  return options.output;
}

UniqueFd open_file(const std::string& path, int flags) {
  UniqueFd fd(::open(path.c_str(), flags | kOpenFlags));
  if (!fd) throw Error::from_errno(errno, "open", path);
  return fd;
}

bool is_directory(const UniqueFd& fd) {
  struct stat status {};
  return ::fstat(fd.get(), &status) == 0 && S_ISDIR(status.st_mode);
}

ByteEnd duplicate(int fd, ByteEnd::Access access) {
  const int copy = ::fcntl(fd, F_DUPFD_CLOEXEC, 3);
  if (copy < 0) throw Error::from_errno(errno, "open", fmt::format("fd:{}", fd));
  return ByteEnd::inherited(copy, access);
}

bool is_open_for(int fd, int access) {
  const int mode = ::fcntl(fd, F_GETFL) & O_ACCMODE;
  return mode == O_RDWR || mode == access;
}

}  // namespace

NearSideOpener::NearSideOpener(Context& context, const ByteOptions& options)
    : context_(context), options_(options), output_(context, output_path(options), options.append) {
  if (is_command(options.near))
    child_ = std::make_unique<NearChild>(context, *options.near, options.kill_after);
}

std::optional<SocketAddress> NearSideOpener::target_of(const Address& near) {
  const auto port = near.scheme == Scheme::tcp ? parse_port(near.service) : std::nullopt;
  if (!port || *port == 0) return std::nullopt;
  // A zone is the number of an interface, which may go and come back as another one.
  if (near.host.find('%') != std::string::npos) return std::nullopt;
  const auto family = literal_family(near.host);
  if (!family || (near.family != Family::any && near.family != *family)) return std::nullopt;
  return SocketAddress::from_numeric(near.host, *port);
}

Future<> NearSideOpener::prepare() {
  co_await output_.open();
  if (child_) child_->look_for_command();
  if (options_.near) prepare_file();
}

void NearSideOpener::prepare_file() {
  const Address& near = *options_.near;
  switch (near.scheme) {
    case Scheme::read:
      file_ = open_file(near.path, O_RDONLY);
      if (is_directory(file_)) throw Error::from_errno(EISDIR, "open", near.path);
      break;
    case Scheme::file:
      file_ = open_file(near.path, O_RDWR);
      // In a regular file reading and writing have a place each.
      if (fd_kind(file_.get()) == FdKind::regular_file)
        file_sink_ = open_file(near.path, O_WRONLY | (options_.append ? O_APPEND : 0));
      break;
    case Scheme::fd:
      if (::fcntl(near.fd, F_GETFD) < 0) throw Error::from_errno(errno, "open", near.to_string());
      break;
    default:
      break;
  }
}

Future<NearSide> NearSideOpener::open(const ConnectionNames& peer, Duration limit) {
  NearSide near;
  if (!options_.near) {
    open_stdio(near);
    co_return near;
  }
  near.source_name = near.sink_name = options_.near->to_string();
  near.is_stdout = false;
  switch (options_.near->scheme) {
    case Scheme::tcp:
    case Scheme::unix_stream:
      co_await connect(near, peer.number, limit);
      break;
    case Scheme::exec:
    case Scheme::shell:
    case Scheme::pty:
      open_child(near, peer);
      break;
    case Scheme::fd:
      open_descriptor(near);
      break;
    case Scheme::file:
      take_file(near);
      break;
    default:
      open_source(near);
      break;
  }
  co_return near;
}

void NearSideOpener::open_stdio(NearSide& near) {
  near.event_name = "stdin";
  near.sink_name = output_.name();
  near.is_stdout = options_.output.empty();
  near.sink = output_.take();
  if (options_.direction == Direction::receive_only) return;
  near.source = ByteEnd::inherited(context_.stdin_fd, ByteEnd::Access::read);
  near.finishes = near.source.kind() == FdKind::regular_file;
}

Future<> NearSideOpener::connect(NearSide& near, std::int64_t connection, Duration limit) {
  const Address& address = *options_.near;
  ConnectRequest request;
  request.connection = connection;
  if (limit > Duration::zero()) request.timeout = limit;
  if (target_) {
    request.addresses.push_back(*target_);
  } else if (address.is_unix()) {
    request.addresses.push_back(SocketAddress::unix_path(address.path));
  } else {
    request.host = address.host;
    request.service = address.service;
    request.family = address.family;
  }
  Connection made = co_await context_.connector.connect(std::move(request));
  near.sink = ByteEnd::borrow_socket(made.fd.get());
  near.source = ByteEnd::connected(std::move(made.fd));
  near.finishes = true;
  near.half_closes = true;
}

void NearSideOpener::open_child(NearSide& near, const ConnectionNames& peer) {
  child_->start(peer);
  near.source = child_->take_output();
  near.sink = child_->take_input();
  near.source_name = near.sink_name = child_->name();
  near.is_stdout = false;
  near.reader_may_leave = true;
  near.finishes = true;
  near.half_closes = true;
}

/// A descriptor of which there may be only one direction; each end has its own copy of the number,
/// so that they are closed one by one.
void NearSideOpener::open_descriptor(NearSide& near) const {
  const int fd = options_.near->fd;
  const bool is_socket = fd_kind(fd) == FdKind::socket;
  near.gives = is_open_for(fd, O_RDONLY);
  if (near.gives) near.source = duplicate(fd, ByteEnd::Access::read);
  if (is_open_for(fd, O_WRONLY)) near.sink = duplicate(fd, ByteEnd::Access::write);
  near.finishes = near.source.kind() == FdKind::regular_file;
  near.half_closes = is_socket;
}

/// What only gives, or only stores.
void NearSideOpener::open_source(NearSide& near) {
  const Address& address = *options_.near;
  if (!options_.output.empty() || address.scheme == Scheme::write) near.sink = output_.take();
  near.gives = address.scheme != Scheme::write && address.scheme != Scheme::discard;
  near.finishes = true;
  if (address.scheme == Scheme::zero)
    near.source = ByteEnd::generated(std::make_unique<ZeroGenerator>(address.size));
  if (address.scheme == Scheme::random)
    near.source = ByteEnd::generated(std::make_unique<RandomGenerator>(address.size));
  if (address.scheme == Scheme::read) {
    const bool is_fifo = fd_kind(file_.get()) == FdKind::pipe;
    near.source = is_fifo ? ByteEnd::fifo_reader(std::move(file_)) : ByteEnd::own(std::move(file_));
    near.finishes = near.source.kind() == FdKind::regular_file;
  }
  if (!output_.name().empty() && !options_.output.empty()) {
    near.sink_name = output_.name();
    near.is_stdout = false;
  }
}

void NearSideOpener::take_file(NearSide& near) {
  near.sink = file_sink_ ? ByteEnd::own(std::move(file_sink_)) : ByteEnd::borrow(file_.get());
  near.source = ByteEnd::own(std::move(file_));
  near.finishes = near.source.kind() == FdKind::regular_file;
}

Future<> NearSideOpener::end(bool is_ending) {
  if (child_) co_await child_->end(is_ending);
}

}  // namespace ioa::cli

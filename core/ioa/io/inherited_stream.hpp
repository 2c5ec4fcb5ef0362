#pragma once

#include <memory>

#include "ioa/io/stream.hpp"

namespace ioa {

/// A Stream on descriptors that this process was started with, or shares with another one: never
/// blocks on them, and never sets O_NONBLOCK on a description that others use (see ByteEnd). They
/// are closed with the Stream. -1 is no descriptor; both may be the same socket. Throws Error
/// (EMFILE).
///
///     auto& user = loop.add(inherited_stream(STDIN_FILENO, STDOUT_FILENO));
std::unique_ptr<Stream> inherited_stream(int read_fd, int write_fd);

/// Standard input, standard output, and both as one.
inline std::unique_ptr<Stream> standard_input() { return inherited_stream(0, -1); }
inline std::unique_ptr<Stream> standard_output() { return inherited_stream(-1, 1); }
inline std::unique_ptr<Stream> standard_io() { return inherited_stream(0, 1); }

}  // namespace ioa

#pragma once

#include <string>
#include <string_view>

#include "ioa/base/unique_fd.hpp"

namespace ioa::test {

/// Two connected ends. Non-blocking and close-on-exec.
struct SocketPair {
  UniqueFd first;
  UniqueFd second;
};

/// AF_UNIX, stream.
SocketPair unix_pair();
/// AF_INET on the loopback interface, stream: connected by the kernel before this returns.
SocketPair tcp_pair();
/// `first` is the reading end, `second` the writing end.
SocketPair pipe_pair();

/// Writes all of `bytes`, waiting where it must; throws Error.
void write_all(int fd, std::string_view bytes);
/// Whatever can be read without waiting.
std::string read_available(int fd);
/// Writes until the kernel takes no more; returns how many bytes it took.
std::size_t fill(int fd);

}  // namespace ioa::test

#include "tests/support/fake_sockets.hpp"

#include <sys/eventfd.h>

#include <cerrno>
#include <chrono>

namespace ioa::test {
namespace {

int failed(int error) {
  errno = error;
  return -1;
}

}  // namespace

UniqueFd FakeSockets::socket(int family, int, int protocol) {
  protocols_.push_back(protocol);
  if (const auto entry = socket_errors_.find(family); entry != socket_errors_.end()) {
    errno = entry->second;
    return {};
  }
  UniqueFd fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  answers_.erase(fd.get());
  backend_.set_ready(fd.get(), {});  // the number may have been another socket's
  return fd;
}

int FakeSockets::bind(int, const SocketAddress& address) {
  const auto entry = bind_errors_.find(address.to_string());
  return entry == bind_errors_.end() ? 0 : failed(entry->second);
}

int FakeSockets::connect(int fd, const SocketAddress& address) {
  const std::string text = address.to_string();
  const auto since = std::chrono::duration_cast<std::chrono::milliseconds>(backend_.now() - began_);
  connects_.push_back(text + " @" + std::to_string(since.count()));
  const auto entry = scripts_.find(text);
  if (entry == scripts_.end()) return failed(EINPROGRESS);
  Script& script = entry->second;
  if (script.busy > 0) {
    --script.busy;
    return failed(EAGAIN);
  }
  if (!script.after) return script.error == 0 ? 0 : failed(script.error);
  results_[fd] = script.error;
  auto& answer = answers_[fd];
  answer = std::make_unique<TimeWatch>(loop_.timers(),
                                       [this, fd] { backend_.set_ready(fd, IoEvent::write); });
  answer->arm(backend_.now() + *script.after);
  return failed(EINPROGRESS);
}

SocketAddress FakeSockets::local_of(int) {
  return local_.empty() ? SocketAddress::from_numeric("192.0.2.99", 4000).value() : local_;
}

}  // namespace ioa::test

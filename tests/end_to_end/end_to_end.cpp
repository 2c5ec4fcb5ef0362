#include "tests/end_to_end/end_to_end.hpp"

#include <fcntl.h>
#include <pty.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <stdexcept>
#include <thread>
#include <utility>

#include "ioa/base/error.hpp"
#include "tests/support/socket_pair.hpp"

namespace ioa::test {
namespace {

constexpr const char* kNetwork = R"(
set -e
mount -t proc proc /proc  # of the new processes
mount -t tmpfs tmpfs /run  # the sockets of name service daemons lie there
printf '%s\n' "$HOSTS" >/run/hosts
printf 'hosts: files\nservices: files\n' >/run/nsswitch.conf
mount --bind /run/hosts /etc/hosts
mount --bind /run/nsswitch.conf /etc/nsswitch.conf
ip link set lo up
ip link add veth0 type veth peer name veth1
ip addr add 192.0.2.1/24 dev veth0
ip addr add 2001:db8::1/64 dev veth0 nodad
ip link set veth0 up
ip link set veth1 up
ip neigh add 192.0.2.66 lladdr 02:00:00:00:00:66 dev veth0 nud permanent
ip neigh add 2001:db8::66 lladdr 02:00:00:00:00:66 dev veth0 nud permanent
set +e
)";

/// How to make namespaces here; empty if nobody is allowed to.
std::vector<std::string> unshare_command() {
  for (const bool with_user : {true, false}) {
    std::vector<std::string> command{"unshare", "--net",  "--mount",
                                     "--pid",   "--fork", "--kill-child"};
    if (with_user) command.insert(command.end(), {"--user", "--map-root-user"});
    std::vector<std::string> probe = command;
    probe.emplace_back("true");
    if (Process(probe).wait().status == 0) return command;
  }
  return {};
}

void set_blocking(int fd) {
  if (::fcntl(fd, F_SETFL, 0) != 0) throw Error::from_errno(errno, "fcntl");
}

SocketPair blocking(SocketPair pair) {
  set_blocking(pair.first.get());
  set_blocking(pair.second.get());
  return pair;
}

}  // namespace

std::vector<std::string> connect_to(const ScriptedPeer& peer, std::vector<std::string> options) {
  options.insert(options.begin(), "connect");
  options.push_back(peer.address());
  return options;
}

std::vector<std::string> connect_to(const ClosedPort& port, std::vector<std::string> options) {
  options.insert(options.begin(), "connect");
  options.push_back("127.0.0.1");
  options.push_back(port.port());
  return options;
}

UniqueFd open_to_read(const std::string& path) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) throw Error::from_errno(errno, "open", path);
  return fd;
}

UniqueFd open_to_write(const std::string& path, int more_flags) {
  UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | more_flags, 0644));
  if (!fd) throw Error::from_errno(errno, "open", path);
  return fd;
}

UniqueFd copy_of(const UniqueFd& fd) { return UniqueFd(::fcntl(fd.get(), F_DUPFD_CLOEXEC, 0)); }

RunResult run_ioa_with(Process::Stdio stdio, std::vector<std::string> arguments,
                       std::string_view input) {
  Process process(ioa(std::move(arguments)), std::move(stdio));
  if (!input.empty()) process.write(input);
  return process.wait();
}

void expect_success(const RunResult& result, std::string_view out) {
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.out, out);
  EXPECT_EQ(result.err, "");
}

void expect_failure(const RunResult& result, int status, std::string_view text) {
  EXPECT_EQ(result.status, status);
  EXPECT_EQ(line_count(result.err), 1U) << result.err;
  EXPECT_NE(result.err.find(text), std::string::npos) << result.err;
  EXPECT_EQ(result.err.substr(0, 3), "ioa") << result.err;
}

Terminal::Terminal() {
  int ends[2] = {-1, -1};
  if (::openpty(&ends[0], &ends[1], nullptr, nullptr, nullptr) != 0)
    throw Error::from_errno(errno, "openpty");
  master = UniqueFd(ends[0]);
  slave = UniqueFd(ends[1]);
  ::fcntl(ends[0], F_SETFD, FD_CLOEXEC);
  ::fcntl(ends[1], F_SETFD, FD_CLOEXEC);
  termios mode{};
  ::tcgetattr(slave.get(), &mode);
  ::cfmakeraw(&mode);
  ::tcsetattr(slave.get(), TCSANOW, &mode);
}

SocketPair blocking_sockets() { return blocking(unix_pair()); }
SocketPair blocking_pipe() { return blocking(pipe_pair()); }

SocketPair full_pipe() {
  SocketPair pair = pipe_pair();
  fill(pair.second.get());
  return blocking(std::move(pair));
}

void wait_until(const std::function<bool()>& done, std::string_view what) {
  const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(15);
  while (!done()) {
    if (std::chrono::steady_clock::now() > limit)
      throw std::runtime_error("stalled waiting for " + std::string(what));
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

std::string read_to_end(int fd) {
  std::string text;
  std::array<char, 65536> chunk{};
  for (;;) {
    const ssize_t size = ::read(fd, chunk.data(), chunk.size());
    if (size <= 0) return text;
    text.append(chunk.data(), static_cast<std::size_t>(size));
  }
}

RunResult run_in_private_network(const std::string& hosts, const std::string& script) {
  static const std::vector<std::string> kUnshare = unshare_command();
  if (kUnshare.empty()) throw std::runtime_error("no namespaces can be made here");
  std::vector<std::string> command = kUnshare;
  command.insert(command.end(), {"/bin/sh", "-c", kNetwork + script});
  return Process(command, {}, {"HOSTS=" + hosts, "IOA=" + ioa_binary()}).wait();
}

std::string serve_in_script(const std::string& address, const std::string& port,
                            const std::string& text) {
  const bool is_ipv6 = address.find(':') != std::string::npos;
  char local[16];
  std::snprintf(local, sizeof local, ":%04X ", static_cast<unsigned>(std::stoi(port)));
  return "socat " + std::string(is_ipv6 ? "TCP6" : "TCP4") + "-LISTEN:" + port +
         ",bind=" + (is_ipv6 ? "[" + address + "]" : address) + ",reuseaddr,fork SYSTEM:'echo " +
         text + "' &\nuntil grep -q '" + local + ".* 0A ' /proc/net/tcp" + (is_ipv6 ? "6" : "") +
         "; do sleep 0.01; done\n";
}

}  // namespace ioa::test

#include "tests/bench/bench.hpp"

#include <arpa/inet.h>
#include <malloc.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>

namespace bench {
namespace {

double seconds_of(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

/// A number of kilobytes from proc(5)'s status file.
long status_kb(std::string_view key) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with(key)) return std::atol(line.c_str() + key.size());
  return 0;
}

[[noreturn]] void usage(const char* program) {
  std::fprintf(stderr,
               "usage: %s [--n N] [--window W] [--conns C] [--transport unix|tcp] [--presleep]\n",
               program);
  std::exit(2);
}

void name_from(std::string_view program, Arguments& arguments) {
  program.remove_prefix(program.rfind('/') + 1);  // none found: nothing is removed
  constexpr std::string_view kPrefix = "bench_";
  if (program.starts_with(kPrefix)) program.remove_prefix(kPrefix.size());
  const std::size_t dot = std::min(program.find('.'), program.size());
  arguments.name = program.substr(0, dot);
  if (dot < program.size()) arguments.variant = program.substr(dot + 1);
}

ioa::UniqueFd tcp_socket() {
  ioa::UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) die("socket");
  return fd;
}

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

}  // namespace

Arguments parse(int argc, char** argv, Defaults defaults) {
  std::signal(SIGPIPE, SIG_IGN);
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
  }
  Arguments arguments;
  name_from(argv[0], arguments);
  arguments.n = defaults.n;
  arguments.window = defaults.window;
  arguments.connections = defaults.connections;
  arguments.tcp = arguments.name.find("tcp") != std::string::npos;
  for (int i = 1; i < argc; ++i) {
    const std::string_view option = argv[i];
    if (option == "--presleep") {
      arguments.sleeps_first = true;
      continue;
    }
    if (++i == argc) usage(argv[0]);
    if (option == "--n")
      arguments.n = std::atol(argv[i]);
    else if (option == "--window")
      arguments.window = std::atol(argv[i]);
    else if (option == "--conns")
      arguments.connections = std::atol(argv[i]);
    else if (option == "--transport")
      arguments.tcp = std::string_view(argv[i]) == "tcp";
    else if (option == "--ballast")
      arguments.ballast_mib = std::atol(argv[i]);
    else
      usage(argv[0]);
  }
  if (arguments.n <= 0 || arguments.window <= 0 || arguments.connections <= 0) usage(argv[0]);
  return arguments;
}

void die(const char* what) {
  std::fprintf(stderr, "%s: %s\n", what, std::strerror(errno));
  std::exit(1);
}

std::uint64_t now_ns() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000U +
         static_cast<std::uint64_t>(time.tv_nsec);
}

void StopWatch::start() {
  wall_ = seconds_of(CLOCK_MONOTONIC);
  cpu_ = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
}

void StopWatch::stop() {
  cpu_ = cpu_so_far();
  wall_ = seconds_of(CLOCK_MONOTONIC) - wall_;
}

double StopWatch::cpu_so_far() const { return seconds_of(CLOCK_PROCESS_CPUTIME_ID) - cpu_; }

void Histogram::add(std::uint64_t ns) {
  // A power of two has kSteps classes; what is below kSteps has a class of its own.
  const int excess = std::max(0, static_cast<int>(std::bit_width(ns)) - 7);
  const auto index = static_cast<std::uint64_t>(excess) * kSteps + (ns >> excess);
  ++counts_[std::min<std::size_t>(index, kClasses - 1)];
  ++total_;
}

double Histogram::quantile_us(double part) const {
  auto rank = static_cast<std::uint64_t>(part * static_cast<double>(total_));
  for (std::size_t index = 0; index < kClasses; ++index) {
    if (rank < counts_[index]) {
      const std::size_t excess = index < 2 * kSteps ? 0 : index / kSteps - 1;
      return static_cast<double>((index - excess * kSteps) << excess) / 1e3;
    }
    rank -= counts_[index];
  }
  return 0;
}

unsigned DueTimes::next_us() {
  state_ ^= state_ << 13;
  state_ ^= state_ >> 7;
  state_ ^= state_ << 17;
  return static_cast<unsigned>((state_ >> 20) % 1'000'000U);
}

Report::Report(const Arguments& arguments, const StopWatch& watch)
    : arguments_(arguments), seconds_(watch.wall()), wall_(watch.wall()), cpu_(watch.cpu()) {}

Report::~Report() {
  std::printf(
      "{\"bench\":\"%s\",\"variant\":\"%s\",\"impl\":\"ioa\",\"n\":%ld,\"seconds\":%.6f,"
      "\"ops_per_s\":%.1f,\"cpu_s\":%.6f%s,\"rss_kb\":%ld}\n",
      arguments_.name.c_str(), arguments_.variant.c_str(), arguments_.n, seconds_,
      static_cast<double>(arguments_.n) / seconds_, cpu_, more_.c_str(), status_kb("VmHWM:"));
}

Report& Report::by_cpu_time() {
  seconds_ = cpu_;
  return add("wall_s", wall_, 4);
}

Report& Report::add(std::string_view key, double value, int digits) {
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", digits, value);
  more_.append(",\"").append(key).append("\":").append(text);
  return *this;
}

SocketPair::SocketPair(bool tcp) {
  if (!tcp) {
    int fds[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) != 0)
      die("socketpair");
    near.reset(fds[0]);
    far.reset(fds[1]);
    return;
  }
  const ListeningSocket listener;
  const sockaddr_in address = loopback(listener.port);
  near = tcp_socket();
  if (::connect(near.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 &&
      errno != EINPROGRESS)
    die("connect");
  do {  // loopback: as good as there
    far.reset(::accept4(listener.fd.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  } while (!far && errno == EAGAIN);
  const int on = 1;
  for (const int fd : {near.get(), far.get()})
    if (::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0) die("TCP_NODELAY");
}

ListeningSocket::ListeningSocket() : fd(tcp_socket()) {
  constexpr int kBacklog = 4096;
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (::bind(fd.get(), generic, size) != 0 || ::listen(fd.get(), kBacklog) != 0 ||
      ::getsockname(fd.get(), generic, &size) != 0)
    die("listen");
  port = ntohs(address.sin_port);
}

void reset_on_close(int fd) {
  const linger now{1, 0};
  if (::setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now) != 0) die("SO_LINGER");
}

std::size_t heap_bytes() {
  const struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

long resident_kb() { return status_kb("VmRSS:"); }

}  // namespace bench

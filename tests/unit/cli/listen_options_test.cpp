#include "cli/commands/listen/listen_options.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "cli/arguments.hpp"
#include "cli/usage_error.hpp"

namespace ioa::cli {
namespace {

using namespace std::chrono_literals;
using Texts = std::vector<std::string>;

ListenOptions read(std::vector<std::string_view> args) {
  return parse_listen(read_arguments(listen_command(), args));
}

Texts addresses_of(std::vector<std::string_view> args) {
  Texts texts;
  for (const Address& address : read(std::move(args)).addresses)
    texts.push_back(address.to_string());
  return texts;
}

std::string refusal(std::vector<std::string_view> args) {
  try {
    read(std::move(args));
  } catch (const UsageError& error) {
    return error.message();
  }
  return "not refused";
}

TEST(ListenOptionsTest, HasTheDefaultsOfTheContract) {
  const ListenOptions options = read({"8080"});
  EXPECT_EQ(options.serve_by, ServeBy::stdio);
  EXPECT_FALSE(options.keep_open);
  EXPECT_EQ(options.max_connections, 1024U);
  EXPECT_EQ(options.buffer, 256U << 10);
  EXPECT_EQ(options.connect_timeout, 30s);
  EXPECT_EQ(options.timeout, 0ns);
  EXPECT_EQ(options.accept_timeout, 0ns);
  EXPECT_EQ(options.drain, std::nullopt);
  EXPECT_EQ(options.backlog, std::nullopt);
  EXPECT_EQ(options.unix_mode, std::nullopt);
  EXPECT_FALSE(options.reuse_port);
  EXPECT_EQ(options.workers, 0U);
  EXPECT_EQ(options.ready_fd, -1);
}

TEST(ListenOptionsTest, ReadsEveryFormOfAnAddress) {
  EXPECT_EQ(addresses_of({"8080"}), Texts{":8080"});
  EXPECT_EQ(addresses_of({":8080"}), Texts{":8080"});
  EXPECT_EQ(addresses_of({"tcp4:8080"}), Texts{"tcp4:8080"});
  EXPECT_EQ(addresses_of({"http"}), Texts{":http"});
  EXPECT_EQ(addresses_of({"localhost", "8080"}), Texts{"localhost:8080"});
  EXPECT_EQ(addresses_of({"127.0.0.1:8080"}), Texts{"127.0.0.1:8080"});
  EXPECT_EQ(addresses_of({"[::1]:8080"}), Texts{"[::1]:8080"});
  EXPECT_EQ(addresses_of({"::1", "http"}), Texts{"[::1]:http"});
  EXPECT_EQ(addresses_of({"unix:/run/x"}), Texts{"unix:/run/x"});
  EXPECT_EQ(addresses_of({"unix:@x"}), Texts{"unix:@x"});
  EXPECT_EQ(addresses_of({"systemd:web"}), Texts{"systemd:web"});
}

TEST(ListenOptionsTest, TellsSeveralAddressesFromAHostAndItsPort) {
  EXPECT_EQ(addresses_of({"80", "443"}), (Texts{":80", ":443"}));
  EXPECT_EQ(addresses_of({"http", "https"}), (Texts{":http", ":https"}));
  EXPECT_EQ(addresses_of({"localhost", "http"}), Texts{"localhost:http"});
  EXPECT_EQ(addresses_of({"127.0.0.1", "80", "::1", "81", "82"}),
            (Texts{"127.0.0.1:80", "[::1]:81", ":82"}));
  EXPECT_EQ(addresses_of({"80", "unix:x", "localhost:81", "82"}),
            (Texts{":80", "unix:x", "localhost:81", ":82"}));
  EXPECT_EQ(addresses_of({"systemd", "80"}), (Texts{"systemd", ":80"}));
}

TEST(ListenOptionsTest, TakesThePortByAnOptionToo) {
  EXPECT_EQ(addresses_of({"-p", "8080"}), Texts{":8080"});
  EXPECT_EQ(addresses_of({"-lvnp", "8080"}), Texts{":8080"});
  EXPECT_EQ(addresses_of({"-p8080", "127.0.0.1", "::1"}), (Texts{"127.0.0.1:8080", "[::1]:8080"}));
  EXPECT_NE(refusal({"-p", "8080", "127.0.0.1:81"}).find("expected a host"), std::string::npos);
  EXPECT_NE(refusal({"-p", "70000"}).find("expected a port"), std::string::npos);
}

TEST(ListenOptionsTest, TakesPathsWhereThatIsAsked) {
  EXPECT_EQ(addresses_of({"-U", "/run/a", "@b"}), (Texts{"unix:/run/a", "unix:@b"}));
}

TEST(ListenOptionsTest, HoldsAddressesToTheFamily) {
  EXPECT_EQ(addresses_of({"-4", "8080"}), Texts{"tcp4:8080"});
  EXPECT_NE(refusal({"-6", "127.0.0.1:80"}).find("expected an IPv6 address"), std::string::npos);
  EXPECT_NE(refusal({"-4", "unix:x"}).find("Unix sockets alone"), std::string::npos);
  EXPECT_NE(refusal({"-n", "localhost:80"}).find("numeric"), std::string::npos);
}

TEST(ListenOptionsTest, RefusesWhatMakesNoSense) {
  const std::vector<std::vector<std::string_view>> nonsense{
      {},
      {"70000"},
      {"--echo", "--discard", "80"},
      {"--echo", "--to", "tcp:x:1", "80"},
      {"--echo", "--recv-only", "80"},
      {"--drain", "1", "80"},
      {"--workers", "2", "--echo", "80"},
      {"-k", "--echo", "--workers", "0", "80"},
      {"-k", "--echo", "--workers", "2", "--accept-timeout", "1", "80"},
      {"-k", "--echo", "-x", "file", "80"},
      {"-k", "--to", "write:file", "80"},
      {"--unix-mode", "0600", "80"},
      {"--unix-mode", "0999", "unix:x"},
      {"--unix-mode", "1777", "unix:x"},
      {"--backlog", "0", "80"},
      {"--nodelay", "unix:x"},
      {"--reuse-port", "unix:x"},
      {"--ready-fd", "999", "80"},
      {"--user", "no-such-user", "80"},
      {"--buffer", "0", "80"},
      {"exec:cat"},
      {"tls:80"},
      {"read:file"},
      {"localhost:80", "x", "y", "unix:"},
  };
  for (const auto& args : nonsense) {
    std::string all;
    for (const std::string_view arg : args) all += std::string(arg) + ' ';
    EXPECT_NE(refusal(args), "not refused") << all;
  }
}

TEST(ListenOptionsTest, ReadsLimitsAndModes) {
  const ListenOptions options = read({"-k",          "--to",    "db:5432",   "-m",
                                      "0",           "--drain", "0",         "--accept-timeout",
                                      "2",           "-i1.5",   "--timeout", "1h",
                                      "--backlog",   "5",       "--buffer",  "64K",
                                      "--unix-mode", "600",     "80",        "unix:x"});
  EXPECT_EQ(options.serve_by, ServeBy::near);
  EXPECT_EQ(options.max_connections, 0U);
  EXPECT_EQ(options.drain, 0ns);
  EXPECT_EQ(options.accept_timeout, 2s);
  EXPECT_EQ(options.idle_timeout, 1500ms);
  EXPECT_EQ(options.timeout, 1h);
  EXPECT_EQ(options.backlog, 5U);
  EXPECT_EQ(options.buffer, 64U << 10);
  EXPECT_EQ(options.unix_mode, ::mode_t{0600});
}

}  // namespace
}  // namespace ioa::cli

#include "cli/commands/resolve_options.hpp"

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

ResolveOptions read(const std::vector<std::string_view>& args) {
  return parse_resolve(read_arguments(resolve_command(), args));
}

std::string complaint(const std::vector<std::string_view>& args) {
  try {
    read(args);
    return "no complaint";
  } catch (const UsageError& error) {
    return error.what();
  }
}

TEST(ResolveOptionsTest, HasTheDefaultsOfTheContract) {
  const ResolveOptions options = read({"localhost"});
  EXPECT_EQ(options.jobs, 32U);
  EXPECT_EQ(options.timeout, 0ns);
  EXPECT_EQ(options.family, Family::any);
  EXPECT_FALSE(options.short_output || options.first || options.is_json() || options.reverse ||
               options.unordered || options.from_stdin);
}

TEST(ResolveOptionsTest, ReadsItsOptions) {
  const ResolveOptions options =
      read({"-6s", "--first", "-j", "100", "--timeout=1.5s", "--unordered", "-v", "localhost"});
  EXPECT_EQ(options.family, Family::ipv6);
  EXPECT_TRUE(options.short_output);
  EXPECT_TRUE(options.first);
  EXPECT_EQ(options.jobs, 100U);
  EXPECT_EQ(options.timeout, 1500ms);
  EXPECT_TRUE(options.unordered);
  EXPECT_EQ(options.general.verbosity, 1);
  EXPECT_TRUE(read({"--json"}).is_json());
  EXPECT_TRUE(read({"--json", "--format=json"}).is_json());
  EXPECT_EQ(read({"--format", "hosts"}).format, ResolveFormat::hosts);
  EXPECT_EQ(read({"--max-rate=100"}).max_rate, 100U);
}

TEST(ResolveOptionsTest, ServersAndTypesMeanDnsWithItsDefaults) {
  for (const auto& args : std::vector<std::vector<std::string_view>>{
           {"--via", "dns"}, {"--server", "192.0.2.1"}, {"-t", "mx"}}) {
    const ResolveOptions options = read(args);
    EXPECT_TRUE(options.via_dns);
    EXPECT_EQ(options.jobs, 500U);
    EXPECT_EQ(options.attempts, 3U);
  }
  const ResolveOptions options = read({"--via=system", "x"});
  EXPECT_FALSE(options.via_dns);
  EXPECT_EQ(options.attempts, 1U);
}

TEST(ResolveOptionsTest, ReadsServersWithAndWithoutAPort) {
  const ResolveOptions options =
      read({"--server", "192.0.2.1", "--server=192.0.2.1:5353", "--server=::1",
            "--server=[::1]:5353", "--server=fe80::1%lo"});
  std::vector<std::string> texts;
  for (const SocketAddress& server : options.servers) texts.push_back(server.to_string());
  EXPECT_EQ(texts, (std::vector<std::string>{"192.0.2.1:53", "192.0.2.1:5353", "[::1]:53",
                                             "[::1]:5353", "[fe80::1%lo]:53"}));
  EXPECT_EQ(complaint({"--server", "ns.example.org"}),
            "ioa resolve: --server ns.example.org: expected ADDRESS or ADDRESS:PORT, numeric");
}

TEST(ResolveOptionsTest, ReadsNamesOfRecordsAsTheyAre) {
  const ResolveOptions options = read({"-t", "txt", "_dmarc.example.org", "*.x", "a:b", "."});
  EXPECT_EQ(options.type, RecordType::txt);
  ASSERT_EQ(options.queries.size(), 4U);
  EXPECT_EQ(options.queries[2].name, "a:b");
  EXPECT_EQ(options.queries[2].host, "") << "the name itself";
  EXPECT_EQ(options.queries[2].service, "");
  const ResolveOptions reverse = read({"-t", "ptr", "192.0.2.1", "host"});
  EXPECT_EQ(reverse.queries[0].host, "1.2.0.192.in-addr.arpa");
  EXPECT_EQ(reverse.queries[0].name, "192.0.2.1");
  EXPECT_EQ(reverse.queries[1].host, "");
}

TEST(ResolveOptionsTest, ReadsHostsWithAndWithoutAService) {
  const ResolveOptions options = read({"localhost", "db:postgresql", "[::1]:80", "::1", "1.2.3.4"});
  ASSERT_EQ(options.queries.size(), 5U);
  EXPECT_EQ(options.queries[0].name, "localhost");
  EXPECT_EQ(options.queries[0].host, "localhost");
  EXPECT_EQ(options.queries[0].service, "");
  EXPECT_EQ(options.queries[1].name, "db:postgresql");
  EXPECT_EQ(options.queries[1].host, "db");
  EXPECT_EQ(options.queries[1].service, "postgresql");
  EXPECT_EQ(options.queries[2].host, "::1");
  EXPECT_EQ(options.queries[2].service, "80");
  EXPECT_EQ(options.queries[3].host, "::1");
  EXPECT_EQ(options.queries[4].host, "1.2.3.4");
  EXPECT_FALSE(options.from_stdin);
}

TEST(ResolveOptionsTest, ReadsStandardInputWithoutANameOrWithADash) {
  EXPECT_TRUE(read({}).from_stdin);
  EXPECT_TRUE(read({"-"}).from_stdin);
  EXPECT_TRUE(read({"-x", "--json"}).from_stdin);
  EXPECT_TRUE(read({"-"}).queries.empty());
}

TEST(ResolveOptionsTest, ReadsAddressesForNames) {
  const ResolveOptions options = read({"-x", "192.0.2.1", "::1", "[::1]", "fe80::1%lo"});
  ASSERT_EQ(options.queries.size(), 4U);
  EXPECT_TRUE(options.reverse);
  EXPECT_EQ(options.queries[0].host, "192.0.2.1");
  EXPECT_EQ(options.queries[2].name, "[::1]");
  EXPECT_EQ(options.queries[2].host, "::1");
  EXPECT_EQ(options.queries[3].host, "fe80::1%lo");
}

TEST(ResolveOptionsTest, RefusesWhatIsNoName) {
  EXPECT_EQ(complaint({""}), "ioa resolve: '': expected a host name or a numeric address");
  EXPECT_EQ(complaint({"a b"}), "ioa resolve: a b: expected a host name or a numeric address");
  EXPECT_EQ(complaint({"a:70000"}),
            "ioa resolve: a:70000: expected a port from 0 to 65535 or a service name");
  EXPECT_EQ(complaint({"[::1"}), "ioa resolve: [::1: expected a ']' that closes the '['");
  EXPECT_EQ(complaint({"a", "-"}), "ioa resolve: -: expected no other NAME with standard input");
}

TEST(ResolveOptionsTest, RefusesANameWhereAddressesAreWanted) {
  const std::string expected = ": expected a numeric address, as -x/--reverse needs it";
  for (const std::string text : {"localhost", "127.0.0.1:80", "[::1]:80", "[127.0.0.1]", ""}) {
    EXPECT_EQ(complaint({"-x", text}), "ioa resolve: " + (text.empty() ? "''" : text) + expected);
  }
}

TEST(ResolveOptionsTest, RefusesOptionsThatContradict) {
  EXPECT_EQ(complaint({"-46"}), "ioa resolve: -6: cannot be used with -4");
  EXPECT_EQ(complaint({"-4x"}), "ioa resolve: -4: cannot be used with -x/--reverse");
  EXPECT_EQ(complaint({"-6x"}), "ioa resolve: -6: cannot be used with -x/--reverse");
  EXPECT_EQ(complaint({"-s", "--json"}), "ioa resolve: -s/--short: cannot be used with --json");
  EXPECT_EQ(complaint({"-v", "--quiet"}), "ioa resolve: -v/--verbose: cannot be used with --quiet");
}

TEST(ResolveOptionsTest, RefusesValuesThatAreNone) {
  EXPECT_EQ(complaint({"-j0"}), "ioa resolve: -j/--jobs 0: expected a number from 1 to 65536");
  EXPECT_EQ(complaint({"--timeout", "soon"}),
            "ioa resolve: --timeout soon: expected a duration such as 250ms, 1.5s, 2m or 1h30m");
}

TEST(ResolveOptionsTest, RefusesLettersOfOtherTools) {
  const std::string prefix = "means different things to different programs; ";
  EXPECT_EQ(complaint({"-r"}),
            "ioa resolve: -r: " + prefix + "use --reverse for addresses to names");
  EXPECT_EQ(complaint({"-W", "1"}),
            "ioa resolve: -W: " + prefix + "use --timeout to limit each look-up");
  EXPECT_EQ(complaint({"-w", "1"}),
            "ioa resolve: -w: " + prefix + "use --timeout to limit each look-up");
}

TEST(ResolveOptionsTest, KnowsNoOptionOfOtherCommands) {
  for (const std::string option : {"-n", "-z", "--exec", "--every"}) {
    EXPECT_EQ(complaint({option}),
              "ioa resolve: " + option + ": unknown option; 'ioa resolve --help' lists them");
  }
}

}  // namespace
}  // namespace ioa::cli

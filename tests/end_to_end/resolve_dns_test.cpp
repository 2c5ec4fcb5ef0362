// Names, addresses and records straight from name servers.
#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <sstream>
#include <string>
#include <vector>

#include "tests/end_to_end/end_to_end.hpp"
#include "tests/support/dns_server.hpp"
#include "tests/support/json.hpp"
#include "tests/support/run_ioa.hpp"
#include "tests/support/server.hpp"

namespace ioa::test {
namespace {

using Json = nlohmann::json;
using Arguments = std::vector<std::string>;

RunResult ask(const DnsServer& server, const Arguments& more, std::string_view input = {}) {
  Arguments arguments{"resolve", "--server", server.text()};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return run_ioa(arguments, input);
}

std::vector<Json> json_lines(const std::string& text) {
  std::vector<Json> objects;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) objects.push_back(parse_json(line));
  return objects;
}

DnsServer::Script some_hosts() {
  return hosts({{"both.test", {"192.0.2.1", "2001:db8::1"}},
                {"four.test", {"192.0.2.2", "192.0.2.3"}},
                {"empty.test", {}}});
}

/// One of each way to fail, by the name.
DnsServer::Script failures() {
  return [](const DnsQuery& query) -> DnsServer::Replies {
    DnsMessage message;
    if (query.name == "good") message.answers = {address_record(query.name, "192.0.2.1")};
    if (query.name == "broken") message.rcode = 2;
    if (query.name == "nosuch") message.rcode = 3;
    if (query.name == "refused") message.rcode = 5;
    if (query.name == "loop")
      message.answers = {alias_record("loop", "pool"), alias_record("pool", "loop")};
    if (query.name == "silent") return {};
    std::string wire = message.wire(query);
    if (query.name == "cut") wire[7] = 9;
    if (query.name == "garbage") return {wire.substr(0, 2) + "garbage"};
    return {wire};
  };
}

TEST(ResolveDnsTest, PrintsAddressesAsTheSystemsAre) {
  DnsServer server(some_hosts());
  expect_success(ask(server, {"four.test"}), "four.test\t192.0.2.2\nfour.test\t192.0.2.3\n");
  expect_success(ask(server, {"-6", "both.test"}), "both.test\t2001:db8::1\n");
  expect_success(ask(server, {"-s4", "both.test:80"}), "192.0.2.1:80/tcp\n192.0.2.1:80/udp\n");
  expect_success(ask(server, {"--first", "four.test:http"}), "four.test:http\t192.0.2.2:80/tcp\n");
  expect_success(ask(server, {"127.0.0.1"}), "127.0.0.1\t127.0.0.1\n");
}

TEST(ResolveDnsTest, PrintsRecordsWithTheirTypeAndTtl) {
  DnsServer server([](const DnsQuery& query) -> DnsServer::Replies {
    DnsMessage message;
    message.answers = {
        record(query.name, query.type, 77, wire_u16(10) + wire_name("mail.test")),
        record(query.name, query.type, 88, wire_u16(20) + wire_name("\x1b[31m.test"))};
    return {message.wire(query)};
  });
  expect_success(ask(server, {"-t", "mx", "_x.test"}),
                 "_x.test\tMX\t77\t10 mail.test.\n_x.test\tMX\t88\t20 \\027[31m.test.\n");
  expect_success(ask(server, {"-s", "--first", "-tMX", "x.test"}), "10 mail.test.\n");
}

TEST(ResolveDnsTest, TypeAloneMeansDns) {
  // There is no way to ask the system for them.
  const RunResult result = run_ioa({"resolve", "--via", "system", "-t", "MX", "x.test"});
  EXPECT_EQ(result.status, 2);
  EXPECT_EQ(line_count(result.err), 1U);
}

TEST(ResolveDnsTest, GivesTheNamesOfAddresses) {
  DnsServer server([](const DnsQuery& query) -> DnsServer::Replies {
    DnsMessage message;
    if (query.name == "1.2.0.192.in-addr.arpa" ||
        query.name == "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa")
      message.answers = {record(query.name, 12, 300, wire_name("host.test"))};
    else
      message.rcode = 3;
    return {message.wire(query)};
  });
  expect_success(ask(server, {"-x", "192.0.2.1", "2001:db8::1"}),
                 "192.0.2.1\thost.test\n2001:db8::1\thost.test\n");
  expect_success(ask(server, {"-t", "PTR", "192.0.2.1"}), "192.0.2.1\tPTR\t300\thost.test.\n");
  expect_success(ask(server, {"-x", "-t", "PTR", "192.0.2.1"}),
                 "192.0.2.1\tPTR\t300\thost.test.\n");
  expect_failure(ask(server, {"-x", "192.0.2.2"}), 3, "192.0.2.2: no such name (NXDOMAIN)");
}

TEST(ResolveDnsTest, FailuresAreToldApartInText) {
  DnsServer server(failures());
  const RunResult result =
      ask(server, {"-tA", "--timeout", "300ms", "good", "broken", "nosuch", "refused", "loop",
                   "silent", "cut", "garbage", "nothing", "a..b"});
  EXPECT_EQ(result.status, 3);
  EXPECT_EQ(result.out, "good\tA\t300\t192.0.2.1\n");
  EXPECT_EQ(result.err,
            "ioa resolve: broken: the server failed (SERVFAIL)\n"
            "ioa resolve: nosuch: no such name (NXDOMAIN)\n"
            "ioa resolve: refused: the server refused (REFUSED)\n"
            "ioa resolve: loop: its aliases lead in a circle (CNAME_LOOP)\n"
            "ioa resolve: silent: timed out after 300ms\n"
            "ioa resolve: cut: the reply cannot be decoded (malformed)\n"
            "ioa resolve: garbage: the reply cannot be decoded (malformed)\n"
            "ioa resolve: nothing: no such record (NODATA)\n"
            "ioa resolve: a..b: not a domain name (BADNAME)\n");
}

TEST(ResolveDnsTest, FailuresAreToldApartInJson) {
  DnsServer server(failures());
  const RunResult result = ask(server, {"--json", "-tA", "--timeout=300ms", "broken", "nosuch",
                                        "refused", "silent", "cut", "nothing"});
  EXPECT_EQ(result.status, 3);
  EXPECT_EQ(result.err, "");
  std::vector<std::string> codes;
  for (const Json& each : json_lines(result.out)) {
    EXPECT_EQ(each["type"], "A");
    EXPECT_FALSE(each.contains("records"));
    EXPECT_TRUE(each["error"]["message"].is_string());
    codes.push_back(each["error"]["code"]);
  }
  EXPECT_EQ(codes, (std::vector<std::string>{"SERVFAIL", "NXDOMAIN", "REFUSED", "timeout",
                                             "malformed", "NODATA"}));
}

TEST(ResolveDnsTest, JsonHasTheRecords) {
  DnsServer server(some_hosts());
  const auto lines = json_lines(ask(server, {"--json", "-t", "a", "four.test"}).out);
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(lines[0]["name"], "four.test");
  EXPECT_EQ(lines[0]["type"], "A");
  EXPECT_EQ(lines[0]["records"], parse_json(R"([{"ttl":300,"value":"192.0.2.2"},
                                                 {"ttl":300,"value":"192.0.2.3"}])"));
  EXPECT_EQ(lines[0]["addresses"][1]["address"], "192.0.2.3");
  EXPECT_TRUE(lines[0]["canonical"].is_null());
  EXPECT_TRUE(lines[0]["elapsed_ms"].is_number());
  const auto addresses = json_lines(ask(server, {"--format=json", "-4", "both.test"}).out);
  EXPECT_EQ(addresses.at(0)["addresses"][0]["family"], "ipv4");
  EXPECT_FALSE(addresses.at(0).contains("type"));
}

TEST(ResolveDnsTest, WritesHostsAndGetentsColumns) {
  DnsServer server(some_hosts());
  expect_success(ask(server, {"--format", "hosts", "-4", "four.test:80"}),
                 "192.0.2.2\tfour.test\n192.0.2.3\tfour.test\n");
  expect_success(ask(server, {"--format", "getent", "-4", "both.test"}),
                 "192.0.2.1       STREAM both.test\n192.0.2.1       DGRAM  \n"
                 "192.0.2.1       RAW    \n");
}

TEST(ResolveDnsTest, AsksAnotherServerIfOneDoesNotAnswer) {
  DnsServer silent([](const DnsQuery&) -> DnsServer::Replies { return {}; });
  DnsServer good(some_hosts());
  const RunResult result =
      run_ioa({"resolve", "--via", "dns", "--server", silent.text(), "--server", good.text(),
               "--attempts", "1", "--timeout", "1s", "-tA", "both.test", "four.test"});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(line_count(result.out), 3U);
}

TEST(ResolveDnsTest, TheLimitThatIsToldIsTheOneThatWasGiven) {
  DnsServer server([](const DnsQuery&) -> DnsServer::Replies { return {}; });
  // Neither three attempts nor seven divide it.
  for (const std::string_view attempts : {"3", "7"})
    expect_failure(
        ask(server, {"--attempts", std::string(attempts), "--timeout", "100ms", "-tA", "x.test"}),
        3, "x.test: timed out after 100ms");
}

TEST(ResolveDnsTest, AsksAsOftenAsItIsTold) {
  DnsServer server([](const DnsQuery&) -> DnsServer::Replies { return {}; });
  expect_failure(ask(server, {"--attempts", "4", "--timeout", "200ms", "-tA", "x.test"}), 3,
                 "x.test: timed out after 200ms");
  EXPECT_EQ(server.count(), 4U);
}

TEST(ResolveDnsTest, WhatIsLostCostsAboutOneTimeout) {
  DnsServer server([](const DnsQuery& query) -> DnsServer::Replies {
    if (query.number == 0 && query.name.back() == '7' && query.name[query.name.size() - 2] == '0')
      return {};
    DnsMessage message;
    message.answers = {address_record(query.name, "192.0.2.1")};
    return {message.wire(query)};
  });
  std::string names;
  for (int i = 0; i < 1000; ++i) names += "h" + std::to_string(i) + "\n";
  const RunResult result = ask(server, {"-tA", "--timeout", "3s"}, names);
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(line_count(result.out), 1000U);
  EXPECT_LT(result.duration, std::chrono::milliseconds(3000));
}

TEST(ResolveDnsTest, ManyNamesKeepTheirOrderUnlessItIsNotWanted) {
  DnsServer server([](const DnsQuery& query) -> DnsServer::Replies {
    DnsMessage message;
    const int number = std::stoi(query.name.substr(1));
    message.answers = {address_record(
        query.name, "10.0." + std::to_string(number / 256) + "." + std::to_string(number % 256))};
    if (number % 100 == 0 && query.number == 0) return {};
    return {message.wire(query)};
  });
  std::string names;
  std::string expected;
  for (int i = 0; i < 2000; ++i) {
    names += "h" + std::to_string(i) + "\n";
    expected += "10.0." + std::to_string(i / 256) + "." + std::to_string(i % 256) + "\n";
  }
  const RunResult ordered = ask(server, {"-s", "-tA", "--timeout=900ms", "-j100"}, names);
  EXPECT_EQ(ordered.status, 0) << ordered.err.substr(0, 300);
  EXPECT_EQ(ordered.out, expected);
  DnsServer again([](const DnsQuery& query) -> DnsServer::Replies {
    if (query.name == "h0" && query.number == 0) return {};
    DnsMessage message;
    message.answers = {address_record(query.name, "192.0.2.1")};
    return {message.wire(query)};
  });
  const RunResult unordered = ask(again, {"-tA", "--timeout=900ms", "--unordered"}, names);
  EXPECT_EQ(line_count(unordered.out), 2000U);
  EXPECT_TRUE(unordered.out.ends_with("\nh0\tA\t300\t192.0.2.1\n"));
}

TEST(ResolveDnsTest, HoldsARate) {
  DnsServer server(some_hosts());
  std::string names;
  for (int i = 0; i < 50; ++i) names += "four.test\n";
  const RunResult result = ask(server, {"-tA", "--max-rate", "200"}, names);
  EXPECT_EQ(result.status, 0);
  EXPECT_GE(result.duration, std::chrono::milliseconds(49 * 5 - 15));
  EXPECT_EQ(ask(server, {"-tA", "--max-rate", "0", "four.test"}).status, 0);
}

TEST(ResolveDnsTest, ShowsItsProgress) {
  DnsServer server(failures());
  const RunResult result = ask(server, {"-tA", "--progress=always", "good", "nosuch"});
  EXPECT_EQ(result.status, 3);
  EXPECT_NE(result.err.find("2 of 2 (100%)"), std::string::npos) << result.err;
  EXPECT_NE(result.err.find("1 failed"), std::string::npos) << result.err;
}

TEST(ResolveDnsTest, AsksTheServersOfTheSystem) {
  // resolv.conf(5) has no ports: c-ares and glibc know none but 53.
  const RunResult result = run_in_private_network("127.0.0.1 localhost", R"(
printf 'nameserver 127.0.0.1\nnameserver 127.0.0.2\n' >/run/resolv.conf
mount --bind /run/resolv.conf /etc/resolv.conf
"$IOA" resolve --via dns --timeout 1s example.test
)");
  EXPECT_EQ(result.status, 3);
  EXPECT_EQ(line_count(result.err), 1U);
  EXPECT_NE(result.err.find("(ECONNREFUSED), server 127.0.0."), std::string::npos) << result.err;
}

TEST(ResolveDnsTest, EventsTellOfTheServersAnswer) {
  DnsServer server(some_hosts());
  const RunResult result = ask(server, {"-tA", "--events", "2", "both.test"});
  EXPECT_NE(result.err.find("\"event\":\"resolve.done\""), std::string::npos) << result.err;
  EXPECT_NE(result.err.find("\"records\":[\"192.0.2.1\"]"), std::string::npos) << result.err;
}

TEST(ResolveDnsTest, AServerMayBeWrittenAsAnyOtherAddress) {
  DnsServer server(some_hosts());
  for (const char* const scheme : {"udp:", "udp4:", "udp://"})
    expect_success(run_ioa({"resolve", "--server", scheme + server.text(), "-s4", "both.test"}),
                   "192.0.2.1\n");
}

TEST(ResolveDnsTest, ASignalEndsItWhileItWaits) {
  DnsServer server([](const DnsQuery&) -> DnsServer::Replies { return {}; });
  Process process(ioa({"resolve", "--server", server.text(), "x.test"}));
  wait_until([&] { return server.count() >= 2; }, "the server to be asked");
  process.signal(SIGINT);
  const RunResult result = process.wait();
  EXPECT_EQ(result.status, 130);
  EXPECT_EQ(line_count(result.err), 1U);
}

TEST(ResolveDnsTest, RefusesWhatMakesNoSense) {
  for (const Arguments& arguments :
       std::vector<Arguments>{{"--server", "localhost", "x"},
                              {"--server", "127.0.0.1:http", "x"},
                              {"--server", "127.0.0.1:0", "x"},
                              {"--server", "udp6:127.0.0.1", "x"},
                              {"--server", "tcp:127.0.0.1", "x"},
                              {"--via", "carrier-pigeon", "x"},
                              {"--via", "system", "--server", "127.0.0.1", "x"},
                              {"-t", "ANY", "x"},
                              {"-t", "", "x"},
                              {"-4", "-t", "A", "x"},
                              {"-x", "-t", "A", "127.0.0.1"},
                              {"--format", "xml", "x"},
                              {"--format", "hosts", "--json", "x"},
                              {"--format", "getent", "-s", "x"},
                              {"--format", "hosts", "-t", "MX", "x"},
                              {"--attempts", "0", "x"},
                              {"--jobs", "0", "x"},
                              {"--max-rate", "-1", "x"},
                              {"-t", "MX", "a b"}}) {
    Arguments all{"resolve"};
    all.insert(all.end(), arguments.begin(), arguments.end());
    const RunResult result = run_ioa(all);
    EXPECT_EQ(result.status, 2) << arguments[0] << ' ' << arguments[1] << ": " << result.err;
    EXPECT_EQ(line_count(result.err), 1U) << result.err;
    EXPECT_EQ(result.out, "");
  }
}

/// nsd with a zone of many names.
class Nsd : public Server {
 public:
  Nsd() : Server(prepare(), {"/usr/sbin/nsd", "-d", "-c", "$DIR/nsd.conf"}) {}
  std::string text() const { return host() + ":" + port(); }

 private:
  static std::unique_ptr<TempDir> prepare() {
    auto dir = std::make_unique<TempDir>();
    dir->write("nsd.conf",
               "server:\n ip-address: 127.0.0.1@$PORT\n do-ip6: no\n username: \"\"\n"
               " pidfile: \"\"\n database: \"\"\n zonesdir: \"$DIR\"\n"
               " zonelistfile: \"$DIR/zone.list\"\n xfrdfile: \"$DIR/xfrd.state\"\n"
               " xfrdir: \"$DIR\"\n server-count: 1\n rrl-ratelimit: 0\n"
               "remote-control:\n control-enable: no\n"
               "zone:\n name: z.test\n zonefile: z.zone\n");
    std::string zone =
        "$ORIGIN z.test.\n$TTL 300\n@ SOA ns root 1 3600 600 86400 60\n@ NS ns\nns A 127.0.0.1\n"
        "mx MX 10 mail\ntxt TXT \"a b\" \"c\"\nsrv SRV 1 2 443 ns\ncaa CAA 0 issue \"ca.test\"\n"
        "svc HTTPS 1 . alpn=\"h2\" port=443\nwww CNAME ns\n";
    for (int i = 0; i < 400; ++i)
      zone += "big A 10.9." + std::to_string(i / 250) + "." + std::to_string(i % 250) + "\n";
    for (int i = 0; i < 5000; ++i)
      zone += "h" + std::to_string(i) + " A 10.1." + std::to_string(i / 250) + "." +
              std::to_string(i % 250) + "\n";
    dir->write("z.zone", zone);
    return dir;
  }
};

TEST(ResolveDnsTest, AnswersOfARealServerAreRead) {
  Nsd nsd;
  const auto values = [&](const std::string& type, const std::string& name) {
    return run_ioa({"resolve", "--server", nsd.text(), "-s", "-t", type, name}).out;
  };
  EXPECT_EQ(values("MX", "mx.z.test"), "10 mail.z.test.\n");
  EXPECT_EQ(values("TXT", "txt.z.test"), "\"a b\" \"c\"\n");
  EXPECT_EQ(values("SRV", "srv.z.test"), "1 2 443 ns.z.test.\n");
  EXPECT_EQ(values("CAA", "caa.z.test"), "0 issue \"ca.test\"\n");
  EXPECT_EQ(values("HTTPS", "svc.z.test"), "1 . alpn=\"h2\" port=443\n");
  EXPECT_EQ(values("NS", "z.test"), "ns.z.test.\n");
  EXPECT_EQ(values("SOA", "z.test"), "ns.z.test. root.z.test. 1 3600 600 86400 60\n");
  EXPECT_EQ(values("CNAME", "www.z.test"), "ns.z.test.\n");
  EXPECT_EQ(values("A", "www.z.test"), "127.0.0.1\n");
  EXPECT_EQ(line_count(values("A", "big.z.test")), 400U) << "by TCP";
  std::string names;
  std::string expected;
  for (int i = 0; i < 5000; ++i) {
    const std::string name = "h" + std::to_string(i) + ".z.test";
    names += name + "\n";
    expected += name + "\t10.1." + std::to_string(i / 250) + "." + std::to_string(i % 250) + "\n";
  }
  const RunResult result = run_ioa({"resolve", "--server", nsd.text()}, names);
  EXPECT_EQ(result.status, 0) << result.err.substr(0, 300);
  EXPECT_EQ(result.out, expected);
}

TEST(ResolveDnsTest, MemoryIsBoundedHoweverLongTheInput) {
  if (!wants_long_tests() || !is_release_build()) GTEST_SKIP() << "./dev test --all";
  Nsd nsd;
  Process process(ioa({"resolve", "--server", nsd.text(), "-tA"}));
  std::string block;
  for (int i = 0; i < 5000; ++i) block += "h" + std::to_string(i) + ".z.test\n";
  for (int i = 0; i < 200; ++i) process.write(block);
  const long peak = process.peak_memory_kib();
  const RunResult result = process.wait(std::chrono::seconds(50));
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(line_count(result.out), 1'000'000U);
  EXPECT_LT(peak, 64L << 10);
}

}  // namespace
}  // namespace ioa::test

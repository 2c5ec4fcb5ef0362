#include "cli/commands/resolve_options.hpp"

#include <netdb.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "cli/escape.hpp"
#include "cli/option_values.hpp"
#include "cli/usage_error.hpp"
#include "ioa/ares/ares_resolver.hpp"

namespace ioa::cli {
namespace {

Family read_family(const OptionValues& values) {
  values.exclude("6", "4");
  // An address says itself which family it is of.
  values.exclude("4", "reverse");
  values.exclude("6", "reverse");
  if (values.has("4")) return Family::ipv4;
  return values.has("6") ? Family::ipv6 : Family::any;
}

void read_operands(const Arguments& arguments, ResolveOptions& options) {
  const auto& operands = arguments.operands;
  options.from_stdin = operands.empty() || (operands.size() == 1 && operands[0] == "-");
  if (options.from_stdin) return;
  for (const std::string& operand : operands) {
    if (operand == "-") {
      throw UsageError(arguments.command->name, "-", "expected no other NAME with standard input");
    }
    try {
      options.queries.push_back(parse_query(operand, options));
    } catch (const AddressError& error) {
      throw UsageError(arguments.command->name, escape_argument(error.text()), error.expected());
    }
  }
}

using Choice = std::pair<std::string_view, bool>;
constexpr std::array<Choice, 2> kVia{Choice{"system", false}, Choice{"dns", true}};

using FormatChoice = std::pair<std::string_view, ResolveFormat>;
constexpr std::array<FormatChoice, 4> kFormats{
    FormatChoice{"text", ResolveFormat::text}, FormatChoice{"json", ResolveFormat::json},
    FormatChoice{"hosts", ResolveFormat::hosts}, FormatChoice{"getent", ResolveFormat::getent}};

constexpr std::uint16_t kDnsPort = 53;

/// A service's name is looked for in the system's own list (services(5)); 0 for what is none.
std::uint16_t dns_port(const std::string& service) {
  if (service.empty()) return kDnsPort;
  if (const auto port = parse_port(service)) return *port;
  const ::servent* entry = ::getservbyname(service.c_str(), "udp");
  return entry == nullptr ? 0 : ntohs(static_cast<std::uint16_t>(entry->s_port));
}

/// Takes the scheme from the front of an address of datagrams: the family that it asks for.
Family take_udp_scheme(std::string_view& text) {
  constexpr std::array<std::pair<std::string_view, Family>, 3> kSchemes{
      {{"udp:", Family::any}, {"udp4:", Family::ipv4}, {"udp6:", Family::ipv6}}};
  for (const auto& [scheme, family] : kSchemes) {
    if (!text.starts_with(scheme)) continue;
    text.remove_prefix(scheme.size());
    if (text.starts_with("//")) text.remove_prefix(2);
    return family;
  }
  return Family::any;
}

SocketAddress read_server(const OptionValues& values, const std::string& text) {
  constexpr std::string_view kExpected = "expected ADDRESS or ADDRESS:PORT, numeric";
  std::string_view rest = text;
  const Family family = take_udp_scheme(rest);
  try {
    const HostService parsed = parse_host_service(rest);
    const std::uint16_t port = dns_port(parsed.service);
    const auto address = SocketAddress::from_numeric(parsed.host, port);
    const bool fits = address && (family == Family::any ||
                                  (family == Family::ipv6) == (address->family() == AF_INET6));
    if (fits && port != 0) return *address;
  } catch (const AddressError&) {  // the same answer
  }
  values.fail("server", text, kExpected);
}

RecordType read_type(const OptionValues& values) {
  const auto type = parse_record_type(*values.text("type"));
  if (!type)
    values.fail("type", "expected A, AAAA, PTR, CNAME, MX, NS, TXT, SRV, SOA, CAA or HTTPS");
  return *type;
}

/// Whom to ask, and for what. Servers and records are a matter of DNS.
void read_way(const OptionValues& values, ResolveOptions& options) {
  const auto via = values.choice<bool>("via", kVia);
  options.via_dns = via.value_or(values.has("server") || values.has("type"));
  for (const char* key : {"server", "type"})
    if (values.has(key) && !options.via_dns) values.exclude(key, "via");
  for (const std::string& text : values.texts("server"))
    options.servers.push_back(read_server(values, text));
  if (values.has("type")) options.type = read_type(values);
  if (!options.type) return;
  values.exclude("4", "type");
  values.exclude("6", "type");
  if (*options.type != RecordType::ptr) values.exclude("reverse", "type");
}

void read_format(const OptionValues& values, ResolveOptions& options) {
  options.format = values.choice<ResolveFormat>("format", kFormats).value_or(ResolveFormat::text);
  if (options.format != ResolveFormat::json) values.exclude("json", "format");
  if (values.has("json")) options.format = ResolveFormat::json;
  values.exclude("short", "json");
  if (options.format != ResolveFormat::text) values.exclude("short", "format");
  const bool has_columns =
      options.format == ResolveFormat::hosts || options.format == ResolveFormat::getent;
  const bool has_addresses =
      !options.type || *options.type == RecordType::a || *options.type == RecordType::aaaa;
  if (has_columns && !has_addresses) values.exclude("format", "type");
}

ResolveQuery record_query(std::string_view text, RecordType type) {
  // RFC 1035 s2.3.4, in text; what is wrong with its labels is told when it is asked for.
  constexpr std::size_t kLongest = 1024;
  const bool is_clean = std::all_of(text.begin(), text.end(), [](char letter) {
    return static_cast<unsigned char>(letter) > ' ' && letter != '\x7f';
  });
  if (text.empty() || text.size() > kLongest || !is_clean)
    throw AddressError(text, "expected a domain name");
  ResolveQuery query;
  query.name = std::string(text);
  if (type != RecordType::ptr) return query;
  if (const auto address = SocketAddress::from_numeric(text, 0))
    query.host = AresResolver::reverse_name(*address);
  return query;
}

ResolveQuery reverse_query(std::string_view text) {
  constexpr std::string_view kExpected = "expected a numeric address, as -x/--reverse needs it";
  const bool brackets = text.size() > 1 && text.front() == '[' && text.back() == ']';
  const std::string_view host = brackets ? text.substr(1, text.size() - 2) : text;
  const auto family = literal_family(host);
  if (!family || (brackets && *family != Family::ipv6)) throw AddressError(text, kExpected);
  ResolveQuery query;
  query.name = std::string(text);
  query.host = std::string(host);
  return query;
}

}  // namespace

ResolveQuery parse_query(std::string_view text, const ResolveOptions& options) {
  if (options.reverse) {
    ResolveQuery query = reverse_query(text);
    if (!options.type) return query;
    query.host = record_query(query.host, *options.type).host;
    return query;
  }
  if (options.type) return record_query(text, *options.type);
  ResolveQuery query;
  query.name = std::string(text);
  HostService parsed = parse_host_service(text);
  query.host = std::move(parsed.host);
  query.service = std::move(parsed.service);
  return query;
}

ResolveOptions parse_resolve(const Arguments& arguments) {
  const OptionValues values(arguments);
  ResolveOptions options;
  options.general = read_general(values);
  options.family = read_family(values);
  read_way(values, options);
  read_format(values, options);
  options.short_output = values.has("short");
  options.first = values.has("first");
  options.reverse = values.has("reverse");
  options.jobs = values.number("jobs", 1, 65536)
                     .value_or(options.via_dns ? options.kDnsJobs : options.kSystemJobs);
  options.timeout = values.duration("timeout").value_or(options.timeout);
  options.attempts =
      values.number("attempts", 1, 100).value_or(options.via_dns ? options.kDnsAttempts : 1);
  options.max_rate = values.number("max-rate", 0, 10'000'000).value_or(0);
  options.unordered = values.has("unordered");
  options.progress = read_progress(values);
  read_operands(arguments, options);
  return options;
}

}  // namespace ioa::cli

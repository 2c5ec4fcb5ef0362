#include "cli/commands/resolve_output.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string_view>

#include "cli/escape.hpp"
#include "cli/reporter.hpp"
#include "ioa/base/duration_text.hpp"

namespace ioa::cli {
namespace {

using Json = nlohmann::ordered_json;

std::string_view protocol_of(int socktype) { return socktype == SOCK_DGRAM ? "udp" : "tcp"; }

std::string address_text(const ResolvedAddress& entry, bool with_service) {
  if (!with_service) return entry.address.host();
  return fmt::format("{}/{}", entry.address.to_string(), protocol_of(entry.socktype));
}

Json address_json(const ResolvedAddress& entry, bool with_service) {
  Json object;
  object["address"] = entry.address.host();
  object["port"] = with_service ? Json(entry.address.port()) : Json(nullptr);
  object["family"] = entry.address.family() == AF_INET6 ? "ipv6" : "ipv4";
  object["socktype"] =
      with_service ? Json(entry.socktype == SOCK_DGRAM ? "dgram" : "stream") : Json(nullptr);
  return object;
}

bool has_addresses(RecordType type) { return type == RecordType::a || type == RecordType::aaaa; }

Json base_json(const ResolveOptions& options, const ResolveQuery& query) {
  Json object;
  object["name"] = query.service.empty() ? query.name : query.host;
  object["service"] = query.service.empty() ? Json(nullptr) : Json(query.service);
  if (options.type) object["type"] = record_type_name(*options.type);
  return object;
}

std::string dump(const Json& object) {
  return object.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

Json records_json(const std::vector<DnsRecord>& records) {
  Json list = Json::array();
  for (const DnsRecord& record : records)
    list.push_back({{"ttl", record.ttl_s}, {"value", record.value}});
  return list;
}

std::string json_text(const ResolveOptions& options, const ResolveQuery& query, const Found& found,
                      Duration elapsed) {
  Json object = base_json(options, query);
  Json list = Json::array();
  for (const ResolvedAddress& entry : found.addresses)
    list.push_back(address_json(entry, !query.service.empty()));
  if (options.type && has_addresses(*options.type))
    for (const DnsRecord& record : found.records)
      if (const auto address = SocketAddress::from_numeric(record.value, 0))
        list.push_back(address_json({*address, SOCK_STREAM, 0}, false));
  object["addresses"] = std::move(list);
  if (options.reverse && !options.type) object["names"] = found.names;
  if (options.type) object["records"] = records_json(found.records);
  object["canonical"] = found.canonical.empty() ? Json(nullptr) : Json(found.canonical);
  object["elapsed_ms"] = milliseconds(elapsed);
  return dump(object);
}

/// Every address once, whatever the kinds of socket.
std::vector<std::string> distinct_addresses(const Found& found) {
  std::vector<std::string> texts;
  for (const ResolvedAddress& entry : found.addresses) {
    std::string text = entry.address.host();
    if (std::find(texts.begin(), texts.end(), text) == texts.end())
      texts.push_back(std::move(text));
  }
  for (const DnsRecord& record : found.records) texts.push_back(record.value);
  return texts;
}

const std::string& host_of(const ResolveQuery& query) {
  return query.host.empty() ? query.name : query.host;
}

std::string hosts_text(const ResolveQuery& query, const Found& found) {
  std::string text;
  for (const std::string& address : distinct_addresses(found))
    text += fmt::format("{}\t{}\n", address, escape(host_of(query)));
  for (const std::string& name : found.names)
    text += fmt::format("{}\t{}\n", query.host, escape(name));
  return text;
}

std::string_view socktype_name(int socktype) {
  if (socktype == SOCK_STREAM) return "STREAM";
  if (socktype == SOCK_DGRAM) return "DGRAM";
  return "RAW";
}

/// The columns of getent(1): the name stands in the first line of each.
std::string getent_text(const ResolveQuery& query, const Found& found) {
  std::string text;
  std::string name = escape(found.canonical.empty() ? host_of(query) : found.canonical);
  for (const ResolvedAddress& entry : found.addresses) {
    text +=
        fmt::format("{:<15} {:<6} {}\n", entry.address.host(), socktype_name(entry.socktype), name);
    name.clear();
  }
  for (const DnsRecord& record : found.records) {
    text += fmt::format("{:<15} {:<6} {}\n", record.value, "STREAM", name);
    name.clear();
  }
  for (const std::string& each : found.names)
    text += fmt::format("{:<15} {}\n", query.host, escape(each));
  return text;
}

std::string plain_text(const ResolveOptions& options, const ResolveQuery& query,
                       const Found& found) {
  std::string text;
  const std::string label = options.short_output ? "" : escape(query.name);
  constexpr std::size_t kLine = 32;  // bytes that most values fit into
  const std::size_t lines = found.addresses.size() + found.names.size() + found.records.size();
  text.reserve(lines * (label.size() + kLine));
  const auto begin_line = [&] {
    if (!options.short_output) (text += label) += '\t';
  };
  for (const ResolvedAddress& entry : found.addresses) {
    begin_line();
    (text += address_text(entry, !query.service.empty())) += '\n';
  }
  for (const std::string& name : found.names) {
    begin_line();
    (text += escape(name)) += '\n';
  }
  for (const DnsRecord& record : found.records) {
    begin_line();
    if (!options.short_output) {
      (text += record_type_name(*options.type)) += '\t';
      (text += fmt::format_int(record.ttl_s).c_str()) += '\t';
    }
    (text += record.value) += '\n';  // nothing but printable ASCII, escaped as zone files are
  }
  return text;
}

template <class List>
void keep_first(List& list) {
  if (list.size() > 1) list.erase(list.begin() + 1, list.end());
}

}  // namespace

std::string format_found(const ResolveOptions& options, const ResolveQuery& query, Found&& found,
                         Duration elapsed) {
  if (options.first) {
    keep_first(found.addresses);
    keep_first(found.names);
    keep_first(found.records);
  }
  switch (options.format) {
    case ResolveFormat::text:
      return plain_text(options, query, found);
    case ResolveFormat::json:
      return json_text(options, query, found, elapsed);
    case ResolveFormat::hosts:
      return hosts_text(query, found);
    case ResolveFormat::getent:
      return getent_text(query, found);
  }
  return {};
}

std::string format_failed(const ResolveOptions& options, const ResolveQuery& query,
                          const Error& error, Duration elapsed) {
  Json object = base_json(options, query);
  const char* without_code = error.kind() == ErrorKind::timeout ? "timeout" : "invalid";
  object["error"] = {{"code", error.code() ? error_name(error.code()) : without_code},
                     {"message", error.code() ? error.code().message() : error.reason()}};
  object["elapsed_ms"] = milliseconds(elapsed);
  return dump(object);
}

}  // namespace ioa::cli

#include "cli/commands/resolve_output.hpp"

#include <fmt/format.h>

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

Json base_json(const ResolveQuery& query) {
  Json object;
  object["name"] = query.service.empty() ? query.name : query.host;
  object["service"] = query.service.empty() ? Json(nullptr) : Json(query.service);
  return object;
}

std::string dump(const Json& object) {
  return object.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace

std::string format_found(const ResolveOptions& options, const ResolveQuery& query, Found found,
                         Duration elapsed) {
  const bool with_service = !query.service.empty();
  if (options.first && found.addresses.size() > 1)
    found.addresses.erase(found.addresses.begin() + 1, found.addresses.end());
  if (options.first && found.names.size() > 1) found.names.resize(1);
  if (options.json) {
    Json object = base_json(query);
    Json list = Json::array();
    for (const ResolvedAddress& entry : found.addresses)
      list.push_back(address_json(entry, with_service));
    object["addresses"] = std::move(list);
    if (options.reverse) object["names"] = found.names;
    object["canonical"] = found.canonical.empty() ? Json(nullptr) : Json(found.canonical);
    object["elapsed_ms"] = milliseconds(elapsed);
    return dump(object);
  }
  std::string text;
  const std::string label = options.short_output ? "" : escape(query.name) + "\t";
  for (const ResolvedAddress& entry : found.addresses)
    text += fmt::format("{}{}\n", label, address_text(entry, with_service));
  for (const std::string& name : found.names) text += fmt::format("{}{}\n", label, escape(name));
  return text;
}

std::string format_failed(const ResolveQuery& query, const Error& error, Duration elapsed) {
  Json object = base_json(query);
  const char* without_code = error.kind() == ErrorKind::timeout ? "timeout" : "invalid";
  object["error"] = {{"code", error.code() ? error_name(error.code()) : without_code},
                     {"message", error.code() ? error.code().message() : error.reason()}};
  object["elapsed_ms"] = milliseconds(elapsed);
  return dump(object);
}

}  // namespace ioa::cli

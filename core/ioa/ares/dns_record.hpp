#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ioa/base/error.hpp"

namespace ioa {

/// What kind of record is asked for; the numbers are those on the wire (RFC 1035 s3.2.2, IANA).
enum class RecordType : std::uint16_t {
  a = 1,
  ns = 2,
  cname = 5,
  soa = 6,
  ptr = 12,
  mx = 15,
  txt = 16,
  aaaa = 28,
  srv = 33,
  https = 65,
  caa = 257,
};

/// "A", "AAAA", "HTTPS", ... in any case; nothing for a type that this does not know.
std::optional<RecordType> parse_record_type(std::string_view text) noexcept;
/// "A", "AAAA", "HTTPS", ...
std::string_view record_type_name(RecordType type) noexcept;

/// One record of an answer.
struct DnsRecord {
  /// How long it may be used, in seconds: the least of its own and of the aliases that lead to it.
  std::uint32_t ttl_s = 0;
  /// Its data as a zone file holds it (RFC 1035 s5.1): "10 mail.example.org.", "\"v=spf1 -all\"",
  /// "192.0.2.1". Nothing but printable ASCII.
  std::string value;

  friend bool operator==(const DnsRecord&, const DnsRecord&) = default;
};

/// What came of one question, failures included: in a batch of names they are nothing exceptional.
struct DnsReply {
  /// At least one, unless it failed.
  std::vector<DnsRecord> records;
  /// What the name is an alias of, if it is one; without the dot at its end.
  std::string canonical_name;
  /// Null if there are records. A pointer: there are very many replies, and few failures.
  std::shared_ptr<const Error> failure;
};

}  // namespace ioa

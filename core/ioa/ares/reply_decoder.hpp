#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ioa/ares/dns_error.hpp"
#include "ioa/ares/dns_record.hpp"
#include "ioa/ares/message_reader.hpp"

namespace ioa::detail {

/// What a reply says.
struct DecodedReply {
  /// 0, a response code, or a DnsCode of ours.
  int code = 0;
  std::vector<DnsRecord> records;
  std::string canonical_name;
  /// How long its not having anything may be remembered, in seconds (RFC 2308 s5).
  std::uint32_t negative_ttl_s = 0;
};

/// Decodes a reply to a question for `type`, whoever wrote it: bounded in time, and in what it
/// makes of the bytes. Records of other types, and those of names that the aliases do not lead to,
/// are left out.
DecodedReply decode_reply(MessageReader::Bytes message, RecordType type);

/// Aliases that are followed within a reply.
inline constexpr int kMaxAliases = 16;
/// What the values of one reply may have together, in bytes: a name that is a few bytes in the
/// message can be a thousand in text.
inline constexpr std::size_t kMaxReplyText = std::size_t{128} << 10;

}  // namespace ioa::detail

// Replies of name servers: whatever they hold, decoding them ends, stays inside, and gives bounded
// text of printable ASCII. The first byte picks the type that was asked for.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "ioa/ares/reply_decoder.hpp"

namespace {

using ioa::RecordType;

constexpr std::array kTypes{RecordType::a,   RecordType::aaaa, RecordType::ptr,  RecordType::cname,
                            RecordType::mx,  RecordType::ns,   RecordType::txt,  RecordType::srv,
                            RecordType::soa, RecordType::caa,  RecordType::https};

void require(bool holds) {
  if (!holds) std::abort();
}

bool is_printable(const std::string& text) {
  return std::all_of(text.begin(), text.end(),
                     [](char byte) { return byte >= ' ' && byte <= '~'; });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0 || size > 65'536) return 0;
  const RecordType type = kTypes[data[0] % kTypes.size()];
  const auto reply = ioa::detail::decode_reply({data + 1, size - 1}, type);
  require((reply.code == 0) == !reply.records.empty());
  std::size_t total = 0;
  for (const ioa::DnsRecord& record : reply.records) {
    require(!record.value.empty() && is_printable(record.value));
    require(record.ttl_s <= 0x7fffffff);
    total += record.value.size();
  }
  require(total <= ioa::detail::kMaxReplyText);
  require(is_printable(reply.canonical_name));
  return 0;
}

#include "ioa/ares/dns_record.hpp"

#include <strings.h>

#include <algorithm>
#include <array>

namespace ioa {
namespace {

struct TypeName {
  RecordType type;
  std::string_view name;
};

constexpr std::array kTypeNames{
    TypeName{RecordType::a, "A"},         TypeName{RecordType::aaaa, "AAAA"},
    TypeName{RecordType::ptr, "PTR"},     TypeName{RecordType::cname, "CNAME"},
    TypeName{RecordType::mx, "MX"},       TypeName{RecordType::ns, "NS"},
    TypeName{RecordType::txt, "TXT"},     TypeName{RecordType::srv, "SRV"},
    TypeName{RecordType::soa, "SOA"},     TypeName{RecordType::caa, "CAA"},
    TypeName{RecordType::https, "HTTPS"},
};

}  // namespace

std::optional<RecordType> parse_record_type(std::string_view text) noexcept {
  for (const TypeName& entry : kTypeNames)
    if (entry.name.size() == text.size() &&
        ::strncasecmp(entry.name.data(), text.data(), text.size()) == 0)
      return entry.type;
  return std::nullopt;
}

std::string_view record_type_name(RecordType type) noexcept {
  const auto* const found = std::find_if(kTypeNames.begin(), kTypeNames.end(),
                                         [&](const TypeName& entry) { return entry.type == type; });
  return found == kTypeNames.end() ? std::string_view() : found->name;
}

}  // namespace ioa

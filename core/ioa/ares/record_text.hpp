#pragma once

#include <optional>
#include <string>

#include "ioa/ares/dns_record.hpp"
#include "ioa/ares/message_reader.hpp"

namespace ioa::detail {

/// The data of a record of this type as a zone file holds it (RFC 1035 s5.1); nothing if it is
/// malformed. c-ares and its successor decode the values of some types, but without their TTLs in
/// the versions that distributions have; so the fields are read here, and the names in them by it.
std::optional<std::string> record_text(const MessageReader& reader, const RecordPlace& place,
                                       RecordType type);

}  // namespace ioa::detail

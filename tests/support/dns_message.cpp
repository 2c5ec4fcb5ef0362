#include "tests/support/dns_message.hpp"

#include <arpa/inet.h>

#include <array>
#include <stdexcept>

#include "ioa/ares/message_reader.hpp"

namespace ioa::test {

std::string wire_u16(std::uint32_t value) {
  return {static_cast<char>(value >> 8 & 0xff), static_cast<char>(value & 0xff)};
}

std::string wire_u32(std::uint32_t value) { return wire_u16(value >> 16) + wire_u16(value); }

std::string wire_name(std::string_view name) {
  std::string wire;
  while (!name.empty()) {
    const std::string_view label = name.substr(0, name.find('.'));
    wire += static_cast<char>(label.size());
    wire += label;
    name.remove_prefix(std::min(name.size(), label.size() + 1));
  }
  return wire + '\0';
}

std::string record(std::string_view owner, std::uint16_t type, std::uint32_t ttl_s,
                   std::string_view data) {
  return wire_name(owner) + wire_u16(type) + wire_u16(1) + wire_u32(ttl_s) +
         wire_u16(static_cast<std::uint32_t>(data.size())) + std::string(data);
}

std::string address_record(std::string_view owner, const std::string& address) {
  std::array<char, 16> bytes{};
  if (::inet_pton(AF_INET, address.c_str(), bytes.data()) == 1)
    return record(owner, 1, 300, std::string_view(bytes.data(), 4));
  if (::inet_pton(AF_INET6, address.c_str(), bytes.data()) != 1)
    throw std::runtime_error(address + " is no address");
  return record(owner, 28, 300, std::string_view(bytes.data(), 16));
}

std::string alias_record(std::string_view owner, std::string_view target) {
  return record(owner, 5, 300, wire_name(target));
}

std::string negative_record(std::string_view zone, std::uint32_t minimum_s) {
  std::string data = wire_name(zone) + wire_name(zone);
  for (int i = 0; i < 4; ++i) data += wire_u32(1);
  return record(zone, 6, 3600, data + wire_u32(minimum_s));
}

std::string DnsMessage::wire(const DnsQuery& query) const {
  std::string flags = wire_u16(0x0100);
  if (is_response) flags[0] = static_cast<char>(flags[0] | 0x80);
  if (is_truncated) flags[0] = static_cast<char>(flags[0] | 0x02);
  flags[1] = static_cast<char>(rcode);
  std::string message = wire_u16(query.id + static_cast<std::uint32_t>(id_offset)) + flags;
  message += wire_u16(1) + wire_u16(static_cast<std::uint32_t>(answers.size())) +
             wire_u16(static_cast<std::uint32_t>(authorities.size())) + wire_u16(0);
  message += question.empty() ? query.bytes : question;
  for (const auto* section : {&answers, &authorities})
    for (const std::string& each : *section) message += each;
  return message;
}

DnsQuery read_query(std::string_view message) {
  const detail::MessageReader reader(
      {reinterpret_cast<const unsigned char*>(message.data()), message.size()});
  const auto end = reader.skip_question();
  if (!end) throw std::runtime_error("not a question");
  DnsQuery query;
  query.id = reader.u16(0);
  query.name = reader.name(detail::MessageReader::kHeaderSize);
  query.type = reader.u16(*end - 4);
  query.has_edns = reader.u16(10) == 1;
  query.bytes =
      message.substr(detail::MessageReader::kHeaderSize, *end - detail::MessageReader::kHeaderSize);
  return query;
}

}  // namespace ioa::test

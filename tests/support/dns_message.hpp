#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ioa::test {

/// A question as a server gets it.
struct DnsQuery {
  std::uint16_t id = 0;
  std::string name;  ///< "www.example.org", as it was asked.
  std::uint16_t type = 0;
  bool is_tcp = false;
  bool has_edns = false;
  int number = 0;     ///< How often this name and type have been asked before.
  std::string bytes;  ///< The question section.
};

/// What a reply says; wire() makes the message of it, right or wrong as the test wants it.
struct DnsMessage {
  int rcode = 0;
  bool is_truncated = false;
  bool is_response = true;
  std::vector<std::string> answers;      ///< Records, as record() makes them.
  std::vector<std::string> authorities;  ///< The same.
  int id_offset = 0;                     ///< Added to the number: 1 is somebody else's.
  std::string question;                  ///< In place of the one that was asked.

  std::string wire(const DnsQuery& query) const;
};

/// Reads a question. Throws std::runtime_error if it is none.
DnsQuery read_query(std::string_view message);

/// "www.example.org" as it goes over the wire, without compression.
std::string wire_name(std::string_view name);
std::string wire_u16(std::uint32_t value);
std::string wire_u32(std::uint32_t value);
/// A record of class IN.
std::string record(std::string_view owner, std::uint16_t type, std::uint32_t ttl_s,
                   std::string_view data);
/// Records of an IPv4 or IPv6 address, and of an alias; their TTL is 300 s.
std::string address_record(std::string_view owner, const std::string& address);
std::string alias_record(std::string_view owner, std::string_view target);
/// A SOA record for the authority section: how long that there is nothing may be remembered.
std::string negative_record(std::string_view zone, std::uint32_t minimum_s);

}  // namespace ioa::test

#include "ioa/ares/reply_decoder.hpp"

#include <ares.h>
#include <arpa/inet.h>
#include <strings.h>

#include <algorithm>
#include <array>
#include <optional>

#include "ioa/ares/record_text.hpp"
#include "ioa/net/ipv4_text.hpp"

namespace ioa::detail {
namespace {

constexpr std::uint16_t kInternet = 1;  // RFC 1035 s3.2.4

bool is_same_name(const std::string& a, const std::string& b) {
  return ::strcasecmp(a.c_str(), b.c_str()) == 0;
}

std::uint16_t number_of(RecordType type) { return static_cast<std::uint16_t>(type); }

/// Where the records of the answer are, all of them whole.
struct Answers {
  std::size_t begin = 0;
  std::size_t end = 0;
  bool is_plain = true;  // nothing but records of the type that was asked for
};

std::optional<Answers> find_answers(const MessageReader& reader, RecordType type) {
  const auto begin = reader.skip_question();
  if (!begin) return std::nullopt;
  Answers answers;
  answers.begin = answers.end = *begin;
  for (int i = 0; i < reader.answers(); ++i) {
    const auto place = record_at(reader, answers.end);
    if (!place) return std::nullopt;
    answers.is_plain = answers.is_plain && place->type == number_of(type);
    answers.end = place->end();
  }
  return answers;
}

using Places = std::vector<RecordPlace>;

Places places_of(const MessageReader& reader, const Answers& answers) {
  Places places;
  places.reserve(reader.answers());
  for (std::size_t at = answers.begin; at < answers.end; at = places.back().end())
    places.push_back(*record_at(reader, at));
  return places;
}

/// Where the aliases of the name that was asked for lead to.
struct Chain {
  std::string name;
  std::uint32_t ttl_s = UINT32_MAX;
  int length = 0;
  bool is_good = true;
};

Chain follow_aliases(const MessageReader& reader, const Places& places) {
  Chain chain;
  chain.name = reader.name(MessageReader::kHeaderSize);
  const auto leads_on = [&](const RecordPlace& place) {
    return place.type == number_of(RecordType::cname) && place.record_class == kInternet &&
           is_same_name(reader.name(place.owner), chain.name);
  };
  while (chain.length <= kMaxAliases) {
    const auto alias = std::find_if(places.begin(), places.end(), leads_on);
    if (alias == places.end()) break;
    const auto end = reader.skip_name(alias->data);
    if (!end || *end != alias->end()) {
      chain.is_good = false;
      break;
    }
    chain.name = reader.name(alias->data);
    chain.ttl_s = std::min(chain.ttl_s, alias->ttl_s);
    ++chain.length;
  }
  return chain;
}

/// RFC 2308 s5: the least of the SOA record's TTL and its last field.
std::uint32_t negative_ttl(const MessageReader& reader, std::size_t at) {
  constexpr std::size_t kNumbers = 20;  // behind its two names
  for (int i = 0; i < reader.authorities(); ++i) {
    const auto place = record_at(reader, at);
    if (!place) break;
    at = place->end();
    if (place->type != number_of(RecordType::soa) || place->size < kNumbers) continue;
    return std::min(place->ttl_s, reader.u32(place->end() - 4));
  }
  return 0;
}

DecodedReply failure(int code) {
  DecodedReply reply;
  reply.code = code;
  return reply;
}

DecodedReply failure(DnsCode code) { return failure(static_cast<int>(code)); }

/// Aliases are collected for themselves, everything else at their end.
DecodedReply collect(const MessageReader& reader, const Answers& answers, RecordType type) {
  const bool wants_alias = type == RecordType::cname;
  const Places places = places_of(reader, answers);
  Chain chain;
  chain.name = reader.name(MessageReader::kHeaderSize);
  if (!wants_alias) chain = follow_aliases(reader, places);
  if (!chain.is_good) return failure(DnsCode::malformed);
  if (chain.length > kMaxAliases) return failure(DnsCode::alias_loop);
  DecodedReply reply;
  std::size_t text_size = 0;
  for (const RecordPlace& place : places) {
    if (place.type != number_of(type) || place.record_class != kInternet ||
        !is_same_name(reader.name(place.owner), chain.name))
      continue;
    auto text = record_text(reader, place, type);
    if (!text) return failure(DnsCode::malformed);
    text_size += text->size();
    if (text_size > kMaxReplyText) return failure(DnsCode::malformed);
    reply.records.push_back({std::min(chain.ttl_s, place.ttl_s), *std::move(text)});
  }
  if (chain.length > 0) reply.canonical_name = chain.name;
  return reply;
}

std::string address_text(const in_addr& address) { return ipv4_text(address); }

std::string address_text(const ares_in6_addr& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (::inet_ntop(AF_INET6, &address, text.data(), text.size()) == nullptr) return {};
  return text.data();
}

/// c-ares decodes addresses, with their TTLs; `parse` is its function for the family.
template <class Entry, class Parse, class AddressOf>
void add_addresses(MessageReader::Bytes message, std::size_t count, Parse parse,
                   AddressOf address_of, DecodedReply& reply) {
  std::array<Entry, 16> few;
  std::vector<Entry> many;
  if (count > few.size()) many.resize(count);
  Entry* entries = many.empty() ? few.data() : many.data();
  int found = static_cast<int>(many.empty() ? few.size() : many.size());
  if (parse(message.data(), static_cast<int>(message.size()), nullptr, entries, &found) !=
      ARES_SUCCESS)
    return;
  for (int i = 0; i < found; ++i)
    reply.records.push_back({static_cast<std::uint32_t>(std::max(entries[i].ttl, 0)),
                             address_text(address_of(entries[i]))});
}

/// Nothing is found if there is more to it than addresses of the name itself.
DecodedReply plain_addresses(const MessageReader& reader, const Answers& answers, RecordType type) {
  DecodedReply reply;
  if (!answers.is_plain) return reply;
  if (type == RecordType::a)
    add_addresses<ares_addrttl>(
        reader.message(), reader.answers(), &::ares_parse_a_reply,
        [](const ares_addrttl& entry) -> const auto& { return entry.ipaddr; }, reply);
  if (type == RecordType::aaaa)
    add_addresses<ares_addr6ttl>(
        reader.message(), reader.answers(), &::ares_parse_aaaa_reply,
        [](const ares_addr6ttl& entry) -> const auto& { return entry.ip6addr; }, reply);
  return reply;
}

}  // namespace

DecodedReply decode_reply(MessageReader::Bytes message, RecordType type) {
  const MessageReader reader(message);
  if (message.size() < MessageReader::kHeaderSize) return failure(DnsCode::malformed);
  const auto answers = find_answers(reader, type);
  if (reader.response_code() != 0) {
    DecodedReply reply = failure(reader.response_code());
    if (answers && reader.response_code() == static_cast<int>(DnsCode::no_such_name))
      reply.negative_ttl_s = negative_ttl(reader, answers->end);
    return reply;
  }
  if (!answers) return failure(DnsCode::malformed);
  DecodedReply reply;
  if (reader.answers() > 0) {
    reply = plain_addresses(reader, *answers, type);
    if (reply.records.empty()) reply = collect(reader, *answers, type);
  }
  if (reply.code == 0 && reply.records.empty()) {
    reply.code = static_cast<int>(DnsCode::no_data);
    reply.negative_ttl_s = negative_ttl(reader, answers->end);
  }
  return reply;
}

}  // namespace ioa::detail

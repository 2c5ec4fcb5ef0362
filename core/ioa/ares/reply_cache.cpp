#include "ioa/ares/reply_cache.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace ioa::detail {
namespace {

constexpr std::uint32_t kLongest_s = 86'400;  // RFC 8767 s4 would have a week; a client has less

}  // namespace

std::optional<DnsReply> ReplyCache::find(const std::string& key, TimePoint now) {
  const auto found = places_.find(key);
  if (found == places_.end()) return std::nullopt;
  const auto entry = found->second;
  if (entry->until <= now) {
    entries_.erase(entry);
    places_.erase(found);
    return std::nullopt;
  }
  entries_.splice(entries_.begin(), entries_, entry);
  DnsReply reply = entry->reply;
  const auto age = std::chrono::duration_cast<std::chrono::seconds>(now - entry->since).count();
  for (DnsRecord& record : reply.records)
    record.ttl_s -= std::min<std::uint32_t>(record.ttl_s, static_cast<std::uint32_t>(age));
  return reply;
}

void ReplyCache::put(const std::string& key, const DnsReply& reply, std::uint32_t ttl_s,
                     TimePoint now) {
  if (capacity_ == 0 || ttl_s == 0) return;
  if (const auto found = places_.find(key); found != places_.end()) {
    entries_.erase(found->second);
    places_.erase(found);
  }
  while (entries_.size() >= capacity_) {
    places_.erase(entries_.back().key);
    entries_.pop_back();
  }
  const auto until = now + std::chrono::seconds(std::min(ttl_s, kLongest_s));
  entries_.push_front({key, reply, now, until});
  places_[key] = entries_.begin();
}

void ReplyCache::clear() noexcept {
  places_.clear();
  entries_.clear();
}

}  // namespace ioa::detail

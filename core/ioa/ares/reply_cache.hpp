#pragma once

#include <cstddef>
#include <list>
#include <optional>
#include <string>
#include <unordered_map>

#include "ioa/ares/dns_record.hpp"
#include "ioa/base/clock.hpp"

namespace ioa::detail {

/// Replies that may still be used, at most so many: what was not asked for longest goes first.
class ReplyCache {
 public:
  /// `capacity` 0 keeps nothing.
  explicit ReplyCache(std::size_t capacity) noexcept : capacity_(capacity) {}

  /// The reply for this key, if it may still be used at `now`, its TTLs less by its age.
  std::optional<DnsReply> find(const std::string& key, TimePoint now);
  /// Keeps a reply for `ttl_s` seconds, at most a day; 0 keeps nothing.
  void put(const std::string& key, const DnsReply& reply, std::uint32_t ttl_s, TimePoint now);
  std::size_t size() const noexcept { return entries_.size(); }
  void clear() noexcept;

 private:
  struct Entry {
    std::string key;
    DnsReply reply;
    TimePoint since;
    TimePoint until;
  };
  using Entries = std::list<Entry>;

  std::size_t capacity_;
  Entries entries_;  // the one that was used last is the first
  std::unordered_map<std::string, Entries::iterator> places_;
};

}  // namespace ioa::detail

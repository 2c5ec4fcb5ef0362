#include "cli/commands/listen/address_counter.hpp"

#include <utility>

namespace ioa::cli {

AddressCounter::AddressCounter(std::uint32_t limit)
    : limit_(limit), counts_(std::make_shared<Counts>()) {}

bool AddressCounter::has_room(const IpAddress& address) const {
  if (limit_ == 0) return true;
  const auto found = counts_->find(address);
  return found == counts_->end() || found->second < limit_;
}

AddressCounter::Place AddressCounter::take(const IpAddress& address) {
  if (limit_ == 0) return {};
  ++(*counts_)[address];
  return {counts_, address};
}

AddressCounter::Place& AddressCounter::Place::operator=(Place&& other) noexcept {
  if (this == &other) return *this;
  give_back();
  counts_ = std::move(other.counts_);
  address_ = other.address_;
  return *this;
}

void AddressCounter::Place::give_back() noexcept {
  const std::shared_ptr<Counts> counts = std::exchange(counts_, {}).lock();
  if (!counts) return;
  const auto found = counts->find(address_);
  if (found != counts->end() && --found->second == 0) counts->erase(found);
}

}  // namespace ioa::cli

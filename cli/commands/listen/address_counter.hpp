#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>

#include "cli/commands/listen/address_set.hpp"

namespace ioa::cli {

/// Counts the connections of each address that has any (--max-per-ip): an address takes memory for
/// as long as one of its connections is there.
class AddressCounter {
  // An ordered map: whoever has many addresses may not choose them so that they collide.
  using Counts = std::map<IpAddress, std::uint32_t>;

 public:
  /// The place that a connection has among those of its address: given back when it is destroyed,
  /// which may be after the counter.
  class Place {
   public:
    /// No place.
    Place() = default;
    Place(Place&&) noexcept = default;
    Place& operator=(Place&& other) noexcept;
    ~Place() { give_back(); }
    void give_back() noexcept;

   private:
    friend class AddressCounter;
    Place(const std::shared_ptr<Counts>& counts, const IpAddress& address)
        : counts_(counts), address_(address) {}
    std::weak_ptr<Counts> counts_;
    IpAddress address_;
  };

  /// Connections that an address may have at once; 0 is any number, and nothing is counted.
  explicit AddressCounter(std::uint32_t limit);

  /// Whether one more may come from there.
  bool has_room(const IpAddress& address) const;
  /// One more has come.
  Place take(const IpAddress& address);
  /// How many addresses are counted at present.
  std::size_t addresses() const noexcept { return counts_->size(); }

 private:
  std::uint32_t limit_;
  std::shared_ptr<Counts> counts_;
};

}  // namespace ioa::cli

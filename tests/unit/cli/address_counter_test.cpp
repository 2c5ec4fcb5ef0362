#include "cli/commands/listen/address_counter.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <utility>

namespace ioa::cli {
namespace {

IpAddress ip(std::string_view text) {
  return *IpAddress::of(*SocketAddress::from_numeric(text, 1));
}

TEST(AddressCounterTest, AnAddressHasSoManyPlaces) {
  AddressCounter counter(2);
  const IpAddress address = ip("192.0.2.1");
  AddressCounter::Place first = counter.take(address);
  EXPECT_TRUE(counter.has_room(address));
  AddressCounter::Place second = counter.take(address);
  EXPECT_FALSE(counter.has_room(address));
  EXPECT_TRUE(counter.has_room(ip("192.0.2.2")));
  first.give_back();
  first.give_back();
  EXPECT_TRUE(counter.has_room(address));
}

TEST(AddressCounterTest, AMappedAddressIsTheSame) {
  AddressCounter counter(1);
  const AddressCounter::Place place = counter.take(ip("::ffff:192.0.2.1"));
  EXPECT_FALSE(counter.has_room(ip("192.0.2.1")));
}

TEST(AddressCounterTest, KnowsOnlyAddressesThatAreThere) {
  AddressCounter counter(3);
  {
    const AddressCounter::Place one = counter.take(ip("::1"));
    const AddressCounter::Place other = counter.take(ip("::1"));
    const AddressCounter::Place third = counter.take(ip("::2"));
    EXPECT_EQ(counter.addresses(), 2U);
  }
  EXPECT_EQ(counter.addresses(), 0U);
}

TEST(AddressCounterTest, APlaceMovesAndMayOutliveTheCounter) {
  std::optional<AddressCounter> counter(1);
  AddressCounter::Place place = counter->take(ip("::1"));
  AddressCounter::Place moved = std::move(place);
  place.give_back();
  EXPECT_FALSE(counter->has_room(ip("::1")));
  moved = AddressCounter::Place();
  EXPECT_TRUE(counter->has_room(ip("::1")));
  moved = counter->take(ip("::1"));
  counter.reset();
  moved.give_back();
}

TEST(AddressCounterTest, WithoutALimitNothingIsCounted) {
  AddressCounter counter(0);
  const AddressCounter::Place place = counter.take(ip("::1"));
  EXPECT_TRUE(counter.has_room(ip("::1")));
  EXPECT_EQ(counter.addresses(), 0U);
}

}  // namespace
}  // namespace ioa::cli

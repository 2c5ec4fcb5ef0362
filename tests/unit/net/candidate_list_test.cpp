#include "ioa/net/candidate_list.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace ioa::detail {
namespace {

using ::testing::ElementsAre;
using Position = CandidateList::Position;

std::vector<ResolvedAddress> peers(std::initializer_list<const char*> hosts) {
  std::vector<ResolvedAddress> list;
  for (const char* host : hosts)
    list.push_back({SocketAddress::from_numeric(host, 80).value(), SOCK_STREAM, 0});
  return list;
}

std::vector<SocketAddress> locals(std::initializer_list<const char*> hosts) {
  std::vector<SocketAddress> list;
  for (const char* host : hosts) list.push_back(SocketAddress::from_numeric(host, 0).value());
  return list;
}

std::vector<std::string> drain(CandidateList& list, bool by_turns) {
  std::vector<std::string> texts;
  while (!list.empty()) {
    const ConnectCandidate next = by_turns ? list.next_by_turns() : list.next();
    const std::string from = next.local.empty() ? "" : next.local.host() + ">";
    texts.push_back(from + next.peer.address.host());
  }
  return texts;
}

TEST(CandidateListTest, KeepsTheOrderItWasGiven) {
  CandidateList list;
  list.add(peers({"::1", "::2", "10.0.0.1", "10.0.0.2"}), {});
  EXPECT_THAT(drain(list, false), ElementsAre("::1", "::2", "10.0.0.1", "10.0.0.2"));
}

TEST(CandidateListTest, TakesFamiliesByTurnsFromThatOfTheFirst) {
  CandidateList list;
  list.add(peers({"10.0.0.1", "10.0.0.2", "10.0.0.3", "::1", "::2"}), {});
  EXPECT_THAT(drain(list, true), ElementsAre("10.0.0.1", "::1", "10.0.0.2", "::2", "10.0.0.3"));
}

TEST(CandidateListTest, GoesOnByTurnsWhenAFamilyComesLater) {
  CandidateList list;
  list.add(peers({"10.0.0.1", "10.0.0.2", "10.0.0.3"}), {});
  EXPECT_EQ(list.next_by_turns().peer.address.host(), "10.0.0.1");
  list.add(peers({"::1", "::2"}), {});
  EXPECT_THAT(drain(list, true), ElementsAre("::1", "10.0.0.2", "::2", "10.0.0.3"));
}

TEST(CandidateListTest, PutsAFamilyThatShallBeginFirst) {
  CandidateList list;
  list.add(peers({"10.0.0.1"}), {});
  list.add(peers({"::1", "::2"}), {}, Position::first);
  EXPECT_THAT(drain(list, false), ElementsAre("::1", "::2", "10.0.0.1"));
}

TEST(CandidateListTest, PairsEveryLocalAddressWithEveryPeerOfItsFamily) {
  CandidateList list;
  list.add(peers({"10.0.0.1", "::1", "10.0.0.2"}), locals({"127.0.0.1", "127.0.0.2"}));
  EXPECT_THAT(drain(list, false), ElementsAre("127.0.0.1>10.0.0.1", "127.0.0.1>10.0.0.2",
                                              "127.0.0.2>10.0.0.1", "127.0.0.2>10.0.0.2"));
}

TEST(CandidateListTest, IsEmptyWhereNoFamilyFits) {
  CandidateList list;
  list.add(peers({"10.0.0.1"}), locals({"::1"}));
  EXPECT_TRUE(list.empty());
}

}  // namespace
}  // namespace ioa::detail

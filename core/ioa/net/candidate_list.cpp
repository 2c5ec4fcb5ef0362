#include "ioa/net/candidate_list.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace ioa::detail {

void CandidateList::add(std::span<const ResolvedAddress> peers,
                        std::span<const SocketAddress> locals, Position position) {
  std::vector<ConnectCandidate> added;
  for (const SocketAddress& local : locals)
    for (const ResolvedAddress& peer : peers)
      if (peer.address.family() == local.family()) added.push_back({peer, local});
  if (locals.empty())
    for (const ResolvedAddress& peer : peers) added.push_back({peer, SocketAddress()});
  candidates_.insert(position == Position::first ? candidates_.begin() : candidates_.end(),
                     added.begin(), added.end());
}

ConnectCandidate CandidateList::next() {
  ConnectCandidate candidate = std::move(candidates_.front());
  candidates_.pop_front();
  return candidate;
}

ConnectCandidate CandidateList::next_by_turns() {
  auto place = std::find_if(candidates_.begin(), candidates_.end(), [this](const auto& candidate) {
    return candidate.peer.address.family() != last_family_;
  });
  if (place == candidates_.end()) place = candidates_.begin();
  ConnectCandidate candidate = std::move(*place);
  candidates_.erase(place);
  last_family_ = candidate.peer.address.family();
  return candidate;
}

}  // namespace ioa::detail

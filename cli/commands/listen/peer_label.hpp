#pragma once

#include <string>

namespace ioa::cli {

struct ListenPeer;

/// What messages call a peer of several: its address, safe to print, or its number where it has
/// none.
std::string label_of(const ListenPeer& peer);

}  // namespace ioa::cli

#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <tuple>

#include "ioa/net/socket.hpp"
#include "tests/conformance/loop_conformance.hpp"

namespace ioa::test {

/// Two Sockets of which each receives what the other sends to peer(); not in a loop yet.
struct PacketPair {
  std::unique_ptr<Socket> first;
  std::unique_ptr<Socket> second;
  /// Where they send to: empty for connected ones.
  SocketAddress first_address;
  SocketAddress second_address;
};

/// A kind of Socket, for the tests that every kind must pass: instantiate SocketConformance with
/// it.
struct SocketKind {
  const char* name;
  /// Null members where this host cannot do it.
  PacketPair (*make)();
};
inline void PrintTo(const SocketKind& kind, std::ostream* out) { *out << kind.name; }

/// The kind, and the backend that the loop stands on.
using SocketCase = std::tuple<SocketKind, BackendKind>;

class SocketConformance : public GuardedTest, public ::testing::WithParamInterface<SocketCase> {
 public:
  static std::string name_of(const ::testing::TestParamInfo<SocketCase>& test) {
    return std::string(std::get<0>(test.param).name) + "_" + std::get<1>(test.param).name;
  }

 protected:
  SocketConformance();
  void SetUp() override;

  const SocketKind& kind() const { return std::get<0>(GetParam()); }
  void send_to_second(std::string_view bytes) { first->send(bytes, second_address); }
  void send_to_first(std::string_view bytes) { second->send(bytes, first_address); }
  void turn_until(const std::function<bool()>& done, std::string_view what) {
    test::turn_until(loop, done, what);
  }

  Loop loop;
  Socket* first = nullptr;
  Socket* second = nullptr;
  SocketAddress first_address;
  SocketAddress second_address;
};

/// Of the kinds where the kernel makes a sender wait, instead of dropping what a slow receiver has
/// no room for.
class ReliableSocketConformance : public SocketConformance {};
/// Of the kinds that are not connected: each datagram has its address.
class AddressedSocketConformance : public SocketConformance {};

}  // namespace ioa::test

#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <string_view>
#include <tuple>

#include "ioa/io/stream.hpp"
#include "tests/support/loop_fixture.hpp"

namespace ioa::test {

/// Two Streams of which each reads what the other writes; not in a loop yet.
struct StreamPair {
  std::unique_ptr<Stream> first;
  std::unique_ptr<Stream> second;
};

/// A kind of Stream, for the tests that every kind must pass: instantiate StreamConformance with
/// it.
struct StreamKind {
  const char* name;
  StreamPair (*make)();
};
inline void PrintTo(const StreamKind& kind, std::ostream* out) { *out << kind.name; }

/// The kind, and the method of libevent ("epoll", ...) that the loop stands on.
using StreamCase = std::tuple<StreamKind, std::string>;

class StreamConformance : public GuardedTest, public ::testing::WithParamInterface<StreamCase> {
 public:
  static std::string name_of(const ::testing::TestParamInfo<StreamCase>& test) {
    return std::string(std::get<0>(test.param).name) + "_" + std::get<1>(test.param);
  }

 protected:
  StreamConformance();

  /// Puts a new pair into the loop, instead of the one of before.
  void connect();
  template <class T>
  T run(Future<T> future) {
    return test::run(loop, std::move(future));
  }
  void turn_until(const std::function<bool()>& done, std::string_view what) {
    test::turn_until(loop, done, what);
  }
  /// Enough turns for all that is ready; on a network of one machine that is all there is.
  void turn_some();
  /// Writes through `first` until that fails.
  bool write_until_it_fails();
  /// Writes more than the kernel takes; returns all of it.
  static std::string queue_much(Stream& stream);

  Loop loop;
  Stream* first = nullptr;
  Stream* second = nullptr;
};

/// `size` pseudo-random bytes, always the same for a seed.
std::string random_bytes(std::size_t size, unsigned seed);

}  // namespace ioa::test

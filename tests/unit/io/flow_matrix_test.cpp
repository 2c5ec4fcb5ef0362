// Every kind of source with every kind of sink: what arrives, by which system calls, and that the
// descriptors that were handed down stay as they were.
#include <gtest/gtest.h>

#include <cerrno>
#include <string>
#include <tuple>

#include "tests/unit/io/flow_fixture.hpp"

namespace ioa::test {
namespace {

using Method = Flow::Method;
using Pair = std::tuple<EndKind, EndKind>;

constexpr EndKind kSources[] = {
    EndKind::file,          EndKind::pipe,     EndKind::sealed_pipe, EndKind::socket_pair,
    EndKind::tcp,           EndKind::terminal, EndKind::zero,        EndKind::null,
    EndKind::inherited_tcp, EndKind::discard,
};
constexpr EndKind kSinks[] = {
    EndKind::file,        EndKind::append_file, EndKind::pipe,     EndKind::sealed_pipe,
    EndKind::socket_pair, EndKind::tcp,         EndKind::terminal, EndKind::terminal_master,
    EndKind::null,        EndKind::full,        EndKind::discard,  EndKind::inherited_tcp,
};

/// The method with which a long transfer ends.
Method expected_method(EndKind from, EndKind to) {
  const bool to_our_socket_or_pipe = to == EndKind::tcp || to == EndKind::pipe;
  if (from == EndKind::file) return to_our_socket_or_pipe ? Method::sendfile : Method::copy;
  const bool is_spliceable_sink =
      to_our_socket_or_pipe || to == EndKind::file || to == EndKind::null;
  if (!is_spliceable_sink) return Method::copy;
  if (from == EndKind::pipe) return Method::splice;
  if (to == EndKind::pipe && (from == EndKind::tcp || from == EndKind::zero)) return Method::splice;
  return from == EndKind::tcp ? Method::splice_through_pipe : Method::copy;
}

class FlowMatrixTest : public FlowTest, public ::testing::WithParamInterface<Pair> {};

TEST_P(FlowMatrixTest, MovesEveryByteAndLeavesWhatItInheritedAsItWas) {
  const auto [from, to] = GetParam();
  const bool is_slow =
      from == EndKind::terminal || to == EndKind::terminal || to == EndKind::terminal_master;
  constexpr std::size_t kMuch = 2'000'003;
  start(from, to, bulk_bytes(is_slow ? kMuch / 20 : kMuch));
  const std::string expected = source->expected();
  if (from == EndKind::zero) {
    turn_until([&] { return flow->is_over() || flow->bytes_written() >= expected.size(); });
    flow->stop();
  }
  turn_until([&] {
    for (const auto* description : {&source->description(), &sink->description()})
      if (*description) {
        EXPECT_FALSE((*description)->is_non_blocking());
      }
    return flow->is_over();
  });

  if (to == EndKind::full && !expected.empty()) {
    EXPECT_EQ(flow->state(), Flow::State::sink_failed);
    EXPECT_EQ(flow->error(), ENOSPC);
    EXPECT_EQ(flow->bytes_written(), 0U);
    return;
  }
  EXPECT_EQ(flow->state(), from == EndKind::zero ? Flow::State::stopped : Flow::State::ended);
  EXPECT_EQ(flow->bytes_read(), flow->bytes_written());
  if (from != EndKind::zero) {
    EXPECT_EQ(flow->bytes_written(), expected.size());
  }
  if (!expected.empty()) {
    EXPECT_EQ(Flow::name(flow->method()), Flow::name(expected_method(from, to)));
  }
  if (to == EndKind::null || to == EndKind::discard) return;
  turn_until([&] { return sink->arrived().size() >= flow->bytes_written(); });
  std::string arrived = sink->arrived();
  EXPECT_EQ(arrived.size(), flow->bytes_written());
  arrived.resize(expected.size());
  EXPECT_TRUE(arrived == expected) << "bytes differ";
}

INSTANTIATE_TEST_SUITE_P(Ends, FlowMatrixTest,
                         ::testing::Combine(::testing::ValuesIn(kSources),
                                            ::testing::ValuesIn(kSinks)),
                         [](const ::testing::TestParamInfo<Pair>& pair) {
                           return std::string(name_of(std::get<0>(pair.param))) + "_to_" +
                                  std::string(name_of(std::get<1>(pair.param)));
                         });

}  // namespace
}  // namespace ioa::test

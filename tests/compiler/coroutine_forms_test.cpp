// The shapes of co_await that this project permits itself (tests/lint/co_await_forms.py), compiled
// by the compiler in use. g++ 12 destroys temporaries twice, or crashes, in many other shapes.

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "tests/compiler/forms_fixture.hpp"

namespace ioa::forms {
namespace {

// What is awaited ------------------------------------------------------------------------------

struct Options {
  std::string host;
  std::optional<Payload> payload;
  int port = 0;
};

Future<int> connect(const Env& env, Options options) {
  const Options local = std::move(options);
  co_await env.pause();
  co_return local.port;
}
Options options_of(const Env& env) { return {.host = "localhost", .payload = env.make()}; }

Future<> statement(const Env& env) {
  const Payload keep = env.make();
  co_await env.pause();
  co_await env.size_of(keep);
  co_await env.later();  // the result is dropped
}
Future<> temporary_argument(const Env& env) {
  const Payload keep = env.make();
  co_await env.size_of(env.make());
  co_await env.size_of(
      Payload(std::string("made in place, and long enough for the heap"), keep.object));
}
Future<> moved_argument(const Env& env) {
  Payload named = env.make();
  co_await env.size_of(std::move(named));
}
Future<> named_options(const Env& env) {
  Options options{.host = "localhost", .payload = env.make(), .port = 80};
  const int copied = co_await connect(env, options);
  const int moved = co_await connect(env, std::move(options));
  EXPECT_EQ(copied + moved, 160);
}
Future<> function_that_returns_an_aggregate(const Env& env) {
  co_await connect(env, options_of(env));
}
Future<> defaults_of(const Env& env, std::string text = "a default that is too long to be inside",
                     Payload* = nullptr) {
  co_await env.pause();
  EXPECT_EQ(text.size(), 39U);
}
Future<> default_arguments(const Env& env) { co_await defaults_of(env); }

Future<int> call(const Env& env, std::function<int()> function) {
  co_await env.pause();
  co_return function();
}
Future<> named_function_object(const Env& env) {
  auto owned = std::make_shared<Payload>(env.make());
  std::function<int()> function = [owned] { return static_cast<int>(owned->text.size()); };
  owned.reset();
  const int size = co_await call(env, std::move(function));
  EXPECT_GT(size, 10);
}
Future<> unique_pointer_argument(const Env& env) {
  const auto take = [](const Env& inner, std::unique_ptr<Payload> owned) -> Future<> {
    co_await inner.size_of(*owned);
  };
  co_await take(env, env.make_unique());
  std::unique_ptr<Payload> named = env.make_unique();
  co_await take(env, std::move(named));
}
Future<> reference_argument(const Env& env) {
  const auto fill = [](const Env& inner, std::string& target) -> Future<> {
    co_await inner.pause();
    target += "filled";
  };
  std::string text;
  co_await fill(env, text);
  co_await fill(env, text);
  EXPECT_EQ(text, "filledfilled");
}
Future<> future_variable(const Env& env) {
  Future<int> first = env.number(1);
  Future<Payload> second = env.later();
  const Payload payload = co_await std::move(second);
  const int number = co_await std::move(first);
  EXPECT_EQ(number, 1);
  EXPECT_FALSE(payload.text.empty());
}
Future<> future_in_a_container(const Env& env) {
  std::vector<Future<int>> futures;
  for (int i = 0; i < 4; ++i) futures.push_back(env.number(i));
  int sum = 0;
  for (Future<int>& future : futures) {
    const int value = co_await std::move(future);
    sum += value;
  }
  EXPECT_EQ(sum, 6);
}

// Where the result goes ------------------------------------------------------------------------

Future<> initialised_variable(const Env& env) {
  const Payload constant = co_await env.later();
  Payload changing = co_await env.later();
  auto deduced = co_await env.later();
  const Payload& extended = co_await env.later();
  EXPECT_EQ(constant.text + changing.text, deduced.text + extended.text);
}
Future<> assigned_variable(const Env& env) {
  Payload payload = env.make();
  payload = co_await env.later();
  payload = co_await env.later();
  std::optional<Payload> optional;
  optional = co_await env.later();
  EXPECT_TRUE(optional.has_value());
}
Future<> assigned_member_element_and_target(const Env& env) {
  struct Holder {
    int number = 0;
    std::optional<Payload> payload;
  };
  Holder holder;
  holder.number = co_await env.number(4);
  holder.payload = co_await env.later();
  std::vector<int> numbers(3);
  numbers[1] = co_await env.number(5);
  std::map<std::string, int> map;
  map["key"] = co_await env.number(6);
  int* pointer = &holder.number;
  *pointer = co_await env.number(7);
  EXPECT_EQ(holder.number + numbers[1] + map["key"], 18);
}
Future<Payload> passed_on(const Env& env) {
  const Payload keep = env.make();
  co_return co_await env.later();
}
Future<> returned_result(const Env& env) {
  const Payload payload = co_await passed_on(env);
  EXPECT_FALSE(payload.text.empty());
}
Future<std::unique_ptr<Payload>> moved_out(const Env& env) {
  std::unique_ptr<Payload> owned = env.make_unique();
  co_await env.pause();
  co_return owned;
}
Future<> move_only_result(const Env& env) {
  const std::unique_ptr<Payload> payload = co_await moved_out(env);
  EXPECT_NE(payload, nullptr);
}
Future<std::optional<Payload>> maybe(const Env& env, bool there) {
  co_await env.pause();
  if (!there) co_return std::nullopt;
  co_return env.make();
}
Future<> optional_result(const Env& env) {
  std::optional<Payload> payload = co_await maybe(env, true);
  EXPECT_TRUE(payload);
  payload = co_await maybe(env, false);
  EXPECT_FALSE(payload);
}
Future<std::variant<int, Payload>> either(const Env& env) {
  co_await env.pause();
  co_return env.make();
}
Future<std::pair<Payload, int>> both(const Env& env) {
  co_await env.pause();
  co_return std::make_pair(env.make(), 3);
}
Future<> variant_and_pair_results(const Env& env) {
  const std::variant<int, Payload> variant = co_await either(env);
  EXPECT_EQ(variant.index(), 1U);
  std::pair<Payload, int> pair = co_await both(env);
  const auto& [payload, number] = pair;  // a structured binding, of a named variable
  EXPECT_EQ(number, 3);
  EXPECT_FALSE(payload.text.empty());
}

// Around it ------------------------------------------------------------------------------------

Future<> condition_by_name(const Env& env) {
  const bool first = co_await env.yes(true);
  if (first) {
    const Payload inside = env.make();
    co_await env.pause();
  } else {
    ADD_FAILURE();
  }
  const bool second = co_await env.yes(false);
  if (second) co_await env.failing();
}
Future<> branch_without_locals(const Env& env) {
  if (env.suspends()) co_await env.pause();
}
Future<> branches_without_braces(const Env& env) {
  const bool flag = co_await env.yes(false);
  if (flag)
    co_await env.failing();
  else
    co_await env.size_of(env.make());
}
Future<> switch_over_a_name(const Env& env) {
  for (int i = 0; i < 3; ++i) {
    const int number = co_await env.number(i);
    switch (number) {
      case 0:
        co_await env.size_of(env.make());
        break;
      case 1: {
        const Payload inside = co_await env.later();
        break;
      }
      default:
        co_await env.pause();
    }
  }
}
Future<> loops(const Env& env) {
  for (int i = 0; i < 3; ++i) co_await env.pause();
  for (;;) {
    const Payload inside = env.make();
    const bool stop = co_await env.yes(true);
    if (stop) break;
  }
  int rounds = 0;
  while (rounds < 3) {
    rounds += 1;
    const bool skip = co_await env.yes(rounds == 2);
    if (skip) continue;
    co_await env.size_of(env.make());
  }
  do {
    co_await env.pause();
    --rounds;
  } while (rounds > 0);
}
Future<> range_for(const Env& env) {
  const std::vector<Payload> payloads(3, env.make());
  for (const Payload& payload : payloads) {
    const int size = co_await env.size_of(payload);
    EXPECT_GT(size, 0);
  }
}
Future<> range_for_over_a_temporary(const Env& env) {
  for (const Payload& payload : std::vector<Payload>(3, env.make())) {
    const int size = co_await env.size_of(payload);
    EXPECT_GT(size, 0);
  }
}
Future<> inner_blocks(const Env& env) {
  {
    const Payload first = env.make();
    co_await env.pause();
  }
  {
    const Payload second = env.make();
    {
      const Payload third = co_await env.later();
      co_await env.pause();
    }
    co_await env.pause();
  }
}
Future<> try_blocks(const Env& env) {
  const Payload outside = env.make();
  bool was_caught = false;
  try {
    const Payload inside = env.make();
    co_await env.pause();
    const int never = co_await env.failing();
    ADD_FAILURE() << never;
  } catch (const std::runtime_error& error) {
    const Payload in_handler = env.make();
    was_caught = std::string(error.what()) == in_handler.text;
  }
  EXPECT_TRUE(was_caught);
  co_await env.pause();  // after the handler, not in it
}
Future<> rethrowing(const Env& env) {
  const Payload local = env.make();
  try {
    co_await env.failing();
  } catch (const std::runtime_error&) {
    const Payload in_handler = env.make();
    throw std::logic_error("from the handler");
  }
}
Future<> thrown_by_name(const Env& env) {
  const Payload payload = co_await env.later();
  throw std::runtime_error(payload.text);
}
Future<> exceptions_pass(const Env& env) {
  int caught = 0;
  for (auto* form : {&rethrowing, &thrown_by_name}) {
    try {
      co_await form(env);
    } catch (const std::exception&) {
      ++caught;
    }
  }
  EXPECT_EQ(caught, 2);
}

// Whose coroutine it is ------------------------------------------------------------------------

class Base {
 public:
  virtual ~Base() = default;
  virtual Future<int> work(const Env& env, Payload payload) = 0;
};
class Derived : public Base {
 public:
  explicit Derived(const Env& env) : member_(env.make()) {}
  Future<int> work(const Env& env, Payload payload) override {
    const Payload local = std::move(payload);
    co_await env.pause();
    co_return static_cast<int>(local.text.size() + member_.text.size());
  }

 private:
  Payload member_;
};
Future<> virtual_members(const Env& env) {
  Derived derived(env);
  Base& base = derived;
  const int by_reference = co_await base.work(env, env.make());
  const auto owned = std::make_unique<Derived>(env);
  const int by_pointer = co_await owned->work(env, env.make());
  EXPECT_EQ(by_reference, by_pointer);
}
Future<int> recursion(const Env& env, int depth, Payload payload) {
  if (depth == 0) co_return 0;
  const Payload local = payload;
  const int below = co_await recursion(env, depth - 1, std::move(payload));
  co_return below + 1;
}
Future<> recursive(const Env& env) {
  const int depth = co_await recursion(env, 5, env.make());
  EXPECT_EQ(depth, 5);
}
template <class... Arguments>
Future<std::size_t> counted(const Env& env, Arguments... arguments) {
  static_cast<void>((sizeof(arguments) + ... + 0));
  co_await env.pause();
  co_return sizeof...(Arguments);
}
Future<> templates(const Env& env) {
  const std::size_t count = co_await counted(env, 1, env.make(), std::string("text"));
  EXPECT_EQ(count, 3U);
}
Future<> lambda_without_captures(const Env& env) {
  const auto body = [](const Env& inner, Payload payload) -> Future<Payload> {
    co_await inner.pause();
    co_return payload;
  };
  const Payload payload = co_await body(env, env.make());
  EXPECT_FALSE(payload.text.empty());
}
Future<> over_aligned_local(const Env& env) {
  struct alignas(64) Wide {
    std::array<char, 64> bytes;
  };
  Wide wide;
  wide.bytes.fill(1);
  co_await env.pause();
  EXPECT_EQ(wide.bytes.back(), 1);
}
Future<> many_locals(const Env& env) {
  std::array<std::optional<Payload>, 8> payloads;
  for (std::optional<Payload>& payload : payloads) {
    payload = co_await env.later();
  }
  std::array<char, 2000> large{};  // a frame that is larger than the free lists' blocks
  co_await env.pause();
  large.back() = 'x';
  EXPECT_EQ(large.back(), 'x');
}

#define FORM(name) \
  Form { #name, &name }
const Form kForms[] = {
    FORM(statement),
    FORM(temporary_argument),
    FORM(moved_argument),
    FORM(named_options),
    FORM(function_that_returns_an_aggregate),
    FORM(default_arguments),
    FORM(named_function_object),
    FORM(unique_pointer_argument),
    FORM(reference_argument),
    FORM(future_variable),
    FORM(future_in_a_container),
    FORM(initialised_variable),
    FORM(assigned_variable),
    FORM(assigned_member_element_and_target),
    FORM(returned_result),
    FORM(move_only_result),
    FORM(optional_result),
    FORM(variant_and_pair_results),
    FORM(condition_by_name),
    FORM(branch_without_locals),
    FORM(branches_without_braces),
    FORM(switch_over_a_name),
    FORM(loops),
    FORM(range_for),
    FORM(range_for_over_a_temporary),
    FORM(inner_blocks),
    FORM(try_blocks),
    FORM(exceptions_pass),
    FORM(virtual_members),
    FORM(recursive),
    FORM(templates),
    FORM(lambda_without_captures),
    FORM(over_aligned_local),
    FORM(many_locals),
};
#undef FORM

TEST_P(CoroutineFormsTest, RunsToItsEndThroughSuspensions) { run_to_the_end(true); }
TEST_P(CoroutineFormsTest, RunsToItsEndWithoutSuspending) { run_to_the_end(false); }
TEST_P(CoroutineFormsTest, CanBeCancelledAtEachSuspension) { cancel_at_each_suspension(); }

INSTANTIATE_TEST_SUITE_P(Permitted, CoroutineFormsTest, ::testing::ValuesIn(kForms),
                         [](const auto& instance) { return std::string(instance.param.name); });

}  // namespace
}  // namespace ioa::forms

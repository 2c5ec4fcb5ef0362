#pragma once

#include <cstddef>
#include <exception>
#include <utility>
#include <vector>

#include "ioa/base/error.hpp"
#include "ioa/future/combination.hpp"
#include "ioa/future/future.hpp"

namespace ioa {

// Several operations as one. Each function takes Futures of any types, or a vector of Futures of
// one type, and gives a Future that owns them: dropping it cancels what is left of them. What has
// completed counts in the order of completing, of what is ready already the order of the arguments.
// If the parts decide it at once, the result is ready at once.
//
//     auto [name, page] = loop.run(all(resolver.resolve_name(address), download(url)));
//     std::variant<Request, std::monostate> first = co_await race(read_request(), sleep_for(loop,
//     5s)); if (first.index() == 1) …
//
// A part that is void has std::monostate as its value in a tuple or a variant. The state of a
// combination is one allocation; a vector of parts is another.

/// The part that decided a race() or any_success() of a vector.
template <class T>
struct Winner {
  std::size_t index = 0;
  T value;
};
/// Of parts without a value.
template <>
struct Winner<void> {
  std::size_t index = 0;
};

/// Nothing succeeded where any_success() would have been content with one; also where there was
/// nothing to try. As an Error: the kind that all failures have in common, or else `failed`;
/// detail() has their texts.
class AllFailed : public Error {
 public:
  explicit AllFailed(std::vector<std::exception_ptr> failures);

  /// The failure of every part, in the order of the arguments.
  const std::vector<std::exception_ptr>& failures() const noexcept { return failures_; }

 private:
  std::vector<std::exception_ptr> failures_;
};

/// All of them: their values in the order of the arguments, as a tuple; nothing if all are void.
/// The first that fails is the failure of the whole, and the others are cancelled before that can
/// be seen. All of nothing is done at once.
template <class... Ts>
auto all(Future<Ts>... parts) {
  using Parts = detail::PackParts<Ts...>;
  return detail::Combination<detail::AllRule<Parts>>::make(Parts(std::move(parts)...));
}
/// The same for a vector: a vector of values, or nothing if they are void.
template <class T>
auto all(std::vector<Future<T>> parts) {
  using Parts = detail::ListParts<T>;
  return detail::Combination<detail::AllRule<Parts>>::make(Parts(std::move(parts)));
}

/// Waits for all of them, whatever becomes of each, and gives them back, all ready: get(),
/// has_failed() and error() say how each has ended. It does not fail. Settling nothing is done at
/// once.
template <class... Ts>
auto settle(Future<Ts>... parts) {
  using Parts = detail::PackParts<Ts...>;
  return detail::Combination<detail::SettleRule<Parts>>::make(Parts(std::move(parts)...));
}
template <class T>
auto settle(std::vector<Future<T>> parts) {
  using Parts = detail::ListParts<T>;
  return detail::Combination<detail::SettleRule<Parts>>::make(Parts(std::move(parts)));
}

/// The first that is ready, as a variant whose index() says which one; if that one has failed, so
/// does the race. The others are cancelled before the result can be seen.
template <class... Ts>
requires(sizeof...(Ts) > 0) auto race(Future<Ts>... parts) {
  using Parts = detail::PackParts<Ts...>;
  return detail::Combination<detail::RaceRule<Parts>>::make(Parts(std::move(parts)...));
}
/// The same for a vector. A race of nothing fails at once.
template <class T>
Future<Winner<T>> race(std::vector<Future<T>> parts) {
  using Parts = detail::ListParts<T>;
  return detail::Combination<detail::RaceRule<Parts>>::make(Parts(std::move(parts)));
}

/// The first that succeeds, as race() gives it; the others are cancelled before that can be seen.
/// Fails with AllFailed if none does.
template <class... Ts>
requires(sizeof...(Ts) > 0) auto any_success(Future<Ts>... parts) {
  using Parts = detail::PackParts<Ts...>;
  return detail::Combination<detail::AnyRule<Parts>>::make(Parts(std::move(parts)...));
}
/// The same for a vector. Any of nothing fails at once.
template <class T>
Future<Winner<T>> any_success(std::vector<Future<T>> parts) {
  using Parts = detail::ListParts<T>;
  return detail::Combination<detail::AnyRule<Parts>>::make(Parts(std::move(parts)));
}

}  // namespace ioa

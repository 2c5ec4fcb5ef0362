#pragma once

#include <cstddef>
#include <exception>
#include <memory>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "ioa/base/assert.hpp"
#include "ioa/base/error.hpp"
#include "ioa/base/free_list.hpp"
#include "ioa/future/future.hpp"
#include "ioa/future/state.hpp"

/// What the combinators of combine.hpp are made of; not part of the interface.
namespace ioa {

template <class T>
struct Winner;

namespace detail {

template <class T>
using ValueOf = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

/// Told when one of its parts is ready.
class PartOwner : public StateGroup {
 public:
  /// `error` is null if the part has succeeded.
  virtual void part_ready(std::size_t index, std::exception_ptr error) noexcept = 0;

 protected:
  ~PartOwner() = default;
};

/// One of the Futures that are combined.
template <class T>
struct Part {
  static void ready(void* self) {
    auto& part = *static_cast<Part*>(self);
    part.owner->part_ready(part.index, part.future.error());
  }
  ValueOf<T> take() {
    if constexpr (std::is_void_v<T>) {
      future.get();
      return {};
    } else {
      return future.get();
    }
  }

  Future<T> future;
  PartOwner* owner = nullptr;
  std::size_t index = 0;
};

/// Parts whose number and types are known to the compiler.
template <class... Ts>
class PackParts {
 public:
  using Values = std::conditional_t<(std::is_void_v<Ts> && ...), void, std::tuple<ValueOf<Ts>...>>;
  using Outcomes = std::tuple<Future<Ts>...>;
  using Choice = std::variant<ValueOf<Ts>...>;

  explicit PackParts(Future<Ts>&&... futures) : parts_(Part<Ts>{std::move(futures)}...) {}

  static constexpr std::size_t size() noexcept { return sizeof...(Ts); }
  template <class F>
  void for_each(F visit) {
    std::apply([&](auto&... part) { (visit(part), ...); }, parts_);
  }
  template <class F>
  void for_each(F visit) const {
    std::apply([&](const auto&... part) { (visit(part), ...); }, parts_);
  }

  Values values() {
    if constexpr (!std::is_void_v<Values>)
      return std::apply([](auto&... part) { return Values{part.take()...}; }, parts_);
  }
  Outcomes outcomes() {
    return std::apply([](auto&... part) { return Outcomes{std::move(part.future)...}; }, parts_);
  }
  Choice choice(std::size_t index) { return choose(index, std::index_sequence_for<Ts...>()); }

 private:
  template <std::size_t... kIndices>
  Choice choose(std::size_t index, std::index_sequence<kIndices...>) {
    std::optional<Choice> chosen;
    const auto consider = [&]<std::size_t kIndex>(std::integral_constant<std::size_t, kIndex>) {
      if (kIndex == index)
        chosen.emplace(std::in_place_index<kIndex>, std::get<kIndex>(parts_).take());
    };
    (consider(std::integral_constant<std::size_t, kIndices>()), ...);
    return *std::move(chosen);
  }

  std::tuple<Part<Ts>...> parts_;
};

/// Any number of parts of one type.
template <class T>
class ListParts {
 public:
  using Values = std::conditional_t<std::is_void_v<T>, void, std::vector<ValueOf<T>>>;
  using Outcomes = std::vector<Future<T>>;
  using Choice = Winner<T>;

  explicit ListParts(std::vector<Future<T>> futures) {
    parts_.reserve(futures.size());
    for (Future<T>& future : futures) parts_.push_back(Part<T>{std::move(future)});
  }

  std::size_t size() const noexcept { return parts_.size(); }
  template <class F>
  void for_each(F visit) {
    for (Part<T>& part : parts_) visit(part);
  }
  template <class F>
  void for_each(F visit) const {
    for (const Part<T>& part : parts_) visit(part);
  }

  Values values() {
    if constexpr (!std::is_void_v<Values>) {
      Values values;
      values.reserve(parts_.size());
      for (Part<T>& part : parts_) values.push_back(part.take());
      return values;
    }
  }
  Outcomes outcomes() {
    Outcomes outcomes;
    outcomes.reserve(parts_.size());
    for (Part<T>& part : parts_) outcomes.push_back(std::move(part.future));
    return outcomes;
  }
  Choice choice(std::size_t index) {
    if constexpr (std::is_void_v<T>) {
      parts_[index].future.get();
      return {index};
    } else {
      return {index, parts_[index].take()};
    }
  }

 private:
  std::vector<Part<T>> parts_;  // in place from the first reaction on
};

/// What a part that has become ready means for the whole.
enum class Verdict {
  undecided,
  by_this_part,  ///< Its failure, or its value, is the result; the others are cancelled.
  by_all_parts,  ///< All are ready.
};

/// The state behind a combination of Futures: it owns them, and is one allocation itself.
template <class Rule>
class Combination final : public State<typename Rule::Result>,
                          public FreeListed,
                          private PartOwner {
 public:
  using Result = typename Rule::Result;
  using Parts = typename Rule::Parts;

  static Future<Result> make(Parts parts) {
    auto* self = new Combination(std::move(parts));
    Future<Result> future(*self);
    self->begin();
    return future;
  }

 private:
  explicit Combination(Parts parts)
      : State<Result>(&Combination::dropped), parts_(std::move(parts)), pending_(parts_.size()) {
    this->waits_for_many_ = true;
    this->waits_for_group_ = this;
  }

  void begin() {
    this->is_running_ = true;
    std::size_t index = 0;
    parts_.for_each([&](auto& part) {
      IOA_ASSERT(part.future.valid(), "a Future without an operation was combined");
      part.owner = this;
      part.index = index++;
    });
    if (pending_ == 0) decide_by_all();
    parts_.for_each([this](auto& part) {
      if (is_decided_ || is_waiting_) return;
      if (part.future.ready())
        count(part.index, part.future.error());
      else
        part.future.react(&std::remove_reference_t<decltype(part)>::ready, &part);
    });
    leave();
  }

  void part_ready(std::size_t index, std::exception_ptr error) noexcept override {
    if (is_decided_ || is_waiting_) return;
    this->is_running_ = true;
    count(index, std::move(error));
    leave();
  }

  void count(std::size_t index, std::exception_ptr error) {
    const Verdict verdict = Rule::verdict(error != nullptr, --pending_);
    if (verdict == Verdict::by_all_parts) decide_by_all();
    if (verdict != Verdict::by_this_part) return;
    winner_ = index;
    error_ = std::move(error);
    // In a nested turn inside one of the others: that borrows from whoever waits for the result,
    // and nobody may have it before that one can be destroyed.
    is_waiting_ = is_on_stack();
    if (is_waiting_)
      step_.schedule([](void* self) { static_cast<Combination*>(self)->decide_off_stack(); }, this);
    else
      decide_by_winner();
  }

  void decide_off_stack() {
    if (is_on_stack()) return step_.postpone();
    this->is_running_ = true;
    decide_by_winner();
    leave();
  }

  // The others go before anybody can see the result; what they run may drop this combination.
  void decide_by_winner() {
    is_decided_ = true;
    parts_.for_each([this](auto& part) {
      if (part.index != winner_) part.future.cancel();
    });
    if (is_dropped_) return;
    if (error_)
      this->set_error(std::move(error_));
    else
      finish([this]() -> Result { return Rule::of_one(parts_, winner_); });
  }

  void decide_by_all() {
    is_decided_ = true;
    finish([this]() -> Result { return Rule::of_all(parts_); });
  }

  template <class Produce>
  void finish(Produce produce) {
    try {
      if constexpr (std::is_void_v<Result>) {
        produce();
        this->set_value();
      } else {
        this->set_value(produce());
      }
    } catch (...) {
      this->set_error(std::current_exception());
    }
  }

  void leave() {
    this->is_running_ = false;
    if (is_dropped_) delete this;
  }

  static void dropped(StateBase& base) noexcept {
    auto& self = static_cast<Combination&>(base);
    self.forget_reaction();
    self.is_decided_ = true;
    self.parts_.for_each([](auto& part) { part.future.cancel(); });
    if (self.is_running_)
      self.is_dropped_ = true;
    else
      delete &self;  // though parts may be on the stack: they take care of themselves
  }

  bool is_on_stack() const noexcept override {
    bool found = false;
    parts_.for_each([&found](const auto& part) {
      const StateBase* state = part.future.state_;
      if (state != nullptr && state->is_on_stack()) found = true;
    });
    return found;
  }

  Parts parts_;
  std::size_t pending_;
  std::size_t winner_ = 0;
  std::exception_ptr error_;
  OffStackStep step_;
  bool is_waiting_ = false;  // the winner is known, but step_ has to come first
  bool is_decided_ = false;
  bool is_dropped_ = false;
};

// The rules of the four combinations.

template <class PartsOf>
struct AllRule {
  using Parts = PartsOf;
  using Result = typename Parts::Values;
  static Verdict verdict(bool has_failed, std::size_t pending) {
    if (has_failed) return Verdict::by_this_part;
    return pending == 0 ? Verdict::by_all_parts : Verdict::undecided;
  }
  static Result of_one(Parts& parts, std::size_t) { return parts.values(); }
  static Result of_all(Parts& parts) { return parts.values(); }
};

template <class PartsOf>
struct SettleRule {
  using Parts = PartsOf;
  using Result = typename Parts::Outcomes;
  static Verdict verdict(bool, std::size_t pending) {
    return pending == 0 ? Verdict::by_all_parts : Verdict::undecided;
  }
  static Result of_one(Parts& parts, std::size_t) { return parts.outcomes(); }
  static Result of_all(Parts& parts) { return parts.outcomes(); }
};

[[noreturn]] void throw_nothing_to_race();
[[noreturn]] void throw_all_failed(std::vector<std::exception_ptr> failures);

template <class PartsOf>
struct RaceRule {
  using Parts = PartsOf;
  using Result = typename Parts::Choice;
  static Verdict verdict(bool, std::size_t) { return Verdict::by_this_part; }
  static Result of_one(Parts& parts, std::size_t index) { return parts.choice(index); }
  static Result of_all(Parts&) { throw_nothing_to_race(); }
};

template <class PartsOf>
struct AnyRule {
  using Parts = PartsOf;
  using Result = typename Parts::Choice;
  static Verdict verdict(bool has_failed, std::size_t pending) {
    if (!has_failed) return Verdict::by_this_part;
    return pending == 0 ? Verdict::by_all_parts : Verdict::undecided;
  }
  static Result of_one(Parts& parts, std::size_t index) { return parts.choice(index); }
  static Result of_all(Parts& parts) {
    std::vector<std::exception_ptr> failures;
    parts.for_each([&failures](auto& part) { failures.push_back(part.future.error()); });
    throw_all_failed(std::move(failures));
  }
};

}  // namespace detail
}  // namespace ioa

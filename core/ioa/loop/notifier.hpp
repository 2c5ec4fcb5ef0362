#pragma once

#include <cstddef>
#include <exception>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>

#include "ioa/base/unique_function.hpp"
#include "ioa/future/future.hpp"

namespace ioa {

class Loop;
class Notifier;

namespace detail {
struct WeakAnchor {
  Notifier* target;
};
std::shared_ptr<WeakAnchor> weak_anchor(Notifier& notifier);
}  // namespace detail

/// The base of everything that lives in a Loop: a tree whose nodes react to events.
///
/// OWNERSHIP: the tree owns. A notifier has one owner, its parent or the Loop, and is held by a
/// reference that add_child() or Loop::add() returned. remove() takes it (and its subtree) out at
/// once: watches are dropped, adopted work is cancelled, loop() is null. The object itself dies at
/// the end of the outermost turn, so inside any callback `this` stays valid until the callback
/// returns.
///
/// ERRORS: invoke_error() goes to the notifier's on_error, else to its parent's, and so on; if
/// nobody handles it, it leaves Loop::run() as an exception.
class Notifier {
 public:
  Notifier() noexcept;
  Notifier(const Notifier&) = delete;
  Notifier& operator=(const Notifier&) = delete;
  virtual ~Notifier();

  /// The Loop it lives in; null outside of one.
  Loop* loop() const noexcept { return loop_; }
  /// The parent; null for a root and outside the tree.
  Notifier* parent() const noexcept;

  /// Takes `child` into the tree below this notifier, and into the Loop if this is in one.
  template <class N>
  N& add_child(std::unique_ptr<N> child) {
    static_assert(std::is_base_of_v<Notifier, N>);
    N& reference = *child;
    attach(child.release());
    return reference;
  }

  /// Leaves the tree; see OWNERSHIP. Does nothing outside a loop, and while it is leaving already.
  void remove();

  /// Takes `child` out without destroying it: the caller owns it now, to give it another parent.
  std::unique_ptr<Notifier> release_child(Notifier& child);

  /// Calls `visit(child)` for each child, which must not add or remove siblings.
  template <class F>
  void for_each_child(F&& visit) const {
    for (Notifier* child = first_child_; child != nullptr; child = child->next_) visit(*child);
  }

  /// Keeps background work until it ends. Its failure goes to invoke_error(); leaving the loop
  /// cancels it. Only inside a loop.
  void adopt(Future<> task);

  /// Handles failures of this notifier and of its descendants that do not.
  void on_error(UniqueFunction<void(Notifier&, std::exception_ptr)> handler);
  void invoke_error(std::exception_ptr error);

  /// For people: what this one is, in debug output.
  void set_name(std::string name);
  std::string_view name() const noexcept;
  /// The same: what state it is in, in a word or two; may be empty. For debug output it stands
  /// behind the name; see notifier_text().
  virtual std::string describe() const;
  /// How much adopted work has not ended.
  std::size_t adopted_tasks() const noexcept;

 protected:
  /// It has entered `loop` (loop() is set, children follow after it). What it throws leaves
  /// add_child() or Loop::add(), and takes the whole subtree out again.
  virtual void added_to_loop(Loop& loop);
  /// It is about to leave (loop() is still set, adopted work is already cancelled).
  virtual void removing_from_loop(Loop& loop);

 private:
  friend class Loop;
  friend std::shared_ptr<detail::WeakAnchor> detail::weak_anchor(Notifier&);
  struct Extras;
  struct Leaving;

  Extras& extras();
  void attach(Notifier* child);
  void detach(Notifier& child) noexcept;
  void enter(Loop& loop);
  void leave() noexcept;
  bool is_leaving() const noexcept;

  Loop* loop_ = nullptr;
  Notifier* parent_ = nullptr;
  Notifier* first_child_ = nullptr;
  Notifier* prev_ = nullptr;  // the first child's is the last child
  Notifier* next_ = nullptr;
  std::unique_ptr<Extras> extras_;  // what most notifiers never use
};

/// Refers to a notifier that may die first: get() is then null.
template <class N>
class WeakRef {
 public:
  WeakRef() = default;
  explicit WeakRef(N& target) : anchor_(detail::weak_anchor(target)) {}
  N* get() const noexcept { return anchor_ ? static_cast<N*>(anchor_->target) : nullptr; }

 private:
  std::shared_ptr<detail::WeakAnchor> anchor_;
};

}  // namespace ioa

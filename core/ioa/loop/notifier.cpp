#include "ioa/loop/notifier.hpp"

#include <utility>

#include "ioa/base/assert.hpp"
#include "ioa/base/event_slot.hpp"
#include "ioa/future/task_set.hpp"
#include "ioa/loop/loop.hpp"

namespace ioa {

struct Notifier::Extras {
  explicit Extras(Notifier& owner) noexcept
      : tasks(
            [](void* self, std::exception_ptr error) {
              static_cast<Notifier*>(self)->invoke_error(std::move(error));
            },
            &owner) {}
  ~Extras() {
    if (anchor) anchor->target = nullptr;
  }

  std::string name;
  Event<void(Notifier&, std::exception_ptr)> on_error;
  std::shared_ptr<detail::WeakAnchor> anchor;
  TaskSet tasks;
};

/// Stands on the stack while the removing hook of a notifier runs: which is so rare that the
/// notifier itself has no room for it.
struct Notifier::Leaving {
  Leaving(Loop& left, const Notifier& leaver) noexcept
      : loop(left), notifier(leaver), outer(std::exchange(left.leaving_, this)) {}
  Leaving(const Leaving&) = delete;
  Leaving& operator=(const Leaving&) = delete;
  ~Leaving() { loop.leaving_ = outer; }

  Loop& loop;
  const Notifier& notifier;
  Leaving* outer;
};

Notifier::Notifier() noexcept = default;

Notifier::~Notifier() {
  IOA_ASSERT(loop_ == nullptr, "a notifier was destroyed inside its loop: call remove()");
  // The children of a notifier outside the tree go with it, last one first.
  while (first_child_ != nullptr) {
    Notifier* last = first_child_->prev_;
    detach(*last);
    delete last;
  }
}

Notifier::Extras& Notifier::extras() {
  if (!extras_) extras_ = std::make_unique<Extras>(*this);
  return *extras_;
}

Notifier* Notifier::parent() const noexcept {
  return loop_ != nullptr && parent_ == loop_->root_.get() ? nullptr : parent_;
}

void Notifier::attach(Notifier* child) {
  IOA_ASSERT(child->parent_ == nullptr && child->loop_ == nullptr,
             "a notifier has one owner: it is in a tree already");
  child->parent_ = this;
  if (first_child_ == nullptr) {
    first_child_ = child->prev_ = child;
  } else {
    child->prev_ = first_child_->prev_;
    child->prev_->next_ = child;
    first_child_->prev_ = child;
  }
  if (loop_ == nullptr) return;
  try {
    child->enter(*loop_);
  } catch (...) {
    child->remove();
    throw;
  }
}

void Notifier::detach(Notifier& child) noexcept {
  (&child == first_child_ ? first_child_ : child.prev_->next_) = child.next_;
  if (child.next_ != nullptr)
    child.next_->prev_ = child.prev_;
  else if (first_child_ != nullptr)
    first_child_->prev_ = child.prev_;
  child.prev_ = child.next_ = child.parent_ = nullptr;
}

void Notifier::remove() {
  Loop* loop = loop_;
  if (loop == nullptr || is_leaving()) return;
  leave();
  // A hook of the subtree may have removed this one again.
  if (parent_ == nullptr) return;
  parent_->detach(*this);
  loop->bury(std::unique_ptr<Notifier>(this));
}

std::unique_ptr<Notifier> Notifier::release_child(Notifier& child) {
  IOA_ASSERT(child.parent_ == this, "only a parent can release its child");
  child.leave();
  detach(child);
  return std::unique_ptr<Notifier>(&child);
}

void Notifier::enter(Loop& loop) {
  loop_ = &loop;
  added_to_loop(loop);
  for (Notifier* child = first_child_; child != nullptr && loop_ == &loop;) {
    if (child->loop_ == nullptr) child->enter(loop);
    // A hook may have taken the child away: then start again.
    child = child->parent_ == this ? child->next_ : first_child_;
  }
}

void Notifier::leave() noexcept {
  if (loop_ == nullptr || is_leaving()) return;
  {
    const Leaving leaving(*loop_, *this);
    if (extras_) extras_->tasks.clear();  // while the object is still whole
    removing_from_loop(*loop_);
    if (extras_) extras_->tasks.clear();  // what the hook adopted
  }
  loop_ = nullptr;
  for (Notifier* child = first_child_; child != nullptr;) {
    child->leave();
    child = child->parent_ == this ? child->next_ : first_child_;
  }
}

bool Notifier::is_leaving() const noexcept {
  for (const Leaving* leaving = loop_->leaving_; leaving != nullptr; leaving = leaving->outer)
    if (&leaving->notifier == this) return true;
  return false;
}

void Notifier::adopt(Future<> task) {
  IOA_ASSERT(loop_ != nullptr, "work can only be adopted inside a loop");
  extras().tasks.add(std::move(task));
}

void Notifier::on_error(UniqueFunction<void(Notifier&, std::exception_ptr)> handler) {
  extras().on_error = std::move(handler);
}

void Notifier::invoke_error(std::exception_ptr error) {
  for (Notifier* notifier = this; notifier != nullptr; notifier = notifier->parent_) {
    if (!notifier->extras_ || !notifier->extras_->on_error) continue;
    notifier->extras_->on_error(*notifier, std::move(error));
    return;
  }
  if (loop_ == nullptr) std::rethrow_exception(std::move(error));
  loop_->fail(std::move(error));
}

void Notifier::set_name(std::string name) { extras().name = std::move(name); }
std::string_view Notifier::name() const noexcept {
  return extras_ ? std::string_view(extras_->name) : std::string_view();
}

std::string Notifier::describe() const { return {}; }
std::size_t Notifier::adopted_tasks() const noexcept { return extras_ ? extras_->tasks.size() : 0; }

void Notifier::added_to_loop(Loop&) {}
void Notifier::removing_from_loop(Loop&) {}

std::shared_ptr<detail::WeakAnchor> detail::weak_anchor(Notifier& notifier) {
  auto& anchor = notifier.extras().anchor;
  if (!anchor) anchor = std::make_shared<WeakAnchor>(WeakAnchor{&notifier});
  return anchor;
}

}  // namespace ioa

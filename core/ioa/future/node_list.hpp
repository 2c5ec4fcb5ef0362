#pragma once

namespace ioa::detail {

/// A list of nodes in the order of joining; it owns none. A node has the members `prev` and `next`,
/// null while it is in no list.
template <class Node>
class NodeList {
 public:
  bool empty() const noexcept { return first_ == nullptr; }
  Node* first() const noexcept { return first_; }
  Node* last() const noexcept { return last_; }

  void push(Node& node) noexcept {
    node.prev = last_;
    node.next = nullptr;
    (last_ != nullptr ? last_->next : first_) = &node;
    last_ = &node;
  }
  void push_front(Node& node) noexcept {
    node.prev = nullptr;
    node.next = first_;
    (first_ != nullptr ? first_->prev : last_) = &node;
    first_ = &node;
  }
  void remove(Node& node) noexcept {
    (node.prev != nullptr ? node.prev->next : first_) = node.next;
    (node.next != nullptr ? node.next->prev : last_) = node.prev;
    node.prev = node.next = nullptr;
  }

 private:
  Node* first_ = nullptr;
  Node* last_ = nullptr;
};

}  // namespace ioa::detail

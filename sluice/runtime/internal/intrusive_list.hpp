// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>

#include <sluice/base/assert.hpp>

namespace sluice::internal {

/// Makes T a member of at most one IntrusiveList: `struct Waiter : ListNode<Waiter>`.
template <class T>
class ListNode {
 public:
  ListNode() = default;
  ListNode(const ListNode&) = delete;
  ListNode& operator=(const ListNode&) = delete;
  [[nodiscard]] bool is_linked() const noexcept { return next_ != nullptr; }

 private:
  template <class>
  friend class IntrusiveList;
  ListNode* next_ = nullptr;
  ListNode* previous_ = nullptr;
};

/// A doubly linked list that owns nothing and allocates nothing; every operation is O(1).
/// Threads: one at a time. Lifetime: a node leaves before it dies; the list ends empty (asserted).
template <class T>
class IntrusiveList {
 public:
  IntrusiveList() noexcept { ring_.next_ = ring_.previous_ = &ring_; }
  IntrusiveList(const IntrusiveList&) = delete;
  IntrusiveList& operator=(const IntrusiveList&) = delete;
  ~IntrusiveList() { SLUICE_ASSERT(is_empty(), "a list's nodes leave before it ends"); }

  [[nodiscard]] bool is_empty() const noexcept { return ring_.next_ == &ring_; }
  /// Null if empty.
  [[nodiscard]] T* front() const noexcept { return is_empty() ? nullptr : static_cast<T*>(ring_.next_); }

  /// The one behind `item`, null if it is the last. Requires: item is in this list.
  [[nodiscard]] T* after(T& item) const noexcept {
    ListNode<T>* next = static_cast<ListNode<T>&>(item).next_;
    return next == &ring_ ? nullptr : static_cast<T*>(next);
  }

  void push_back(T& item) noexcept { insert_before(ring_, item); }
  void push_front(T& item) noexcept { insert_before(*ring_.next_, item); }
  /// Requires: item is in this list.
  void remove(T& item) noexcept {
    ListNode<T>& node = item;
    node.previous_->next_ = node.next_;
    node.next_->previous_ = node.previous_;
    node.next_ = node.previous_ = nullptr;
  }
  /// Null if empty.
  T* pop_back() noexcept {
    if (is_empty()) return nullptr;
    T* last = static_cast<T*>(ring_.previous_);
    remove(*last);
    return last;
  }
  /// Null if empty.
  T* pop_front() noexcept {
    T* first = front();
    if (first) remove(*first);
    return first;
  }

 private:
  void insert_before(ListNode<T>& place, T& item) noexcept {
    ListNode<T>& node = item;
    node.next_ = &place;
    node.previous_ = place.previous_;
    place.previous_->next_ = &node;
    place.previous_ = &node;
  }

  ListNode<T> ring_;
};

}  // namespace sluice::internal

// SPDX-License-Identifier: MIT
// Connections in the order of their deadlines. A timer per connection would cost 198 bytes in Asio; an entry of such a
// list costs 24, and one timer per executor checks the fronts.
#pragma once

#include <cassert>
#include <chrono>

#include "sluice/abi.hpp"

namespace sluice::SLUICE_ABI::net {

/// Something with a deadline, in at most one list.
class Deadline {
 public:
  using Time = std::chrono::steady_clock::time_point;
  static constexpr Time never = Time::max();

  Deadline() noexcept = default;
  Deadline(const Deadline&) = delete;
  Deadline& operator=(const Deadline&) = delete;

  Time due() const noexcept { return due_; }
  /// Takes it out of its list, if it is in one.
  void unlink() noexcept {
    if (!next_) return;
    before_->next_ = next_;
    next_->before_ = before_;
    before_ = next_ = nullptr;
  }

 protected:
  ~Deadline() { assert(!next_ && "taken out of its list before it dies"); }

 private:
  friend class DeadlineList;
  Deadline* before_ = nullptr;
  Deadline* next_ = nullptr;
  Time due_ = never;
};

/// Deadlines that all lie the same time ahead when they are added: each goes to the back, and the front is the next.
/// Its executor only.
class DeadlineList {
 public:
  DeadlineList() noexcept { ends_.before_ = ends_.next_ = &ends_; }
  ~DeadlineList() { ends_.before_ = ends_.next_ = nullptr; }

  bool empty() const noexcept { return ends_.next_ == &ends_; }
  /// Adds it at the back, and removes it from its previous list.
  void add(Deadline& item, Deadline::Time due) noexcept {
    item.unlink();
    item.due_ = due;
    item.before_ = ends_.before_;
    item.next_ = &ends_;
    ends_.before_->next_ = &item;
    ends_.before_ = &item;
  }
  /// Adds all of the other list, in its order.
  void take_all(DeadlineList& other) noexcept {
    if (other.empty()) return;
    Deadline& first = *other.ends_.next_;
    Deadline& last = *other.ends_.before_;
    first.before_ = ends_.before_;
    last.next_ = &ends_;
    ends_.before_->next_ = &first;
    ends_.before_ = &last;
    other.ends_.before_ = other.ends_.next_ = &other.ends_;
  }
  Deadline* front() noexcept { return empty() ? nullptr : ends_.next_; }
  Deadline* after(Deadline& item) noexcept { return item.next_ == &ends_ ? nullptr : item.next_; }
  Deadline::Time next_due() const noexcept { return empty() ? Deadline::never : ends_.next_->due_; }

 private:
  struct Ends : Deadline {
    ~Ends() = default;
  };
  Ends ends_;
};

}  // namespace sluice::SLUICE_ABI::net

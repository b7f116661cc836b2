// SPDX-License-Identifier: MIT
// Counts the users of an object that must outlive them. A program that destroys it too early aborts with a message
// instead of using freed memory.
#pragma once

#include <atomic>
#include <utility>

#include "sluice/abi.hpp"

namespace sluice::SLUICE_ABI {

/// Counts the objects that use its owner by reference. Any thread.
class SLUICE_API UseCount {
 public:
  /// The owner's name in the message: "AsioExecutors".
  explicit UseCount(const char* owner) noexcept : owner_(owner) {}
  UseCount(const UseCount&) = delete;
  UseCount& operator=(const UseCount&) = delete;
  ~UseCount() { end(); }

  /// The owner's destructor calls it. With users left it aborts the program, with an error in the log that names both.
  void end() const noexcept {
    if (users_.load(std::memory_order_acquire) != 0) refuse();
  }

  /// One user. A resource.
  class Use {
   public:
    Use() noexcept = default;
    Use(const UseCount& count, const char* user) noexcept : count_(&count) {
      count.last_user_.store(user, std::memory_order_relaxed);
      count.users_.fetch_add(1, std::memory_order_relaxed);
    }
    Use(Use&& other) noexcept : count_(std::exchange(other.count_, nullptr)) {}
    Use& operator=(Use&& other) noexcept {
      std::swap(count_, other.count_);
      return *this;
    }
    ~Use() {
      if (count_) count_->users_.fetch_sub(1, std::memory_order_release);
    }

   private:
    const UseCount* count_ = nullptr;
  };

 private:
  [[noreturn]] void refuse() const noexcept;

  const char* const owner_;
  mutable std::atomic<const char*> last_user_{nullptr};
  mutable std::atomic<int> users_{0};
};

}  // namespace sluice::SLUICE_ABI

// SPDX-License-Identifier: MIT
// Allocations that fail: the nth one of a thread throws std::bad_alloc. It replaces operator new, so one file of a test
// program includes it.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <new>

namespace sluice::testing {

inline thread_local std::size_t fail_in = 0;  // allocations; 0: never

/// While one lives, the nth allocation of this thread fails, and no other.
class FailingAllocation {
 public:
  explicit FailingAllocation(std::size_t nth) noexcept { fail_in = nth; }
  FailingAllocation(const FailingAllocation&) = delete;
  FailingAllocation& operator=(const FailingAllocation&) = delete;
  ~FailingAllocation() { fail_in = 0; }
  bool failed() const noexcept { return fail_in == 0; }
};

/// Memory for a test's own notes, which must not fail.
class Unfailing {
 public:
  Unfailing() noexcept : before_(fail_in) { fail_in = 0; }
  Unfailing(const Unfailing&) = delete;
  Unfailing& operator=(const Unfailing&) = delete;
  ~Unfailing() { fail_in = before_; }

 private:
  const std::size_t before_;
};

}  // namespace sluice::testing

void* operator new(std::size_t bytes) {
  if (sluice::testing::fail_in > 0 && --sluice::testing::fail_in == 0) throw std::bad_alloc();
  if (void* memory = std::malloc(bytes > 0 ? bytes : 1)) return memory;
  throw std::bad_alloc();
}
void* operator new[](std::size_t bytes) { return operator new(bytes); }
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
  try {
    return operator new(bytes);
  } catch (...) {
    return nullptr;
  }
}
void* operator new[](std::size_t bytes, const std::nothrow_t&) noexcept { return operator new(bytes, std::nothrow); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }

// SPDX-License-Identifier: MIT
// Allocations that fail: the nth one of a thread, or of all other threads. It replaces operator new and aligned_alloc,
// so one file of a test program includes it.
#pragma once

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <new>
#include <utility>

#include "sluice/abi.hpp"

namespace sluice::SLUICE_ABI::testing {

inline thread_local std::size_t fail_in = 0;           // allocations of this thread; 0: never
inline thread_local bool exempt = false;               // this thread, from what follows
inline std::atomic<std::size_t> fail_elsewhere_in{0};  // allocations of all threads

inline bool allocation_fails() noexcept {
  if (fail_in > 0 && --fail_in == 0) return true;
  std::size_t left = exempt ? 0 : fail_elsewhere_in.load();
  while (left > 0 && !fail_elsewhere_in.compare_exchange_weak(left, left - 1)) {}
  return left == 1;
}

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
  Unfailing() noexcept : before_(std::exchange(fail_in, 0)), exempt_(std::exchange(exempt, true)) {}
  Unfailing(const Unfailing&) = delete;
  Unfailing& operator=(const Unfailing&) = delete;
  ~Unfailing() {
    fail_in = before_;
    exempt = exempt_;
  }

 private:
  const std::size_t before_;
  const bool exempt_;
};

/// While one lives, the nth allocation of all other threads together fails, and no other.
class FailingElsewhere {
 public:
  explicit FailingElsewhere(std::size_t nth) noexcept { fail_elsewhere_in = nth; }
  FailingElsewhere(const FailingElsewhere&) = delete;
  FailingElsewhere& operator=(const FailingElsewhere&) = delete;
  ~FailingElsewhere() { fail_elsewhere_in = 0; }
  bool failed() const noexcept { return fail_elsewhere_in == 0; }

 private:
  const Unfailing here_;
};

}  // namespace sluice::SLUICE_ABI::testing

void* operator new(std::size_t bytes) {
  if (sluice::testing::allocation_fails()) throw std::bad_alloc();
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

// Asio's.
extern "C" void* aligned_alloc(std::size_t alignment, std::size_t bytes) noexcept {
  void* memory = nullptr;
  if (sluice::testing::allocation_fails()) return nullptr;
  return posix_memalign(&memory, alignment, bytes) == 0 ? memory : nullptr;
}

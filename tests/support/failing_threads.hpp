// SPDX-License-Identifier: MIT
// Threads that the system does not start. It stands in front of the C library's pthread_create, so one file of a test
// program includes it.
#pragma once

#include <dlfcn.h>
#include <pthread.h>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdlib>

#include "sluice/abi.hpp"

namespace sluice::SLUICE_ABI::testing {

inline std::atomic<std::size_t> thread_to_fail{0};  // counted down; 0: none

/// While one lives, the nth thread that the program starts fails with EAGAIN, and no other.
class FailingThread {
 public:
  explicit FailingThread(std::size_t nth) noexcept { thread_to_fail = nth; }
  FailingThread(const FailingThread&) = delete;
  FailingThread& operator=(const FailingThread&) = delete;
  ~FailingThread() { thread_to_fail = 0; }
};

inline bool thread_fails() noexcept {
  std::size_t left = thread_to_fail.load();
  while (left > 0 && !thread_to_fail.compare_exchange_weak(left, left - 1)) {}
  return left == 1;
}

}  // namespace sluice::SLUICE_ABI::testing

extern "C" int pthread_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*start)(void*),
                              void* argument) noexcept {
  static auto* const real = reinterpret_cast<decltype(&pthread_create)>(::dlsym(RTLD_NEXT, "pthread_create"));
  if (!real) std::abort();
  return sluice::testing::thread_fails() ? EAGAIN : real(thread, attributes, start, argument);
}

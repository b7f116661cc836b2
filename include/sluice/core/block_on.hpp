// SPDX-License-Identifier: MIT
// For code that has a thread and no executor: start a task and wait for it.
#pragma once

#include <condition_variable>
#include <mutex>
#include <stdexcept>

#include "sluice/abi.hpp"
#include "sluice/core/executor.hpp"
#include "sluice/core/task.hpp"

namespace sluice::SLUICE_ABI {

/// Waits on this thread until the task has finished, and gives its value or throws its exception. Throws
/// std::logic_error inside an executor's job, which would wait for itself. Any thread.
template <class T>
T block_on(Task<T> task) {
  if (Executor::current()) throw std::logic_error("block_on() would stop the executor that it runs on: co_await there");
  struct Gate {
    std::mutex mutex;
    std::condition_variable wake;
    bool open = false;
  } gate;
  const auto open = [](void* who) noexcept {
    auto& waited_for = *static_cast<Gate*>(who);
    std::lock_guard lock(waited_for.mutex);
    waited_for.open = true;
    waited_for.wake.notify_one();
  };
  if (!task.start({open, &gate})) {
    std::unique_lock lock(gate.mutex);
    gate.wake.wait(lock, [&] { return gate.open; });
  }
  return task.take();
}

}  // namespace sluice::SLUICE_ABI

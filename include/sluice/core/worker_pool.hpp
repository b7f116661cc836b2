// SPDX-License-Identifier: MIT
// Threads for blocking work, such as a database call, so that no executor waits for it.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <exception>
#include <mutex>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "sluice/abi.hpp"
#include "sluice/core/completion.hpp"
#include "sluice/core/function.hpp"

namespace sluice::SLUICE_ABI {

/// The result of work that a WorkerPool runs. Name it, then await it:
///
///     auto may_read = pool.run([=, this] { return database_.may_read(user, table); });
///     if (co_await may_read) ...
///
/// Awaiting an unnamed one does not compile: g++ 12 destroys a lambda twice that is written inside a co_await
/// expression. An exception thrown by the work is thrown by the co_await.
template <class T>
class [[nodiscard]] Work {
 public:
  explicit Work(Completion<T> completion) : completion_(std::move(completion)) {}
  auto operator co_await() & { return completion_.operator co_await(); }
  void operator co_await() && = delete;  // name the Work first

 private:
  Completion<T> completion_;
};

/// A fixed number of threads that run blocking work in its order. The destructor finishes all work, then joins. Destroy
/// the pool before the executors whose code awaits its work, as that code resumes there. Any thread.
class SLUICE_API WorkerPool {
 public:
  /// Throws std::system_error when the system has no thread left.
  explicit WorkerPool(std::size_t threads);
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;
  ~WorkerPool();

  /// Runs `work()` on one of the threads; the awaiting code continues on its own executor. A job that returns nothing
  /// gives a Work<std::monostate>.
  template <class F>
  auto run(F work) {
    using Returned = std::invoke_result_t<F&>;
    using T = std::conditional_t<std::is_void_v<Returned>, std::monostate, Returned>;
    Completion<T> done;
    post([done, work = std::move(work)]() mutable {
      std::exception_ptr error;  // passed on outside the catch, so that this thread does not keep the exception
      try {
        if constexpr (std::is_void_v<Returned>) {
          work();
          done.resolve({});
        } else {
          done.resolve(work());
        }
      } catch (...) {
        error = std::current_exception();
      }
      if (error) done.fail(std::move(error));
    });
    return Work<T>(std::move(done));
  }

  /// Runs a job that no code awaits. It must not throw.
  void post(Function<void()> job);
  /// Jobs that no thread has taken yet.
  std::size_t waiting() const;

 private:
  void work();
  void end() noexcept;

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Function<void()>> jobs_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace sluice::SLUICE_ABI

// SPDX-License-Identifier: MIT
// Executors on Asio's io_contexts: with threads of their own, or on the application's loops. The only public header
// that includes Asio.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

// After the standard headers: Asio reads libstdc++'s configuration to choose how it allocates, and all files must
// agree.
#include <asio/io_context.hpp>

#include "sluice/abi.hpp"
#include "sluice/core/executor.hpp"

namespace sluice::SLUICE_ABI {

/// A group of executors on io_contexts:
///
///     AsioExecutors executors(2);            // two threads, each with its loop
///
///     asio::io_context loop(1);              // or a loop that you run in one thread: the hint 1 saves Asio's locks
///     AsioExecutors executors({loop});
///
///     asio::io_context loop;                 // or a loop that several threads run: four executors share them
///     AsioExecutors executors({loop, loop, loop, loop});
///
/// An executor runs one job at a time, as Executor::current(). All jobs that wait when a turn of the loop begins run in
/// that turn. A job that throws is logged; the jobs behind it run.
///
/// It outlives everything that uses it: the servers and layers made with it, and their connections. Any thread.
class SLUICE_API AsioExecutors : public ExecutorGroup {
 public:
  /// Starts `threads` threads, each running an io_context of its own, until stop(). Throws std::invalid_argument for 0
  /// or more than max_size, std::system_error when the system has no thread left.
  explicit AsioExecutors(std::size_t threads);
  /// Uses your io_contexts: one executor for each time that one is named. An io_context may be run by one thread or by
  /// several; each of its executors is a strand, which one thread at a time runs. They outlive this object; destroy
  /// this object when they no longer run. Throws std::invalid_argument for none or more than max_size.
  explicit AsioExecutors(std::vector<std::reference_wrapper<asio::io_context>> contexts);
  AsioExecutors(const AsioExecutors&) = delete;
  AsioExecutors& operator=(const AsioExecutors&) = delete;
  /// stop() and join(). Jobs that have not run are destroyed.
  ~AsioExecutors() override;

  std::size_t size() const noexcept override;
  Executor& at(std::size_t index) noexcept override;
  /// The io_context of executor `index`, for Asio objects of your own beside the connections.
  asio::io_context& context(std::size_t index) noexcept;

  /// Ends the own threads after their current jobs. For your io_contexts it does nothing: stop them yourself. Stop and
  /// await the servers first.
  void stop();
  /// Waits until the own threads have ended. Throws std::logic_error on one of them, which would wait for itself. With
  /// your io_contexts it returns at once.
  void join();
  /// True while own threads run. False for your own io_contexts.
  bool running() const noexcept;

 private:
  struct Loop;
  std::vector<std::unique_ptr<Loop>> loops_;
};

}  // namespace sluice::SLUICE_ABI

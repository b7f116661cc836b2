// SPDX-License-Identifier: MIT
// An executor on plain poll(): it runs jobs, timers, and whoever waits for a socket.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "sluice/core/executor.hpp"

/// Someone who waits for a socket. Called on the loop.
class Watcher {
 public:
  virtual ~Watcher() = default;
  /// POLLIN, POLLOUT, both or neither, asked before every wait.
  virtual short wants() const = 0;
  virtual void ready(short events) = 0;
};

/// One thread that runs everything of its connections, one thing at a time. watch and forget: its executor only. The
/// rest: any thread.
class PollLoop final : public sluice::Executor {
 public:
  PollLoop();
  ~PollLoop() override;

  void post(sluice::Function<void()> job) override;
  void post_after(std::chrono::nanoseconds delay, sluice::Function<void()> job) override;
  Clock::time_point now() const override { return Clock::now(); }

  /// Tells the watcher whenever the socket is ready for what it wants. The loop keeps it until forget().
  void watch(int socket, std::shared_ptr<Watcher> watcher);
  void forget(int socket);

  /// Ends the thread; jobs that have not run are destroyed.
  void stop();

 private:
  void run();
  int wait_milliseconds();
  void wait();
  void run_jobs();
  void wake();

  std::mutex mutex_;
  std::deque<sluice::Function<void()>> jobs_;
  std::multimap<Clock::time_point, sluice::Function<void()>> timers_;
  bool stopping_ = false;

  std::map<int, std::shared_ptr<Watcher>> watchers_;
  int wake_read_ = -1;
  int wake_write_ = -1;
  std::thread thread_;
};

/// Several loops as one place to run a server.
class PollLoops final : public sluice::ExecutorGroup {
 public:
  explicit PollLoops(std::size_t threads);
  std::size_t size() const noexcept override { return loops_.size(); }
  PollLoop& at(std::size_t index) noexcept override { return *loops_[index]; }

  /// Ends all threads. Nothing that runs on the loops runs from here on, so what it uses may go.
  void stop();

 private:
  std::vector<std::unique_ptr<PollLoop>> loops_;
};

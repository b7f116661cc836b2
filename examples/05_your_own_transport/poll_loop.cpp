// SPDX-License-Identifier: MIT
#include "poll_loop.hpp"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

PollLoop::PollLoop() {
  int ends[2];
  if (::pipe2(ends, O_NONBLOCK | O_CLOEXEC) != 0) throw std::system_error(errno, std::generic_category(), "pipe");
  wake_read_ = ends[0];
  wake_write_ = ends[1];
  thread_ = std::thread([this] { run(); });
}

PollLoop::~PollLoop() {
  stop();
  ::close(wake_read_);
  ::close(wake_write_);
}

void PollLoop::post(sluice::Function<void()> job) {
  {
    const std::lock_guard lock(mutex_);
    jobs_.push_back(std::move(job));
  }
  if (!runs_here()) wake();
}

void PollLoop::post_after(std::chrono::nanoseconds delay, sluice::Function<void()> job) {
  {
    const std::lock_guard lock(mutex_);
    timers_.emplace(now() + delay, std::move(job));
  }
  if (!runs_here()) wake();
}

void PollLoop::watch(int socket, std::shared_ptr<Watcher> watcher) { watchers_[socket] = std::move(watcher); }

void PollLoop::forget(int socket) { watchers_.erase(socket); }

void PollLoop::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake();
  if (thread_.joinable()) thread_.join();
}

void PollLoop::wake() {
  // A full pipe wakes the loop as well as one more byte would.
  [[maybe_unused]] const auto written = ::write(wake_write_, "!", 1);
}

void PollLoop::run() {
  const Running running(*this);
  while (true) {
    run_jobs();
    {
      const std::lock_guard lock(mutex_);
      if (stopping_) break;
    }
    wait();
  }
  watchers_.clear();
  std::deque<sluice::Function<void()>> jobs;
  std::multimap<Clock::time_point, sluice::Function<void()>> timers;
  {
    const std::lock_guard lock(mutex_);
    jobs.swap(jobs_);
    timers.swap(timers_);
  }
  jobs.clear();
  timers.clear();
  drop_locals();
}

void PollLoop::run_jobs() {
  std::deque<sluice::Function<void()>> due;
  {
    const std::lock_guard lock(mutex_);
    due.swap(jobs_);
    for (const auto time = now(); !timers_.empty() && timers_.begin()->first <= time;) {
      due.push_back(std::move(timers_.extract(timers_.begin()).mapped()));
    }
  }
  for (auto& job : due) job();
}

int PollLoop::wait_milliseconds() {
  const std::lock_guard lock(mutex_);
  if (!jobs_.empty() || stopping_) return 0;
  if (timers_.empty()) return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(timers_.begin()->first - now()).count();
  return static_cast<int>(std::clamp<long>(left, 0, 60'000));
}

void PollLoop::wait() {
  std::vector<pollfd> sockets{{wake_read_, POLLIN, 0}};
  for (const auto& [socket, watcher] : watchers_) sockets.push_back({socket, watcher->wants(), 0});
  if (::poll(sockets.data(), sockets.size(), wait_milliseconds()) <= 0) return;
  for (const pollfd& socket : sockets) {
    if (socket.revents == 0) continue;
    if (socket.fd == wake_read_) {
      char bytes[64];
      while (::read(wake_read_, bytes, sizeof bytes) > 0) continue;
      continue;
    }
    // A watcher may have been forgotten by the one before it.
    const auto found = watchers_.find(socket.fd);
    if (found == watchers_.end()) continue;
    const std::shared_ptr<Watcher> watcher = found->second;
    watcher->ready(socket.revents);
  }
}

PollLoops::PollLoops(std::size_t threads) {
  for (std::size_t i = 0; i < threads; ++i) loops_.push_back(std::make_unique<PollLoop>());
}

void PollLoops::stop() {
  for (auto& loop : loops_) loop->stop();
}

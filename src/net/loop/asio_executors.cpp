// SPDX-License-Identifier: MIT
#include "sluice/net/asio_executors.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>
#include <thread>
#include <utility>

#include <asio/defer.hpp>
#include <asio/execution/blocking.hpp>
#include <asio/execution/context.hpp>
#include <asio/executor_work_guard.hpp>
#include <asio/post.hpp>

#include "core/failure.hpp"
#include "net/loop/asio_executor.hpp"

namespace sluice::SLUICE_ABI {
namespace net {
namespace {

// Timers within the same millisecond fire together.
constexpr auto timer_grain = std::chrono::milliseconds(1);

// A time later than this is never reached, and may still be added to.
constexpr auto latest_time = Executor::Clock::time_point::max() - std::chrono::hours(24);

Executor::Clock::time_point after(std::chrono::nanoseconds delay) {
  const auto now = Executor::Clock::now();
  return delay < latest_time - now ? now + std::max(delay, std::chrono::nanoseconds(0)) : latest_time;
}

// An executor for Asio's objects. Nothing runs inside execute().
class AsAsioExecutor {
 public:
  explicit AsAsioExecutor(AsioExecutor& executor) noexcept : executor_(&executor) {}

  template <class F>
  void execute(F work) const {
    executor_->post(std::move(work));
  }
  asio::execution_context& query(asio::execution::context_t) const noexcept { return executor_->context(); }
  static constexpr asio::execution::blocking_t::never_t query(asio::execution::blocking_t) noexcept { return {}; }
  friend bool operator==(const AsAsioExecutor&, const AsAsioExecutor&) noexcept = default;

 private:
  AsioExecutor* executor_;
};

}  // namespace

AsioExecutor::AsioExecutor(asio::io_context& context, RunBy run_by)
    : context_(context), run_by_(run_by), timer_(context) {}

asio::any_io_executor AsioExecutor::for_asio() noexcept {
  if (run_by_ == RunBy::one_thread) return context_.get_executor();
  return AsAsioExecutor(*this);
}

AsioExecutor::~AsioExecutor() {
  // Objects of jobs may use their executor during destruction, and may post; so jobs are destroyed first, in rounds,
  // locals last.
  while (drop_jobs()) {}
  {
    const auto running = enter();
    drop_locals();
  }
  while (drop_jobs()) {}  // posted by what the locals held
}

bool AsioExecutor::drop_jobs() noexcept {
  const auto running = enter();
  Jobs inbox, jobs, last;  // swapped, which takes no memory
  {
    std::lock_guard lock(inbox_mutex_);
    inbox.swap(inbox_);
  }
  jobs.swap(jobs_);
  last.swap(last_);
  bool dropped = !inbox.empty() || !jobs.empty() || !last.empty();
  for (; timers_.next(); dropped = true) {
    const Function<void()> doomed = timers_.take_due(Clock::time_point::max());
  }
  return dropped;
}

void AsioExecutor::post(Function<void()> job) {
  if (runs_here()) {
    jobs_.push_back(std::move(job));
    try {
      return schedule_turn();
    } catch (...) {
      jobs_.pop_back();
      throw;
    }
  }
  std::unique_lock lock(inbox_mutex_);
  inbox_.push_back(std::move(job));
  if (std::exchange(inbox_announced_, true)) return;
  const std::uint64_t inbox = inboxes_;
  const std::size_t place = inbox_.size() - 1;
  lock.unlock();
  announce_inbox(inbox, place);
}

// A failed job counts as not posted, and later jobs are announced again.
void AsioExecutor::announce_inbox(std::uint64_t inbox, std::size_t place) {
  try {
    asio::post(context_, inbox_memory_.hold([this] { turn(); }));
  } catch (...) {
    std::lock_guard lock(inbox_mutex_);
    if (inboxes_ != inbox) return;  // another turn has taken the job meanwhile
    inbox_.erase(inbox_.begin() + static_cast<std::ptrdiff_t>(place));
    inbox_announced_ = false;
    throw;
  }
}

// In a handler of the io_context, so that the turn may be here.
void AsioExecutor::run_in_turn(Function<void()> work) {
  {
    std::lock_guard lock(inbox_mutex_);
    inbox_.push_back(std::move(work));
    if (std::exchange(inbox_announced_, true)) return;
  }
  turn();
}

void AsioExecutor::post_after(std::chrono::nanoseconds delay, Function<void()> job) {
  const auto due = after(delay);
  if (!runs_here()) {
    return post([this, due, job = std::move(job)]() mutable {
      timers_.add(due, std::move(job));
      arm_timer(*timers_.next());  // the caller has returned: if this fails, the job runs with the next timer
    });
  }
  // Armed before the job is added: a job whose caller gets an exception must not run.
  arm_timer(std::min(due, timers_.next().value_or(due)));
  timers_.add(due, std::move(job));
}

void AsioExecutor::at_end_of_turn(Function<void()> last) {
  last_.push_back(std::move(last));
  try {
    schedule_turn();
  } catch (...) {
    last_.pop_back();
    throw;
  }
}

void AsioExecutor::end_turn() {
  running_.swap(last_);
  run_all(running_);
}

void AsioExecutor::schedule_turn() {
  if (turn_comes_) return;
  defer_turn();
  turn_comes_ = true;
}

// defer, not post: a continuation of the handler that runs now needs no lock and no wake-up.
void AsioExecutor::defer_turn() {
  asio::defer(context_, turn_memory_.hold([this] { turn(); }));
}

void AsioExecutor::turn() noexcept {
  const auto running = enter();
  while (run_turn()) {
    try {
      return defer_turn();
    } catch (...) {  // no memory for it: the next turn runs at once, and the sockets wait
    }
  }
}

// True: there is more to run.
bool AsioExecutor::run_turn() {
  turn_comes_ = true;  // the end-of-turn jobs of these jobs run in this turn
  bool timer_rang = false;
  running_.swap(jobs_);
  run_all(running_);
  {
    std::lock_guard lock(inbox_mutex_);
    running_.swap(inbox_);
    ++inboxes_;
    if (run_by_ == RunBy::one_thread) inbox_announced_ = false;
    timer_rang = std::exchange(timer_rang_, false);
  }
  run_all(running_);
  if (timer_rang) run_due();
  end_turn();
  turn_comes_ = !jobs_.empty() || !last_.empty();
  return run_by_ == RunBy::any_threads ? stay_for_more() : turn_comes_;
}

// True if there is another turn to run. Otherwise the executor is free for the next thread with work.
bool AsioExecutor::stay_for_more() noexcept {
  std::lock_guard lock(inbox_mutex_);
  turn_comes_ = inbox_announced_ = turn_comes_ || timer_rang_ || !inbox_.empty();
  return turn_comes_;  // from here on another thread may be in a turn
}

void AsioExecutor::run_all(Jobs& jobs) noexcept {
  for (Function<void()>& job : jobs) {
    run_one(job);
    job = nullptr;  // a job's memory ends with it, not with its turn
  }
  jobs.clear();
}

// The jobs behind it belong to other connections.
void AsioExecutor::run_one(Function<void()>& job) noexcept {
  try {
    job();
  } catch (...) {
    log_failure("a job of an executor threw", std::current_exception());
  }
}

// An armed wait keeps its memory until its handler has run, so the new wait gets its own memory before the old one is
// cancelled.
void AsioExecutor::arm_timer(Clock::time_point next) {
  if (armed_for_ && *armed_for_ <= next) return;
  if (armed_for_) timer_memory_ = std::make_unique<OperationMemory>();
  armed_for_ = next + timer_grain;
  try {
    timer_.expires_at(*armed_for_);
    timer_.async_wait(timer_memory_->hold([this](const asio::error_code& error) {
      if (!error) timer_rings();
    }));
  } catch (...) {  // the next timer that is set tries again for all
    armed_for_.reset();
    throw;
  }
}

// In a handler of the io_context. A note in the inbox takes no memory.
void AsioExecutor::timer_rings() noexcept {
  if (run_by_ == RunBy::one_thread) {
    const Handling handling(*this);
    return run_due();
  }
  {
    std::lock_guard lock(inbox_mutex_);
    timer_rang_ = true;
    if (std::exchange(inbox_announced_, true)) return;
  }
  turn();
}

void AsioExecutor::run_due() noexcept {
  armed_for_.reset();
  const auto now = Clock::now();
  while (Function<void()> job = timers_.take_due(now)) run_one(job);
  try {
    if (const auto next = timers_.next()) arm_timer(*next);
  } catch (...) {  // other timers of a user's io_context took the memory: it is armed with the next one that is set
  }
}

}  // namespace net

struct AsioExecutors::Loop {
  Loop()
      : own(std::make_unique<asio::io_context>(1)),
        executor(*own, net::AsioExecutor::RunBy::one_thread),
        work(asio::make_work_guard(*own)) {}
  explicit Loop(asio::io_context& context) : executor(context) {}

  std::unique_ptr<asio::io_context> own;
  net::AsioExecutor executor;
  std::optional<asio::executor_work_guard<asio::io_context::executor_type>> work;
  std::mutex joining;
  std::thread thread;
};

AsioExecutors::AsioExecutors(std::size_t threads) {
  if (threads == 0 || threads > max_size) {
    throw std::invalid_argument(fmt::format("AsioExecutors: {} threads, and there may be 1 to {}", threads, max_size));
  }
  for (std::size_t i = 0; i < threads; ++i) loops_.push_back(std::make_unique<Loop>());
  try {
    for (auto& loop : loops_) {
      loop->thread = std::thread([&loop = *loop] {
        const auto running = loop.executor.enter();
        loop.own->run();
      });
    }
  } catch (...) {  // the system has no thread left: stop the running ones, and pass the exception on
    stop();
    join();
    throw;
  }
}

AsioExecutors::AsioExecutors(std::vector<std::reference_wrapper<asio::io_context>> contexts) {
  if (contexts.empty() || contexts.size() > max_size) {
    throw std::invalid_argument(
        fmt::format("AsioExecutors: {} io_contexts, and there may be 1 to {}", contexts.size(), max_size));
  }
  for (asio::io_context& context : contexts) loops_.push_back(std::make_unique<Loop>(context));
}

AsioExecutors::~AsioExecutors() {
  use_count().end();
  stop();
  join();
  // An object of one executor's job may belong to another executor, so the jobs of all are destroyed before the first
  // executor.
  for (bool dropped = true; dropped;) {
    dropped = false;
    for (auto& loop : loops_) dropped |= loop->executor.drop_jobs();
  }
}

std::size_t AsioExecutors::size() const noexcept { return loops_.size(); }

Executor& AsioExecutors::at(std::size_t index) noexcept { return loops_[index]->executor; }

asio::io_context& AsioExecutors::context(std::size_t index) noexcept { return loops_[index]->executor.context(); }

void AsioExecutors::stop() {
  for (auto& loop : loops_) {
    if (loop->own) loop->own->stop();
  }
}

void AsioExecutors::join() {
  for (auto& loop : loops_) {
    if (loop->own && loop->executor.runs_here()) {
      throw std::logic_error(
          "AsioExecutors::join() on one of these executors would wait for itself: call it elsewhere");
    }
  }
  for (auto& loop : loops_) {
    std::lock_guard lock(loop->joining);
    if (loop->thread.joinable()) loop->thread.join();
  }
}

bool AsioExecutors::running() const noexcept { return loops_.front()->own && !loops_.front()->own->stopped(); }

}  // namespace sluice::SLUICE_ABI

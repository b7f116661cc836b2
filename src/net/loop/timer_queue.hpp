// SPDX-License-Identifier: MIT
// The jobs of one executor that wait for their time. No clock and no timer of its own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "sluice/core/executor.hpp"

namespace sluice::SLUICE_ABI::net {

/// Jobs by due time; those due at the same time keep their order. Its executor only.
class TimerQueue {
 public:
  using Time = Executor::Clock::time_point;
  using Job = Function<void()>;

  void add(Time due, Job job);
  /// When the next job is due, if there is one.
  std::optional<Time> next() const;
  /// Takes the next job that is due by `now`; an empty Function when there is none.
  Job take_due(Time now);
  void clear() noexcept { waiting_.clear(); }
  std::size_t size() const noexcept { return waiting_.size(); }

 private:
  struct Waiting {
    Time due;
    std::uint64_t number;
    Job job;
  };
  static bool later(const Waiting& a, const Waiting& b) noexcept;

  std::vector<Waiting> waiting_;  // a heap, the earliest in front
  std::uint64_t added_ = 0;
};

}  // namespace sluice::SLUICE_ABI::net

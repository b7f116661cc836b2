// SPDX-License-Identifier: MIT
// Bounds the permission checks that run at once: after a gap of the channel layer every page of every client is
// rechecked.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <memory>

#include "layer/hub/waiting_line.hpp"
#include "sluice/core/executor.hpp"

namespace sluice::SLUICE_ABI {

/// One per executor (Executor::local). First come, first served: a client takes a place for each page, so that one with
/// many pages does not delay others. A check that takes longer than `place_time` loses its place: a database that hangs
/// for one permission check delays only its own client. Its executor only.
class RecheckLine {
  struct State;

 public:
  RecheckLine() = default;
  RecheckLine(const RecheckLine&) = delete;
  RecheckLine& operator=(const RecheckLine&) = delete;
  ~RecheckLine() { state_->executor = nullptr; }

  static constexpr auto place_time = std::chrono::seconds(2);

  /// A place among the running checks, or in the queue for one. It is released when its owner is destroyed:
  ///
  ///     RecheckLine::Place place(executor, most);
  ///     if (place.waits()) {
  ///       const auto woken = place.woken();
  ///       co_await woken;
  ///     }
  class Place {
   public:
    /// Waits while `most` places are taken.
    Place(Executor& executor, std::size_t most);
    ~Place();
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;

    bool waits() const noexcept { return number_ != 0; }
    const WaitingLine::WakeUp& woken() const noexcept { return woken_; }

   private:
    friend RecheckLine;
    enum class At : std::uint8_t { line, place, lapsed };

    const std::shared_ptr<State> state_;
    std::list<Place*> self_{this};  // moved to `holders` with the place, so that nothing is allocated then
    Executor::Clock::time_point since_{};
    std::uint64_t number_ = 0;  // in the queue; 0: the place was free
    At at_ = At::line;
    WaitingLine::WakeUp woken_;
  };

 private:
  struct State : std::enable_shared_from_this<State> {
    Executor* executor = nullptr;  // null: it has ended
    std::size_t most = 0;
    std::list<Place*> holders;  // the oldest first
    WaitingLine line;
    std::map<std::uint64_t, Place*> waiting;
    bool watches = false;

    void hold(Place& place) noexcept;
    void let_go(Place& place, Place::At at) noexcept;
    void leave(Place& place) noexcept;
    void fill() noexcept;
    void watch();
    void look() noexcept;
  };

  const std::shared_ptr<State> state_ = std::make_shared<State>();  // a client may end after its executor's locals
};

}  // namespace sluice::SLUICE_ABI

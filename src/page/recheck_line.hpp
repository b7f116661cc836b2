// SPDX-License-Identifier: MIT
// How many permissions are asked for again at once: after a gap of the channel layer every page of every client is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "layer/waiting_line.hpp"

namespace sluice {

/// One per executor (Executor::local). First come, first served: a client takes a place for each page anew, so that one
/// with many pages delays nobody. Its executor only.
class RecheckLine {
  struct State;

 public:
  /// A place among those that ask, or in the line for one. It ends with its asker, wherever that is:
  ///
  ///     RecheckLine::Place place(executor.local<RecheckLine>(), most);
  ///     if (place.waits()) {
  ///       const auto woken = place.woken();
  ///       co_await woken;
  ///     }
  class Place {
   public:
    /// Waits while `most` places are taken.
    Place(RecheckLine& line, std::size_t most);
    ~Place();
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;

    bool waits() const noexcept { return number_ != 0; }
    const WaitingLine::WakeUp& woken() const noexcept { return woken_; }

   private:
    const std::shared_ptr<State> state_;
    std::uint64_t number_ = 0;  // in the line; 0: the place was free
    WaitingLine::WakeUp woken_;
  };

 private:
  struct State {
    std::size_t taken = 0;
    WaitingLine line;
    void release() noexcept;
  };

  const std::shared_ptr<State> state_ = std::make_shared<State>();  // an asker may end after its executor's locals
};

}  // namespace sluice

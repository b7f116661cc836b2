// SPDX-License-Identifier: MIT
// A queue of coroutines that wait for the same condition.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <utility>
#include <variant>

#include "sluice/core/completion.hpp"

namespace sluice::SLUICE_ABI {

/// First come, first woken. Removing any waiter takes logarithmic time. One thread at a time: its owner locks.
class WaitingLine {
 public:
  using WakeUp = Completion<std::monostate>;
  using Places = std::map<std::uint64_t, WakeUp>;

  bool empty() const noexcept { return places_.empty(); }
  std::size_t size() const noexcept { return places_.size(); }
  /// Adds a place behind all others. Its number is never 0.
  const Places::value_type& join() { return *places_.try_emplace(places_.end(), ++last_); }
  /// False: this waiter had been taken.
  bool leave(std::uint64_t number) noexcept { return places_.erase(number) > 0; }
  /// Takes the first waiter; there must be one. Resolve its wake-up under no lock: it may run at once.
  Places::node_type take_first() noexcept { return places_.extract(places_.begin()); }
  /// For a waiter that could not be woken. It allocates nothing.
  void put_back(Places::node_type place) noexcept { places_.insert(std::move(place)); }

 private:
  Places places_;
  std::uint64_t last_ = 0;
};

}  // namespace sluice::SLUICE_ABI

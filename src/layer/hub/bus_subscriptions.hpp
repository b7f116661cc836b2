// SPDX-License-Identifier: MIT
// Keeps the subscriptions of a bus equal to the hub's groups, through outages and refusals.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/string_hash.hpp"
#include "layer/hub/hub.hpp"
#include "layer/hub/subscription_table.hpp"
#include "sluice/layer/bus.hpp"

namespace sluice::SLUICE_ABI {

/// size(): any thread. The rest: the bus's executor only.
class BusSubscriptions {
 public:
  /// `name` is for error messages. `restored` is called with a link once all its subscriptions are made.
  BusSubscriptions(Bus& bus, std::shared_ptr<Hub> hub, std::string name, std::chrono::milliseconds join_time,
                   Function<void(std::size_t link)> restored);
  BusSubscriptions(const BusSubscriptions&) = delete;

  /// Resolves `done` when the bus has it, or an Error. A channel's subscription: each is matched by one release().
  void add(const BusSubscription& to, Completion<Result<void>> done);
  void release(const BusSubscription& to);
  /// All subscriptions of channels, however often they were added.
  void release_channels();
  /// Ends the subscription for all that have added it.
  void remove(const BusSubscription& to);
  /// From now on each consumer's channel is a subscription while it is open.
  void add_consumer_channel(const std::string& channel);

  void link_up(std::size_t link);
  void link_down(std::size_t link);
  /// Repeats refused requests, and fails those that waited too long.
  void tick();
  /// Ends all subscriptions at the bus; none is added any more.
  void leave_all();
  /// The bus has ended: all waiting callers receive the Error.
  void end(const Error& error);

  std::size_t size() const noexcept { return size_.load(std::memory_order_relaxed); }

 private:
  struct Link {
    bool up = false;
    bool restore_failed = false;     // an exception came in between: it is tried again
    std::uint64_t restorations = 0;  // counts: an answer to an earlier one does not count
    std::size_t missing = 0;         // answers of the current one
  };

  void restore(std::size_t link) noexcept;
  void one_restored(std::size_t link, std::uint64_t restoration);
  void ask(SubscriptionEntry& entry, std::uint64_t restoration = 0);
  void answered(const std::string& key, std::uint64_t ticket, const Result<void>& result);
  void settle(SubscriptionEntry& entry, const Result<void>& result);
  void forget(std::string_view key);

  Bus& bus_;
  Executor& executor_;
  const std::shared_ptr<Hub> hub_;
  const std::string name_;
  const std::chrono::milliseconds join_time_;
  Function<void(std::size_t)> restored_;
  std::vector<Link> links_;
  SubscriptionTable table_;
  std::unordered_map<std::string, std::size_t, StringHash, std::equal_to<>> channel_shares_;  // by the table's key
  std::deque<std::pair<Executor::Clock::time_point, std::string>> deadlines_;                 // and a key
  std::atomic<std::size_t> size_{0};
  bool leaving_ = false;
};

}  // namespace sluice::SLUICE_ABI

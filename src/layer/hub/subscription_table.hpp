// SPDX-License-Identifier: MIT
// The subscriptions of this process, as far as the bus knows. It decides which requests to send, and never calls the
// bus.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/string_hash.hpp"
#include "sluice/core/completion.hpp"
#include "sluice/core/executor.hpp"
#include "sluice/core/result.hpp"
#include "sluice/layer/bus.hpp"

namespace sluice::SLUICE_ABI {

/// One subscription, and the callers that wait for it.
struct SubscriptionEntry {
  enum class State : std::uint8_t { joining, joined, leaving };
  struct Waiter {
    Completion<Result<void>> done;
    Executor::Clock::time_point until;
  };

  BusSubscription to;
  std::size_t link = 0;
  State state = State::joining;
  std::uint64_t ticket = 0;  // of the last request to the bus: an answer to an earlier one is ignored
  bool known = false;        // the bus was asked for it, ever
  bool unanswered = false;   // the bus was asked, and has not answered yet
  bool scheduled = false;    // the request is to be repeated at `due`
  Executor::Clock::time_point due{};
  std::vector<Waiter> waiters;
};

/// The table. One thread at a time.
///
/// Requests to the bus keep their order: the opposite request does not wait for an answer, and only the last request
/// counts.
class SubscriptionTable {
 public:
  using State = SubscriptionEntry::State;
  using LinkOf = std::function<std::size_t(const BusSubscription& to)>;
  explicit SubscriptionTable(LinkOf link_of) : link_of_(std::move(link_of)) {}

  /// Adds a subscription. Returns the entry if a request must be sent now; null if one was sent.
  SubscriptionEntry* want(const BusSubscription& to);
  /// Removes a subscription. As above.
  SubscriptionEntry* drop(const BusSubscription& to);

  /// Schedules the request for that time.
  void schedule(SubscriptionEntry& entry, Executor::Clock::time_point due);
  void unschedule(SubscriptionEntry& entry);
  /// The entry that has been due for longest; null: none is due. Constant time.
  SubscriptionEntry* first_due(Executor::Clock::time_point now) const;

  /// Answers to earlier requests are ignored from now on.
  void renew_ticket(SubscriptionEntry& entry) noexcept { entry.ticket = ++last_ticket_; }
  /// The entry that an answer is about; null when a later request was made.
  SubscriptionEntry* of_ticket(std::string_view key, std::uint64_t ticket);
  SubscriptionEntry* find(std::string_view key);
  void forget(std::string_view key);

  /// The link is lost: its subscriptions are requested again once it is back.
  void lost(std::size_t link);
  /// All entries, or those of one link. They are valid until they are removed.
  std::vector<SubscriptionEntry*> all();
  std::vector<SubscriptionEntry*> of_link(std::size_t link);
  std::size_t size() const noexcept { return entries_.size(); }

 private:
  const LinkOf link_of_;
  std::unordered_map<std::string, SubscriptionEntry, StringHash, std::equal_to<>> entries_;
  std::set<std::pair<Executor::Clock::time_point, SubscriptionEntry*>> due_;
  std::uint64_t last_ticket_ = 0;
};

}  // namespace sluice::SLUICE_ABI

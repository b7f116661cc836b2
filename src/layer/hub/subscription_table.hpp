// SPDX-License-Identifier: MIT
// What this process is subscribed to, as far as the bus knows. It decides what to ask of the bus, and never talks to
// it.
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

namespace sluice {

/// One subscription, and those who wait for it.
struct SubscriptionEntry {
  enum class State : std::uint8_t { joining, joined, leaving };
  struct Waiter {
    Completion<Result<void>> done;
    Executor::Clock::time_point until;
  };

  BusSubscription to;
  std::size_t link = 0;
  State state = State::joining;
  std::uint64_t ticket = 0;  // of the last request to the bus: an answer to an earlier one means nothing any more
  bool known = false;        // the bus was asked for it, ever
  bool unanswered = false;   // the bus was asked, and has not answered yet
  bool scheduled = false;    // the request is to be repeated at `due`
  Executor::Clock::time_point due{};
  std::vector<Waiter> waiters;
};

/// The table. One thread at a time.
///
/// Requests to the bus keep their order: nothing waits for an answer before the opposite is asked for, and only the
/// last request counts.
class SubscriptionTable {
 public:
  using State = SubscriptionEntry::State;
  using LinkOf = std::function<std::size_t(const BusSubscription& to)>;
  explicit SubscriptionTable(LinkOf link_of) : link_of_(std::move(link_of)) {}

  /// It is wanted. The entry, if the bus is to be asked for it now; null if it was asked.
  SubscriptionEntry* want(const BusSubscription& to);
  /// It is not wanted any more. As above.
  SubscriptionEntry* drop(const BusSubscription& to);

  /// The request is to be made at that time.
  void schedule(SubscriptionEntry& entry, Executor::Clock::time_point due);
  void unschedule(SubscriptionEntry& entry);
  /// The one that has been due for longest; null: none is due. It costs nothing to ask.
  SubscriptionEntry* first_due(Executor::Clock::time_point now) const;

  /// Answers to earlier requests do not count any more.
  void renew_ticket(SubscriptionEntry& entry) noexcept { entry.ticket = ++last_ticket_; }
  /// The entry that an answer is about; null when a later request was made.
  SubscriptionEntry* of_ticket(std::string_view key, std::uint64_t ticket);
  SubscriptionEntry* find(std::string_view key);
  void forget(std::string_view key);
  static std::string key_of(const BusSubscription& to);

  /// The link is lost: what it knew is asked for again once it is back.
  void lost(std::size_t link);
  /// All entries, or those of one link. They stand until they are forgotten.
  std::vector<SubscriptionEntry*> all();
  std::vector<SubscriptionEntry*> of_link(std::size_t link);
  std::size_t size() const noexcept { return entries_.size(); }

 private:
  const LinkOf link_of_;
  std::unordered_map<std::string, SubscriptionEntry, StringHash, std::equal_to<>> entries_;
  std::set<std::pair<Executor::Clock::time_point, SubscriptionEntry*>> due_;
  std::uint64_t last_ticket_ = 0;
};

}  // namespace sluice

// SPDX-License-Identifier: MIT
// The keys by which this process, or a plain channel that is read here, is a member of groups at one host: adds, renews
// and checks them.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/string_hash.hpp"
#include "redis/bus/host_session.hpp"
#include "redis/bus/names.hpp"

namespace sluice::SLUICE_ABI::redis {

/// The numbers by which other processes address the groups of this one, on any host. Its executor only.
class GroupNumbers {
 public:
  std::uint64_t add(const std::string& group) {
    groups_.emplace(++last_, group);
    return last_;
  }
  void remove(std::uint64_t number) { groups_.erase(number); }
  /// Null: none.
  const std::string* find(std::uint64_t number) const {
    const auto found = groups_.find(number);
    return found == groups_.end() ? nullptr : &found->second;
  }

 private:
  std::unordered_map<std::uint64_t, std::string> groups_;
  std::uint64_t last_ = 0;
};

/// A local name under which one group of a process is a member: "g.1f" (redis-wire I-5).
std::string group_local_name(std::uint64_t number);
/// The number in such a name; 0 if it is none.
std::uint64_t group_number_of(std::string_view local_name);

/// The keys at one host. Its executor only.
class GroupKeys : public std::enable_shared_from_this<GroupKeys> {
 public:
  GroupKeys(SessionEvents& events, Node& node, std::size_t host, std::shared_ptr<GroupNumbers> numbers);

  void join(const BusSubscription& to, Link::Answer answer);
  void leave(const BusSubscription& to, Link::Answer answer);
  /// The host is lost: the layer subscribes again.
  void lost();
  /// Renews those that are due, and checks some that Redis may have lost.
  void tick();
  /// True if this list of members lacks this process, although Redis had confirmed it.
  bool lacks_us(const std::string& group, const Reply& members) const;

 private:
  using TimePoint = Executor::Clock::time_point;
  struct Entry {
    BusSubscription to;
    std::uint64_t number = 0;  // of the group
    std::uint64_t ticket = 0;  // of the last request: an answer to an earlier one is ignored
    bool confirmed = false;
    bool leaving = false;
    bool scheduled = false;  // it is in the ring
    TimePoint due = TimePoint::max();
  };

  std::string member_of(const Entry& entry) const;
  Entry* of_ticket(std::string_view key, std::uint64_t ticket);
  void ask(Entry& entry, Link::Answer answer);
  void confirmed(Entry& entry, const Reply& reply);
  void schedule(Entry& entry, TimePoint due);
  void unschedule(Entry& entry);
  void renew();
  void renew_some(std::size_t most);
  void renewed_late(std::chrono::nanoseconds late);
  void look_for_keys();
  std::vector<Entry*> next_confirmed(std::size_t most);
  std::chrono::nanoseconds renewal_time() const noexcept {
    return std::chrono::nanoseconds(context_.options().group_expiry) / 3;
  }

  SessionEvents& events_;
  RedisContext& context_;
  Node& node_;
  const std::size_t host_;
  const std::shared_ptr<GroupNumbers> numbers_;
  const CoreNames names_;
  std::unordered_map<std::string, Entry, StringHash, std::equal_to<>> entries_;
  using Place = std::pair<TimePoint, Entry*>;
  std::set<Place> ring_;  // all that Redis has confirmed, by when they are due
  Place looked_at_{};     // by next_confirmed; it may have left the ring
  std::uint64_t last_ticket_ = 0;
  std::size_t looks_due_ = 0;  // keys to check now
  unsigned ticks_ = 0;
};

}  // namespace sluice::SLUICE_ABI::redis

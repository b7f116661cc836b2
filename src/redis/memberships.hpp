// SPDX-License-Identifier: MIT
// What this process is a member of, as far as Redis knows. It decides what to tell Redis, and never talks to it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
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

namespace sluice::redis {

/// One name in one group: this process as a whole, or a plain channel that is read here.
struct Membership {
  enum class State : std::uint8_t { joining, joined, leaving };
  struct Waiter {
    Completion<Result<void>> done;
    Executor::Clock::time_point until;

    /// True: its time was up, and it has its answer.
    bool expire(Executor::Clock::time_point now) {
      if (until > now) return false;
      done.resolve(Error(ErrorCode::timed_out, "Redis has not confirmed it in time"));
      return true;
    }
  };

  std::string group;
  std::string plain_channel;  // empty: this process
  std::uint64_t number;       // of the group in this process, as others address it
  std::size_t shard;
  State state;
  std::uint64_t ticket;     // of the last thing told to Redis: an answer to an earlier one says nothing any more
  bool known = false;       // Redis was asked to make it a member, ever
  bool unanswered = false;  // Redis was told, and has not answered yet
  Executor::Clock::time_point due;  // for being told again; also while that is on its way
  bool scheduled;                   // it stands in the ring
  std::vector<Waiter> waiters;
};

/// The table. One thread at a time.
///
/// What is told to Redis goes over one connection, in order; so that nothing waits for an answer before the opposite is
/// told, and only the last word counts.
class Memberships {
 public:
  using ShardOf = std::function<std::size_t(std::string_view group, std::string_view plain_channel)>;
  explicit Memberships(ShardOf shard_of) : shard_of_(std::move(shard_of)) {}

  /// It is to be a member. The entry, if Redis is to be told so now; null if it was told.
  Membership* want(std::string_view group, std::string_view plain_channel);
  /// It is to be none.
  Membership* drop(std::string_view group, std::string_view plain_channel);

  /// It is to be told to Redis again at this time.
  void schedule(Membership& membership, Executor::Clock::time_point due);
  void unschedule(Membership& membership);
  /// The one that has been due for longest; null: none is due. It costs nothing to ask.
  Membership* first_due(Executor::Clock::time_point now) const;

  /// Redis is told again what the entry is.
  void tell_again(Membership& membership) noexcept { membership.ticket = ++last_ticket_; }

  Membership* find(std::string_view group, std::string_view plain_channel);
  const Membership* find(std::string_view group, std::string_view plain_channel) const;
  /// The group that others address by this number; null: none.
  const std::string* group_of(std::uint64_t number) const;

  /// The entry that an answer of Redis is about; null when that was not the last word.
  Membership* of_ticket(std::string_view key, std::uint64_t ticket);
  Membership* of_key(std::string_view key);
  void forget(std::string_view key);
  static std::string key_of(std::string_view group, std::string_view plain_channel);

  /// The host is lost: what it knew is told again once it is back.
  void lost(std::size_t shard);
  void for_each(const std::function<void(Membership&)>& visit);
  /// The next entries that Redis has confirmed, `most` of them at most. Repeated calls come to all of them in turn.
  std::vector<Membership*> next_joined(std::size_t most);
  std::size_t size() const noexcept { return entries_.size(); }

 private:
  const ShardOf shard_of_;
  std::unordered_map<std::string, Membership, StringHash, std::equal_to<>> entries_;
  std::unordered_map<std::uint64_t, std::string> groups_;  // by their numbers
  using Place = std::pair<Executor::Clock::time_point, Membership*>;
  std::set<Place> ring_;
  Place looked_at_{};  // by next_joined; it may have left the ring
  std::uint64_t last_number_ = 0;
  std::uint64_t last_ticket_ = 0;
};

}  // namespace sluice::redis

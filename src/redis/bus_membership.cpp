// SPDX-License-Identifier: MIT
// The bus's part that keeps Redis's memberships what the hub's groups are.
#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "redis/bus.hpp"
#include "sluice/core/log.hpp"

namespace sluice::redis {
namespace {

constexpr auto patience_with_refusals = std::chrono::seconds(5);  // a Redis that is full, say
constexpr std::size_t renewals_per_turn = 1000;

}  // namespace

void Bus::group_left(std::string_view group) {
  executor_.post([weak = weak_from_this(), group = std::string(group)] {
    const auto self = weak.lock();
    // It may have members again by now; and then those have told us before this.
    if (self && !self->ended_ && !self->hub_->index().contains(group)) self->leave_now(group, {});
  });
}

Completion<Result<void>> Bus::join(std::string_view group, std::string_view plain_channel) {
  Completion<Result<void>> done;
  executor_.post([self = shared_from_this(), done, group = std::string(group), plain = std::string(plain_channel)] {
    self->join_now(group, plain, done);
  });
  return done;
}

void Bus::leave(std::string_view group, std::string_view plain_channel) {
  executor_.post([self = shared_from_this(), group = std::string(group), plain = std::string(plain_channel)] {
    const auto joins = self->plain_joins_.find(Memberships::key_of(group, plain));
    if (joins == self->plain_joins_.end() || --joins->second > 0) return;
    self->plain_joins_.erase(joins);
    self->leave_now(group, plain);
  });
}

void Bus::leave_plain_channels() {
  executor_.post([self = shared_from_this()] {
    self->plain_joins_.clear();
    std::vector<std::pair<std::string, std::string>> left;  // leaving may forget what is visited
    self->memberships_.for_each([&](const Membership& membership) {
      if (!membership.plain_channel.empty()) left.emplace_back(membership.group, membership.plain_channel);
    });
    for (const auto& [group, plain_channel] : left) self->leave_now(group, plain_channel);
  });
}

void Bus::join_now(const std::string& group, const std::string& plain, Completion<Result<void>> done) {
  if (closing_) return done.resolve(Error(ErrorCode::channel_closed, "group_add: the layer is closed"));
  if (!plain.empty()) ++plain_joins_[Memberships::key_of(group, plain)];
  Membership* fresh = memberships_.want(group, plain);
  Membership& membership = fresh ? *fresh : *memberships_.find(group, plain);
  counters_.memberships = memberships_.size();
  if (membership.state == Membership::State::joined && !parts_.keys_can_vanish) {
    // Its first members left and others came, before Redis heard of either.
    if (plain.empty()) hub_->index().announce(group);
    return done.resolve({});
  }
  const auto until = executor_.now() + options().join_time;
  membership.waiters.push_back({std::move(done), until});
  join_deadlines_.emplace_back(until, Memberships::key_of(group, plain));
  // Redis may have lost the key since it confirmed it: a later member asks again, once for all that wait.
  const bool again = membership.state == Membership::State::joined && !membership.unanswered;
  if ((fresh || again) && shards_[membership.shard].reading) tell(membership);
}

void Bus::leave_now(const std::string& group, const std::string& plain) {
  Membership* membership = memberships_.drop(group, plain);
  if (!membership) return;
  settle(*membership, Error(ErrorCode::channel_closed, fmt::format("group_add \"{}\": all members left", group)));
  if (!membership->known) {  // so that groups that are asked for during an outage take no memory until its end
    memberships_.forget(Memberships::key_of(group, plain));
    counters_.memberships = memberships_.size();
    return;
  }
  if (shards_[membership->shard].reading) tell(*membership);
}

void Bus::subscribe_each_channel() {
  if (std::exchange(each_channel_, true)) return;
  log(LogLevel::info, "Redis layer: a pattern is refused, so each consumer's channel is a subscription of its own");
  const auto watch = [this](void (*what)(Bus&, const std::string&)) {
    return [weak = weak_from_this(), what](std::string channel) {
      const auto self = weak.lock();
      if (self) self->executor_.post([self, what, channel = std::move(channel)] { what(*self, channel); });
    };
  };
  hub_->watch_channels({.opened = watch([](Bus& bus, const std::string& channel) { bus.channel_opened(channel); }),
                        .closed = watch([](Bus& bus, const std::string& channel) { bus.leave_now({}, channel); })});
}

void Bus::channel_opened(const std::string& channel) {
  Membership* fresh = closing_ ? nullptr : memberships_.want({}, channel);
  counters_.memberships = memberships_.size();
  if (fresh && shards_[fresh->shard].reading) tell(*fresh);
}

// Says to Redis what the entry is: a member, or none.
void Bus::tell(Membership& membership) {
  BusSession& session = *shards_[membership.shard].session;
  auto answer = [this, key = Memberships::key_of(membership.group, membership.plain_channel),
                 ticket = membership.ticket](const Result<Reply>& reply) { told(key, ticket, reply); };
  memberships_.unschedule(membership);
  membership.unanswered = true;
  if (membership.state == Membership::State::leaving) {
    session.leave(membership, std::move(answer));
  } else {
    membership.known = true;
    session.join(membership, std::move(answer));
  }
}

void Bus::told(const std::string& key, std::uint64_t ticket, const Result<Reply>& reply) {
  if (!reply) return;  // the host is lost: it is told again when it is back
  Membership* membership = memberships_.of_ticket(key, ticket);
  if (!membership) return;
  membership->unanswered = false;
  const auto now = executor_.now();
  const bool leaving = membership->state == Membership::State::leaving;
  if (reply->is_error()) {
    const Error error =
        unexpected(fmt::format("{} \"{}\"", leaving ? "group_discard" : "group_add", membership->group), *reply);
    refused(leaving ? "group_discard" : "group_add", membership->group, *reply);
    memberships_.schedule(*membership, now + patience_with_refusals);
    settle(*membership, error);
  } else if (leaving) {
    memberships_.forget(key);
    counters_.memberships = memberships_.size();
  } else {
    const bool was_joined = std::exchange(membership->state, Membership::State::joined) == Membership::State::joined;
    if (membership->due < now - renewal_time()) renewed_late(now - membership->due);
    memberships_.schedule(*membership, now + renewal_time());
    if (!parts_.keys_can_vanish) {
      if (membership->plain_channel.empty()) hub_->index().announce(membership->group);
    } else if (was_joined && reply->integer == 1) {
      membership_missing(membership->shard);  // it was new to Redis again
    }
    settle(*membership, {});
  }
}

// A membership lives as long as its consumer, not as long as Redis keeps it (redis-wire I-4): it is renewed at a third
// of that time, the one first that has been due for longest. Twice as fast as needed, so that the ring gains on what
// delayed it; and as fast as it goes once half of another third has passed.
void Bus::renew(Executor::Clock::time_point now) {
  const Membership* first = memberships_.first_due(now);
  if (!first) return;
  std::size_t most = memberships_.size();
  if (now - first->due < renewal_time() / 2) {
    const auto share = std::chrono::duration<double>(EchoProof::tick_time) / renewal_time();
    most = std::max(renewals_per_turn, static_cast<std::size_t>(2 * share * static_cast<double>(most)));
  }
  renew_some(most);
}

// A turn of the executor is kept short.
void Bus::renew_some(std::size_t most) {
  const auto now = executor_.now();
  std::size_t left_in_turn = renewals_per_turn;
  while (Membership* membership = memberships_.first_due(now)) {
    if (most == 0) return;
    if (left_in_turn == 0) return post([most](Bus& bus) { bus.renew_some(most); });
    --most;
    --left_in_turn;
    memberships_.unschedule(*membership);
    if (shards_[membership->shard].reading) tell(*membership);  // else it is told when the host is back
  }
}

void Bus::renewed_late(std::chrono::nanoseconds late) {
  count(counters_.late_renewals);
  if (!said_.is_news("late", executor_.now())) return;
  log(LogLevel::warning,
      fmt::format("Redis layer: memberships are renewed late: one by {:.1f} s, and after RedisOptions::group_expiry, "
                  "{} s, they lapse; {} of them are too many for that time, or Redis or this process is too slow",
                  std::chrono::duration<double>(late).count(), options().group_expiry.count(), memberships_.size()));
}

// Those that have waited for longer than they may.
void Bus::end_joins(Executor::Clock::time_point now) {
  for (; !join_deadlines_.empty() && join_deadlines_.front().first <= now; join_deadlines_.pop_front()) {
    Membership* membership = memberships_.of_key(join_deadlines_.front().second);
    if (!membership) continue;
    std::erase_if(membership->waiters, [now](Waiter& waiter) { return waiter.expire(now); });
  }
}

void Bus::settle(Membership& membership, const Result<void>& result) {
  for (Waiter& waiter : std::exchange(membership.waiters, {})) waiter.done.resolve(result);
}

}  // namespace sluice::redis

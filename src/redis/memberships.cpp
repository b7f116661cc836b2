// SPDX-License-Identifier: MIT
#include "redis/memberships.hpp"

#include <algorithm>

namespace sluice::redis {

std::string Memberships::key_of(std::string_view group, std::string_view plain_channel) {
  return std::string(group) + '!' + std::string(plain_channel);  // which no group's name has in it
}

Membership* Memberships::want(std::string_view group, std::string_view plain_channel) {
  const auto [found, is_new] = entries_.try_emplace(key_of(group, plain_channel));
  Membership& entry = found->second;
  if (is_new) {
    entry.group = group;
    entry.plain_channel = plain_channel;
    entry.shard = shard_of_(group, plain_channel);
    entry.number = ++last_number_;
    entry.due = Executor::Clock::time_point::max();
    entry.scheduled = false;
    if (plain_channel.empty()) groups_.emplace(entry.number, group);
  } else if (entry.state != Membership::State::leaving) {
    return nullptr;
  }
  entry.state = Membership::State::joining;
  entry.ticket = ++last_ticket_;
  return &entry;
}

Membership* Memberships::drop(std::string_view group, std::string_view plain_channel) {
  Membership* entry = find(group, plain_channel);
  if (!entry || entry->state == Membership::State::leaving) return nullptr;
  entry->state = Membership::State::leaving;
  entry->ticket = ++last_ticket_;
  return entry;
}

Membership* Memberships::find(std::string_view group, std::string_view plain_channel) {
  const auto found = entries_.find(key_of(group, plain_channel));
  return found == entries_.end() ? nullptr : &found->second;
}

const Membership* Memberships::find(std::string_view group, std::string_view plain_channel) const {
  const auto found = entries_.find(key_of(group, plain_channel));
  return found == entries_.end() ? nullptr : &found->second;
}

const std::string* Memberships::group_of(std::uint64_t number) const {
  const auto found = groups_.find(number);
  return found == groups_.end() ? nullptr : &found->second;
}

void Memberships::schedule(Membership& membership, Executor::Clock::time_point due) {
  unschedule(membership);
  membership.due = due;
  membership.scheduled = true;
  ring_.emplace(due, &membership);
}

void Memberships::unschedule(Membership& membership) {
  if (std::exchange(membership.scheduled, false)) ring_.erase({membership.due, &membership});
}

Membership* Memberships::first_due(Executor::Clock::time_point now) const {
  return ring_.empty() || ring_.begin()->first > now ? nullptr : ring_.begin()->second;
}

Membership* Memberships::of_key(std::string_view key) {
  const auto found = entries_.find(key);
  return found == entries_.end() ? nullptr : &found->second;
}

Membership* Memberships::of_ticket(std::string_view key, std::uint64_t ticket) {
  Membership* entry = of_key(key);
  return entry && entry->ticket == ticket ? entry : nullptr;
}

void Memberships::forget(std::string_view key) {
  const auto found = entries_.find(key);
  if (found == entries_.end()) return;
  unschedule(found->second);
  groups_.erase(found->second.number);
  entries_.erase(found);
}

void Memberships::lost(std::size_t shard) {
  for (auto& [key, entry] : entries_) {
    if (entry.shard != shard) continue;
    entry.unanswered = false;
    unschedule(entry);
    entry.due = Executor::Clock::time_point::max();
    if (entry.state == Membership::State::joined) entry.state = Membership::State::joining;
  }
}

void Memberships::for_each(const std::function<void(Membership&)>& visit) {
  for (auto& [key, entry] : entries_) visit(entry);
}

// By the ring, in which every entry that Redis has confirmed stands, unless Redis is being asked for it now. An entry
// that is renewed moves to the end, and is met there.
std::vector<Membership*> Memberships::next_joined(std::size_t most) {
  std::vector<Membership*> some;
  auto next = ring_.upper_bound(looked_at_);
  for (std::size_t left = std::min(most, ring_.size()); left > 0; --left, ++next) {
    if (next == ring_.end()) next = ring_.begin();
    looked_at_ = *next;
    if (next->second->state == Membership::State::joined) some.push_back(next->second);
  }
  return some;
}

}  // namespace sluice::redis

// SPDX-License-Identifier: MIT
#include "layer/hub/subscription_table.hpp"

namespace sluice::SLUICE_ABI {

SubscriptionEntry* SubscriptionTable::want(const BusSubscription& to) {
  std::string key = to.key();
  auto found = entries_.find(key);
  if (found == entries_.end()) {
    const std::size_t link = link_of_(to);
    found = entries_.try_emplace(std::move(key)).first;
    found->second.to = to;
    found->second.link = link;
  } else if (found->second.state != State::leaving) {
    return nullptr;
  }
  SubscriptionEntry& entry = found->second;
  entry.state = State::joining;
  renew_ticket(entry);
  return &entry;
}

SubscriptionEntry* SubscriptionTable::drop(const BusSubscription& to) {
  SubscriptionEntry* entry = find(to.key());
  if (!entry || entry->state == State::leaving) return nullptr;
  entry->state = State::leaving;
  renew_ticket(*entry);
  return entry;
}

void SubscriptionTable::schedule(SubscriptionEntry& entry, Executor::Clock::time_point due) {
  unschedule(entry);
  due_.emplace(due, &entry);
  entry.due = due;
  entry.scheduled = true;
}

void SubscriptionTable::unschedule(SubscriptionEntry& entry) {
  if (std::exchange(entry.scheduled, false)) due_.erase({entry.due, &entry});
}

SubscriptionEntry* SubscriptionTable::first_due(Executor::Clock::time_point now) const {
  return due_.empty() || due_.begin()->first > now ? nullptr : due_.begin()->second;
}

SubscriptionEntry* SubscriptionTable::find(std::string_view key) {
  const auto found = entries_.find(key);
  return found == entries_.end() ? nullptr : &found->second;
}

SubscriptionEntry* SubscriptionTable::of_ticket(std::string_view key, std::uint64_t ticket) {
  SubscriptionEntry* entry = find(key);
  return entry && entry->ticket == ticket ? entry : nullptr;
}

void SubscriptionTable::forget(std::string_view key) {
  const auto found = entries_.find(key);
  if (found == entries_.end()) return;
  unschedule(found->second);
  entries_.erase(found);
}

void SubscriptionTable::lost(std::size_t link) {
  for (auto& [key, entry] : entries_) {
    if (entry.link != link) continue;
    entry.unanswered = false;
    unschedule(entry);
    if (entry.state == State::joined) entry.state = State::joining;
  }
}

std::vector<SubscriptionEntry*> SubscriptionTable::all() {
  std::vector<SubscriptionEntry*> entries;
  entries.reserve(entries_.size());
  for (auto& [key, entry] : entries_) entries.push_back(&entry);
  return entries;
}

std::vector<SubscriptionEntry*> SubscriptionTable::of_link(std::size_t link) {
  std::vector<SubscriptionEntry*> entries = all();
  std::erase_if(entries, [link](const SubscriptionEntry* entry) { return entry->link != link; });
  return entries;
}

}  // namespace sluice::SLUICE_ABI

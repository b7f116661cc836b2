// SPDX-License-Identifier: MIT
#include "layer/hub/bus_subscriptions.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <utility>

#include "core/failure.hpp"

namespace sluice::SLUICE_ABI {
namespace {

constexpr auto patience_with_refusals = std::chrono::seconds(5);  // for example, a broker without memory

using State = SubscriptionEntry::State;

}  // namespace

BusSubscriptions::BusSubscriptions(Bus& bus, std::shared_ptr<Hub> hub, std::string name,
                                   std::chrono::milliseconds join_time, Function<void(std::size_t link)> restored)
    : bus_(bus),
      executor_(bus.executor()),
      hub_(std::move(hub)),
      name_(std::move(name)),
      join_time_(join_time),
      restored_(std::move(restored)),
      links_(bus.links()),
      table_([&bus](const BusSubscription& to) { return bus.link_of(to.target(), to.name()); }) {}

void BusSubscriptions::add(const BusSubscription& to, Completion<Result<void>> done) {
  if (leaving_) return done.resolve(Error(ErrorCode::channel_closed, "group_add: the layer is closed"));
  const std::string key = to.key();
  if (!to.channel.empty()) ++channel_shares_[key];
  SubscriptionEntry* const fresh = table_.want(to);
  size_ = table_.size();
  SubscriptionEntry& entry = fresh ? *fresh : *table_.find(key);
  if (entry.state == State::joined && !bus_.may_forget()) {
    // Its first members left and others joined before the subscription was ended.
    if (to.channel.empty()) hub_->index().announce(to.group);
    return done.resolve({});
  }
  const auto until = executor_.now() + join_time_;
  try {
    deadlines_.emplace_back(until, key);
    entry.waiters.push_back({std::move(done), until});
  } catch (...) {
    links_[entry.link].restore_failed = true;  // the next tick asks for it, with all others of the link
    throw;
  }
  // The broker may have forgotten what it confirmed: a later member asks again, once for all that wait.
  const bool again = entry.state == State::joined && !entry.unanswered;
  if ((fresh || again) && links_[entry.link].up) ask(entry);
}

void BusSubscriptions::release(const BusSubscription& to) {
  const auto shares = channel_shares_.find(to.key());
  if (shares == channel_shares_.end() || --shares->second > 0) return;
  channel_shares_.erase(shares);
  remove(to);
}

void BusSubscriptions::release_channels() {
  channel_shares_.clear();
  std::vector<BusSubscription> left;  // collected first: remove() may erase entries
  for (const SubscriptionEntry* entry : table_.all()) {
    if (!entry->to.channel.empty()) left.push_back(entry->to);
  }
  for (const BusSubscription& to : left) remove(to);
}

void BusSubscriptions::remove(const BusSubscription& to) {
  SubscriptionEntry* const entry = table_.drop(to);
  if (!entry) return;
  try {
    settle(*entry, Error(ErrorCode::channel_closed, fmt::format("group_add \"{}\": all members left", to.group)));
  } catch (...) {
    links_[entry->link].restore_failed = true;  // as above
    throw;
  }
  // Groups that are joined and left during an outage take no memory until its end.
  if (!entry->known) return forget(to.key());
  if (links_[entry->link].up) ask(*entry);
}

void BusSubscriptions::add_consumer_channel(const std::string& channel) {
  SubscriptionEntry* const fresh = leaving_ ? nullptr : table_.want({.channel = channel});
  size_ = table_.size();
  if (fresh && links_[fresh->link].up) ask(*fresh);
}

void BusSubscriptions::link_up(std::size_t link) {
  links_[link].up = true;
  restore(link);
}

void BusSubscriptions::link_down(std::size_t link) {
  links_[link].up = links_[link].restore_failed = false;
  ++links_[link].restorations;
  table_.lost(link);
}

// After an exception the next tick does all of it again.
void BusSubscriptions::restore(std::size_t number) noexcept {
  Link& link = links_[number];
  const std::uint64_t restoration = ++link.restorations;
  link.restore_failed = true;
  link.missing = 1;
  try {
    const auto entries = table_.of_link(number);
    for (SubscriptionEntry* entry : entries) table_.renew_ticket(*entry);  // earlier answers would forget some
    for (SubscriptionEntry* entry : entries) {
      ++link.missing;
      ask(*entry, restoration);
      if (restoration != link.restorations) return;  // the link was lost meanwhile
    }
    link.restore_failed = false;
    one_restored(number, restoration);
  } catch (...) {
    link.restore_failed = true;
    log_failure("channel layer: subscriptions are restored later", std::current_exception());
  }
}

void BusSubscriptions::one_restored(std::size_t link, std::uint64_t restoration) {
  if (restoration == links_[link].restorations && --links_[link].missing == 0) restored_(link);
}

// Subscribes or unsubscribes, as the entry wants.
void BusSubscriptions::ask(SubscriptionEntry& entry, std::uint64_t restoration) {
  table_.unschedule(entry);
  auto done = [this, key = entry.to.key(), ticket = entry.ticket, link = entry.link,
               restoration](const Result<void>& result) {
    answered(key, ticket, result);
    if (restoration != 0) one_restored(link, restoration);
  };
  const std::size_t link = entry.link;
  entry.unanswered = true;
  try {
    const BusSubscription to = entry.to;  // an answer within the call may forget the entry
    if (entry.state == State::leaving) return bus_.unsubscribe(to, std::move(done));
    entry.known = true;
    bus_.subscribe(to, std::move(done));
  } catch (...) {
    links_[link].restore_failed = true;  // the next tick asks for all of this link again; setting a flag cannot fail
    throw;
  }
}

void BusSubscriptions::answered(const std::string& key, std::uint64_t ticket, const Result<void>& result) {
  SubscriptionEntry* const entry = table_.of_ticket(key, ticket);
  if (!entry) return;
  entry->unanswered = false;
  if (!result) {
    table_.schedule(*entry, executor_.now() + patience_with_refusals);
    settle(*entry, result);
  } else if (entry->state == State::leaving) {
    forget(key);
  } else {
    entry->state = State::joined;
    if (!bus_.may_forget() && entry->to.channel.empty()) hub_->index().announce(entry->to.group);
    settle(*entry, {});
  }
}

void BusSubscriptions::tick() {
  const auto now = executor_.now();
  for (; !deadlines_.empty() && deadlines_.front().first <= now; deadlines_.pop_front()) {
    SubscriptionEntry* const entry = table_.find(deadlines_.front().second);
    if (!entry) continue;
    auto& waiters = entry->waiters;  // in the order of their deadlines: the first that is due takes all that are
    const auto due = [now](const SubscriptionEntry::Waiter& waiter) { return waiter.until <= now; };
    const auto rest = std::ranges::find_if_not(waiters, due);
    for (auto waiter = waiters.begin(); waiter != rest; ++waiter) {
      waiter->done.resolve(Error(ErrorCode::timed_out, name_ + " has not confirmed it in time"));
    }
    waiters.erase(waiters.begin(), rest);
  }
  for (std::size_t number = 0; number < links_.size(); ++number) {
    if (links_[number].up && links_[number].restore_failed) restore(number);
  }
  while (SubscriptionEntry* const entry = table_.first_due(now)) {
    table_.unschedule(*entry);
    if (links_[entry->link].up) ask(*entry);  // otherwise it is subscribed when the link is back
  }
}

void BusSubscriptions::leave_all() {
  leaving_ = true;
  for (SubscriptionEntry* entry : table_.all()) {
    if (entry->state == State::leaving) continue;
    settle(*entry, Error(ErrorCode::channel_closed, "the layer is closed"));
    entry->state = State::leaving;
    table_.renew_ticket(*entry);
    if (links_[entry->link].up) ask(*entry);
  }
}

void BusSubscriptions::end(const Error& error) {
  leaving_ = true;
  for (Link& link : links_) link = Link{};
  for (SubscriptionEntry* entry : table_.all()) settle(*entry, error);
}

void BusSubscriptions::settle(SubscriptionEntry& entry, const Result<void>& result) {
  for (SubscriptionEntry::Waiter& waiter : std::exchange(entry.waiters, {})) waiter.done.resolve(result);
}

void BusSubscriptions::forget(std::string_view key) {
  table_.forget(key);
  size_ = table_.size();
}

}  // namespace sluice::SLUICE_ABI

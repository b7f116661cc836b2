// SPDX-License-Identifier: MIT
#include "sluice/consumer/host.hpp"

#include <algorithm>
#include <iterator>
#include <stdexcept>
#include <string>
#include <utility>

#include "consumer/host_state.hpp"
#include "consumer/live_sessions.hpp"
#include "consumer/session.hpp"

namespace sluice::SLUICE_ABI {
namespace {

std::shared_ptr<HostState> make_state(std::shared_ptr<Application> application, ChannelLayer* layer,
                                      HostOptions options) {
  if (!application) throw std::invalid_argument("Host: it needs an application");
  if (const std::string fault = fault_of(options.limits); !fault.empty()) {
    throw std::invalid_argument("Host: " + fault);
  }
  return std::make_shared<HostState>(std::move(application), layer, std::move(options));
}

}  // namespace

void HostState::drop(MailDrop cause, std::uint64_t times) noexcept {
  if (times == 0) return;
  switch (cause) {
    case MailDrop::mailbox_full: count(counters.mailbox_overflows, times); break;
    case MailDrop::after_close: count(counters.dropped_at_close, times); break;
    case MailDrop::sent_after_close: count(counters.sends_after_close, times); break;
    case MailDrop::no_memory: count(counters.missed_events, times); break;
    case MailDrop::slow_newest: count(counters.dropped_newest, times); break;
    case MailDrop::slow_oldest: count(counters.dropped_oldest, times); break;
    case MailDrop::slow_superseded: count(counters.superseded, times); break;
  }
  if (observers) observers.each([=](HostObserver& observer) { observer.mail_dropped(cause, times); });
}

void HostState::lives_at(LiveSessions& home) {
  std::lock_guard lock(mutex_);
  const auto known = std::ranges::find(homes_, &home, &Home::sessions);
  if (known == homes_.end()) {
    homes_.push_back({&home, home.weak_from_this()});
    return;
  }
  known->ended = false;
  if (known->lives.expired()) known->lives = home.weak_from_this();  // another executor has the same address now
}

// Another server may still have connections there, and reports their end later.
void HostState::executor_ended(const Executor& executor) noexcept {
  std::shared_ptr<LiveSessions> left;
  {
    std::lock_guard lock(mutex_);
    for (Home& home : homes_) {
      const auto alive = home.lives.lock();
      if (!alive || &alive->executor() != &executor) continue;
      home.ended = true;
      left = alive;
    }
  }
  if (left) left->abandon(*this, LiveSessions::Which::closed);
}

void HostState::end() noexcept {
  for (const Home& home : std::exchange(homes_, {})) {
    const auto alive = home.lives.lock();
    if (alive && home.ended) alive->abandon(*this, LiveSessions::Which::all);
  }
}

Host::Host(std::shared_ptr<Application> application, HostOptions options)
    : state_(make_state(std::move(application), nullptr, std::move(options))) {}

Host::Host(std::shared_ptr<Application> application, ChannelLayer& layer, HostOptions options)
    : layer_use_(layer.use_count(), "a Host"), state_(make_state(std::move(application), &layer, std::move(options))) {}

Host::~Host() {
  use_count().end();
  state_->end();
}

void Host::executor_ended(Executor& executor) noexcept { state_->executor_ended(executor); }

const ConsumerLimits& Host::consumer_limits() const noexcept { return state_->options.limits; }

std::shared_ptr<ConnectionEvents> Host::open(Scope scope, std::shared_ptr<Connection> connection, Executor& executor) {
  auto& home = executor.local<LiveSessions>();
  state_->lives_at(home);
  auto session = std::make_shared<Session>(state_, std::move(scope), std::move(connection), home);
  home.add(session);
  try {
    executor.post([session] { session->begin(); });
  } catch (...) {
    session->abandon();
    home.remove(*session);
    throw;
  }
  return session;
}

std::vector<Problem> Host::problems() const {
  const ConsumerLimits& limits = state_->options.limits;
  const HostStats now = stats();
  auto problems = near_limit("host", "ConsumerLimits::server_held_bytes", now.held_bytes, limits.server_held_bytes);
  std::ranges::move(
      near_limit("host", "ConsumerLimits::server_queued_bytes", now.backlog_bytes, limits.server_queued_bytes),
      std::back_inserter(problems));
  return problems;
}

HostStats Host::stats() const {
  const HostState::Counters& counters = state_->counters;
  const auto read = [](const std::atomic<std::uint64_t>& counter) { return counter.load(std::memory_order_relaxed); };
  HostStats stats;
  stats.connections = read(counters.connections);
  stats.opened = read(counters.opened);
  stats.accepted = read(counters.accepted);
  stats.denied = read(counters.denied);
  stats.no_route = read(counters.no_route);
  stats.failed_handlers = read(counters.failed_handlers);
  stats.unknown_events = read(counters.unknown_events);
  stats.undecodable_events = read(counters.undecodable_events);
  stats.full_mailboxes = read(counters.full_mailboxes);
  stats.limits_met = read(counters.limits_met);
  stats.mailbox_overflows = read(counters.mailbox_overflows);
  stats.sends_after_close = read(counters.sends_after_close);
  stats.dropped_at_close = read(counters.dropped_at_close);
  stats.destroyed_handlers = read(counters.destroyed_handlers);
  stats.shed_consumers = read(counters.shed_consumers);
  stats.missed_events = read(counters.missed_events);
  stats.held_bytes = state_->held.bytes();
  stats.slow_clients = read(counters.slow_clients);
  stats.dropped_newest = read(counters.dropped_newest);
  stats.dropped_oldest = read(counters.dropped_oldest);
  stats.superseded = read(counters.superseded);
  stats.gaps_told = read(counters.gaps_told);
  stats.backlog_bytes = state_->backlogs.bytes.load(std::memory_order_relaxed);
  return stats;
}

}  // namespace sluice::SLUICE_ABI

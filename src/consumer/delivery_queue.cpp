// SPDX-License-Identifier: MIT
#include "consumer/delivery_queue.hpp"

#include <algorithm>
#include <functional>
#include <map>
#include <string>
#include <utility>

namespace sluice::SLUICE_ABI {
namespace {

// Above this many queued bytes a client is slow, well before it is closed.
std::size_t slow_mark(const ConsumerLimits& limits) noexcept {
  return std::min(limits.slow_bytes, limits.queued_bytes / 2);
}

template <class Value>
using ByGroup = std::map<std::string, Value, std::less<>>;

template <class Value>
void erase_group(ByGroup<Value>& from, std::string_view group) {
  if (const auto found = from.find(group); found != from.end()) from.erase(found);
}

}  // namespace

struct DeliveryQueue::State {
  WhenSlow default_policy = WhenSlow::close;
  ByGroup<WhenSlow> policies;
  std::unique_ptr<Backlog> backlog;  // null: the client keeps up
  ByGroup<std::uint64_t> missed;     // messages that did not fit into the mailbox
  bool gap_announced = false;        // the session was asked to run on_gap
  bool in_gap = false;               // on_gap runs
};

DeliveryQueue::DeliveryQueue(std::shared_ptr<Connection> connection) noexcept : connection_(std::move(connection)) {}
DeliveryQueue::~DeliveryQueue() = default;

void DeliveryQueue::release() noexcept {
  state_.reset();
  connection_.reset();
}

DeliveryQueue::State& DeliveryQueue::state() {
  if (!state_) state_ = std::make_unique<State>();
  return *state_;
}

// ---------------------------------------------------------------- policies

void DeliveryQueue::set_default_policy(WhenSlow when_slow) {
  if (when_slow != WhenSlow::close || state_) state().default_policy = when_slow;
}

void DeliveryQueue::set_policy(std::string_view group, WhenSlow when_slow) {
  state().policies.insert_or_assign(std::string(group), when_slow);
}

// Messages to a consumer itself, without a group, are not dropped.
WhenSlow DeliveryQueue::chosen_policy(std::string_view group) const {
  if (group.empty()) return WhenSlow::close;
  const auto found = state_->policies.find(group);
  return found == state_->policies.end() ? state_->default_policy : found->second;
}

std::size_t DeliveryQueue::leave(std::string_view group) {
  if (!state_) return 0;
  erase_group(state_->policies, group);
  erase_group(state_->missed, group);
  return state_->backlog ? state_->backlog->leave(group) : 0;
}

// ---------------------------------------------------------------- messages

bool DeliveryQueue::client_is_slow(const ConsumerLimits& limits) const noexcept {
  return state_->backlog || connection_->queued_bytes() > slow_mark(limits);
}

void DeliveryQueue::send_and_renew_credit(const Frame& frame, const ConsumerLimits& limits) {
  connection_->send(frame);
  if (state_->backlog) return;
  const std::size_t mark = slow_mark(limits);
  credit_ =
      static_cast<std::uint32_t>(std::min<std::size_t>(mark - std::min(mark, connection_->queued_bytes()), UINT32_MAX));
}

DeliveryQueue::Next DeliveryQueue::send(const Frame& frame, std::string_view group, WhenSlow when_slow,
                                        std::string_view key, const Context& context) {
  const ConsumerLimits& limits = context.host.options.limits;
  const bool at_the_gap = state_->in_gap && group.empty();
  if (at_the_gap || !client_is_slow(limits)) {
    send_and_renew_credit(frame, limits);
    return Next::nothing;
  }
  if (!state_->backlog && when_slow == WhenSlow::close) {
    connection_->send(frame);
    return Next::nothing;
  }
  const std::size_t elsewhere = connection_->queued_bytes() + context.mail_bytes;
  if (when_slow == WhenSlow::close) {
    return state_->backlog->keep(frame, group, elsewhere) ? Next::nothing : Next::close_slow_client;
  }
  const Backlog::Losses losses = backlog(context).put(frame, group, when_slow, key, elsewhere);
  context.host.drop(when_slow == WhenSlow::drop_newest ? MailDrop::slow_newest : MailDrop::slow_oldest, losses.dropped);
  context.host.drop(MailDrop::slow_superseded, losses.superseded);
  return Next::nothing;
}

DeliveryQueue::Next DeliveryQueue::deliver(const DeliveryRun& run, const Context& context) {
  const ConsumerLimits& limits = context.host.options.limits;
  if (!client_is_slow(limits)) {
    send_and_renew_credit(run.joined, limits);
    return Next::nothing;
  }
  const WhenSlow when_slow = policy_of(run.group);
  if (when_slow == WhenSlow::close) return send(run.joined, run.group, when_slow, {}, context);
  for (const Delivery& delivery : run.deliveries) {
    if (const Next next = send(delivery.frame, run.group, when_slow, delivery.key, context); next != Next::nothing) {
      return next;
    }
  }
  return Next::nothing;
}

DeliveryQueue::Admission DeliveryQueue::admit(std::size_t bytes, WhenSlow when_slow, std::size_t mail_bytes,
                                              const ConsumerLimits& limits) const noexcept {
  const std::size_t backlog_bytes = behind() ? state_->backlog->bytes() : 0;
  const bool fits = mail_bytes + connection_->queued_bytes() + backlog_bytes + bytes <= limits.queued_bytes;
  if (when_slow != WhenSlow::close && (!fits || has_missed())) return Admission::miss;
  return fits ? Admission::wait : Admission::close_slow_client;
}

bool DeliveryQueue::has_missed() const noexcept { return state_ && !state_->missed.empty(); }

void DeliveryQueue::miss(const DeliveryRun& run, HostState& host) {
  state().missed[std::string(run.group)] += run.deliveries.size();
  host.drop(MailDrop::slow_newest, run.deliveries.size());
}

void DeliveryQueue::take_missed(bool discard, const Context& context) {
  if (!state_) return;
  for (const auto& [group, messages] : std::exchange(state_->missed, {})) {
    if (!discard && context.in_group(group)) backlog(context).miss(group, messages);
  }
}

// ---------------------------------------------------------------- a client that is behind

bool DeliveryQueue::behind() const noexcept { return state_ && state_->backlog; }

Backlog& DeliveryQueue::backlog(const Context& context) {
  if (!state_->backlog) {
    credit_ = 0;
    const ConsumerLimits& limits = context.host.options.limits;
    state_->backlog = std::make_unique<Backlog>(
        context.frames, context.host.backlogs,
        Backlog::Bounds{.all = limits.queued_bytes,
                        .droppable_bytes = std::min(limits.backlog_bytes, limits.queued_bytes / 2),
                        .droppable_messages = limits.backlog_messages});
    count(context.host.counters.slow_clients);
    connection_->tell_when_drained();
  }
  return *state_->backlog;
}

DeliveryQueue::Next DeliveryQueue::catch_up(const Context& context) {
  if (!behind()) return Next::nothing;
  Backlog& backlog = *state_->backlog;
  for (std::size_t sent = 0; !backlog.empty();) {
    if (backlog.gap_is_next()) return std::exchange(state_->gap_announced, true) ? Next::nothing : Next::notify_gap;
    if (sent > slow_mark(context.host.options.limits)) {
      connection_->tell_when_drained();
      return Next::nothing;
    }
    const Backlog::Waiting next = backlog.take_message();
    sent += next.frame.size();
    send_waiting(next, context);
  }
  state_->backlog.reset();
  return Next::nothing;
}

void DeliveryQueue::send_waiting(const Backlog::Waiting& waiting, const Context& context) {
  if (context.in_group(waiting.group)) {
    connection_->send(waiting.frame);
  } else {
    context.host.drop(MailDrop::after_close);
  }
}

std::optional<Gap> DeliveryQueue::begin_gap() {
  if (!state_) return std::nullopt;
  state_->gap_announced = false;
  if (!state_->backlog || !state_->backlog->gap_is_next()) return std::nullopt;
  state_->in_gap = true;
  return state_->backlog->take_gap();
}

bool DeliveryQueue::state_in_gap() const noexcept { return state_->in_gap; }

DeliveryQueue::Next DeliveryQueue::end_gap(const Context& context) {
  state_->in_gap = false;
  return catch_up(context);
}

void DeliveryQueue::flush(const Context& context) {
  if (!behind()) return;
  Backlog& backlog = *state_->backlog;
  while (!backlog.empty()) {
    if (backlog.gap_is_next()) {
      backlog.take_gap();
    } else {
      send_waiting(backlog.take_message(), context);
    }
  }
  state_->backlog.reset();
}

void DeliveryQueue::drop_waiting() noexcept {
  if (state_) state_->backlog.reset();
}

void DeliveryQueue::reset() noexcept { state_.reset(); }

}  // namespace sluice::SLUICE_ABI

// SPDX-License-Identifier: MIT
// A client that is slow: what waits for it, what is dropped, and how it is told.
//
// A session whose groups may drop sends so many bytes on credit; then it looks at the connection's queue. While a
// backlog stands there is no credit, so that everything comes by here and waits in its order.
#include <algorithm>
#include <utility>

#include "consumer/session.hpp"

namespace sluice {
namespace {

// Where a client begins to be slow, well before it is closed.
std::size_t slow_mark(const Limits& limits) noexcept { return std::min(limits.slow_bytes, limits.queued_bytes / 2); }

}  // namespace

Pressure& Session::pressure() {
  if (!pressure_) pressure_ = std::make_unique<Pressure>();
  return *pressure_;
}

bool Session::client_is_slow() const noexcept {
  return pressure_->backlog || connection_->queued_bytes() > slow_mark(limits());
}

void Session::send_now(const Frame& frame) {
  connection_->send(frame);
  if (pressure_->backlog) return;
  const std::size_t mark = slow_mark(limits());
  credit_ =
      static_cast<std::uint32_t>(std::min<std::size_t>(mark - std::min(mark, connection_->queued_bytes()), UINT32_MAX));
}

void Session::send_without_credit(const Frame& frame, std::string_view group, WhenSlow when_slow,
                                  std::string_view key) {
  const bool at_the_gap = pressure_->telling && group.empty();
  if (at_the_gap || !client_is_slow()) return send_now(frame);
  if (!pressure_->backlog && when_slow == WhenSlow::close) return connection_->send(frame);
  const std::size_t elsewhere = connection_->queued_bytes() + mailbox_.layer_bytes();
  if (when_slow == WhenSlow::close) {
    if (!pressure_->backlog->keep(frame, group, elsewhere)) overflow("messages wait for a slow client");
    return;
  }
  const Backlog::Losses losses = backlog().put(frame, group, when_slow, key, elsewhere);
  HostState::Counters& counters = host_->counters;
  count(when_slow == WhenSlow::drop_newest ? counters.dropped_newest : counters.dropped_oldest, losses.dropped);
  count(counters.superseded, losses.superseded);
}

void Session::deliver_without_credit(const DeliveryRun& run) {
  if (!client_is_slow()) return send_now(run.joined);
  const WhenSlow when_slow = pressure_->of(run.group);
  if (when_slow == WhenSlow::close) return send_without_credit(run.joined, run.group, when_slow, {});
  for (const Delivery& delivery : run.deliveries) {
    send_without_credit(delivery.frame, run.group, when_slow, delivery.key);
  }
}

// Not even the mailbox of a busy consumer has a place for it. The gap is behind what the mailbox holds.
void Session::miss(const DeliveryRun& run) {
  if (pressure_->missed.empty()) put_layer(Mail(Missed()));
  pressure_->missed[std::string(run.group)] += run.deliveries.size();
  count(host_->counters.dropped_newest, run.deliveries.size());
}

void Session::take_missed() {
  for (const auto& [group, messages] : std::exchange(pressure_->missed, {})) {
    if (connected() && hears(group)) backlog().miss(group, messages);
  }
}

Backlog& Session::backlog() {
  if (!pressure_->backlog) {
    credit_ = 0;
    const Limits& bounds = limits();
    pressure_->backlog = std::make_unique<Backlog>(
        home_.frames(), host_->backlogs,
        Backlog::Bounds{.all = bounds.queued_bytes,
                        .droppable_bytes = std::min(bounds.backlog_bytes, bounds.queued_bytes / 2),
                        .droppable_messages = bounds.backlog_messages});
    count(host_->counters.slow_clients);
    connection_->tell_when_drained();
  }
  return *pressure_->backlog;
}

void Session::on_drained() {
  if (!closing_ && !closed_ && pressure_ && pressure_->backlog) catch_up();
}

// Sends what waits, so much at a time that the connection's queue stays short. A gap is told first, by the consumer in
// its turn; what waits behind it waits for that.
void Session::catch_up() {
  Backlog& backlog = *pressure_->backlog;
  for (std::size_t sent = 0; !backlog.empty();) {
    if (backlog.gap_is_next()) {
      if (!std::exchange(pressure_->gap_in_mailbox, true)) put_layer(Mail(GapIsNext()));
      return pump_soon();
    }
    if (sent > slow_mark(limits())) return connection_->tell_when_drained();
    const Backlog::Waiting next = backlog.take_message();
    sent += next.frame.size();
    send_from_backlog(next);
  }
  pressure_->backlog.reset();
}

void Session::send_from_backlog(const Backlog::Waiting& waiting) {
  if (hears(waiting.group)) {
    connection_->send(waiting.frame);
  } else {
    count(host_->counters.dropped_at_close);
  }
}

// What was sent before a close goes before it.
void Session::send_backlog() {
  if (!pressure_ || !pressure_->backlog) return;
  Backlog& backlog = *pressure_->backlog;
  while (!backlog.empty()) {
    if (backlog.gap_is_next()) {
      backlog.take_gap();
    } else {
      send_from_backlog(backlog.take_message());
    }
  }
  pressure_->backlog.reset();
}

}  // namespace sluice

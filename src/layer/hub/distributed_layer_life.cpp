// SPDX-License-Identifier: MIT
// The state of the bus's links: up, down, up again, and closed.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "core/failure.hpp"
#include "layer/hub/distributed_layer.hpp"
#include "sluice/core/log.hpp"
#include "sluice/layer/layer_notices.hpp"

namespace sluice::SLUICE_ABI {
namespace {

constexpr auto tick_time = std::chrono::milliseconds(250);
constexpr auto quiet_time = std::chrono::seconds(2);  // after events may have been missed

}  // namespace

void DistributedLayer::up(std::size_t link) {
  if (!ended_) subscriptions_->link_up(link);
}

void DistributedLayer::restored(std::size_t link) {
  links_[link].up = true;
  notify();
  publish_waiting(link);
}

void DistributedLayer::down(std::size_t number, const Error& reason) {
  if (ended_) return;
  Link& link = links_[number];
  link.up = false;
  subscriptions_->link_down(number);
  hub_->index().unannounce_all();
  went_down(reason.context());  // first: what follows may find no memory
  link.waiting.rewind();
  last_reason_ = reason.message();
  outage_.update(last_reason_);
}

void DistributedLayer::missed(const Error& reason) {
  if (ended_) return;
  settled_at_ = executor_.now() + quiet_time;
  if (counters_.up) {
    said_.write(LogLevel::warning, reason.context(),
                [&] { return fmt::format("{} layer: down: {}", options_.name, reason.context()); });
  }
  went_down(reason.context());
}

void DistributedLayer::went_down(const std::string& reason) {
  if (!counters_.up.exchange(false)) return;
  counters_.downs.fetch_add(1, std::memory_order_relaxed);
  down_notice_due_ = true;
  notify();  // first: what follows may find no memory
  outage_.begin(reason);
  hub_->reports()->down(reason);
}

// Sends consumers the notices that they did not receive yet. If that throws, the next tick does it again, for all of
// them.
void DistributedLayer::notify() noexcept {
  try {
    if (down_notice_due_) {
      hub_->deliver_to_all(Event::of(LayerDown{}));
      down_notice_due_ = false;
      down_notified_ = true;
    }
    const bool all_up = std::ranges::all_of(links_, &Link::up);
    if (counters_.up || ended_ || !all_up || executor_.now() < settled_at_) return;
    if (down_notified_) hub_->deliver_to_all(Event::of(LayerUp{}));
    down_notified_ = false;
    counters_.up = true;
    outage_.end();
    hub_->reports()->up();
    for (Waiter& waiter : std::exchange(waiting_for_up_, {})) waiter.done.resolve({});
  } catch (...) {
    log_failure("channel layer: consumers are notified of the bus later", std::current_exception());
  }
}

Completion<Result<void>> DistributedLayer::wait_until_up() {
  Completion<Result<void>> done;
  post([done](DistributedLayer& self) {
    if (self.ended_) return done.resolve(Error(ErrorCode::layer_unavailable, "the layer is closed"));
    if (self.counters_.up) return done.resolve({});
    self.waiting_for_up_.push_back({done, self.executor_.now() + self.options_.join_time});
  });
  return done;
}

// The next tick comes even if this one throws.
void DistributedLayer::tick() {
  if (ended_) return;
  executor_.post_after(tick_time, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->tick();
  });
  pauses_->look_later();
  const auto now = executor_.now();
  std::erase_if(waiting_for_up_, [&](Waiter& waiter) {
    if (waiter.until > now) return false;
    waiter.done.resolve(Error(ErrorCode::timed_out, options_.name + " has not confirmed it in time" +
                                                        (last_reason_.empty() ? "" : "; last, " + last_reason_)));
    return true;
  });
  subscriptions_->tick();
  for (std::size_t number = 0; number < links_.size(); ++number) {
    if (!links_[number].up) drop_expired(links_[number]);  // their memory is free now, not when the link is back
    publish_waiting(number);
  }
  notify();
  leave_when_drained();
}

// ---------------------------------------------------------------- the end

void DistributedLayer::close(Ended ended) {
  closed_ = true;
  on_the_way_->room.end();
  post([ended = std::move(ended)](DistributedLayer& self) mutable { self.begin_to_close(std::move(ended)); });
}

void DistributedLayer::begin_to_close(Ended ended) {
  if (ended_) {
    if (ended) ended(on_the_way_->undelivered.load());
    return;
  }
  closing_for_.push_back(std::move(ended));
  if (std::exchange(closing_, true)) return;
  undelivered_before_closing_ = on_the_way_->undelivered.load();
  executor_.post_after(options_.close_time, [self = shared_from_this()] { self->end(); });
  leave_when_drained();
}

// The bus may hold messages while it calls, so it is destroyed in a later job. Until then the timer of begin_to_close()
// keeps the layer, and end() does.
void DistributedLayer::leave_when_drained() {
  if (!closing_ || ended_ || on_the_way_->room.events() > 0 || std::exchange(leaving_, true)) return;
  subscriptions_->leave_all();
  bus_->close([weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->post([](DistributedLayer& layer) { layer.end(); });
  });
}

void DistributedLayer::end() {
  if (std::exchange(ended_, true)) return;
  if (counters_.up.exchange(false)) {
    outage_.begin("the layer is closed");
    hub_->reports()->down("the layer is closed");
  }
  pauses_->end();
  for (Link& link : links_) link.up = false;
  try {
    // Behind the bus's own jobs, which still call this layer.
    executor_.post([self = shared_from_this(), bus = std::move(bus_)]() mutable { bus.reset(); });
  } catch (...) {  // the executor has ended, and those jobs with it
  }
  try {
    const Error closed(ErrorCode::layer_unavailable, "the layer is closed");
    subscriptions_->end(closed);
    for (Link& link : links_) link.waiting.end(closed);
    for (Waiter& waiter : std::exchange(waiting_for_up_, {})) waiter.done.resolve(closed);
  } catch (...) {  // those who wait receive BrokenPromise with this layer; close() must be answered all the same
    log_failure("channel layer: closed without memory", std::current_exception());
  }
  // What a thread has handed over and this executor has not seen fails when it is seen.
  const std::size_t undelivered = on_the_way_->undelivered.load() + on_the_way_->room.events();
  if (undelivered > undelivered_before_closing_) {
    said_.write(LogLevel::warning, "closed", [&] {
      return fmt::format(
          "{0} layer: closed, and {1} events that had been accepted were not delivered: {0} was down or refused them, "
          "or their channels were full ({2}::close_time is {3} ms)",
          options_.name, undelivered - undelivered_before_closing_, options_.options_name, options_.close_time.count());
    });
  }
  for (Ended& ended : std::exchange(closing_for_, {})) {
    if (ended) ended(undelivered);
  }
}

}  // namespace sluice::SLUICE_ABI

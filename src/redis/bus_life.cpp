// SPDX-License-Identifier: MIT
// The bus's part that follows its hosts: up, down and up again, and left for good.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "redis/bus.hpp"
#include "sluice/core/log.hpp"
#include "sluice/layer/layer_notices.hpp"

namespace sluice::redis {
namespace {

constexpr auto tick_time = EchoProof::tick_time;
constexpr auto quiet_time = std::chrono::seconds(2);  // after slots of a cluster have moved

}  // namespace

void Bus::connected(std::size_t number) {
  shards_[number].session->begin([this, number] {
    shards_[number].connected = true;
    prove(number);
  });
}

void Bus::restore(std::size_t number) {
  Shard& shard = shards_[number];
  shard.reading = true;
  memberships_.for_each([&](Membership& membership) {
    if (membership.shard != number) return;
    memberships_.tell_again(membership);
    tell(membership);
  });
  shard.session->mark([this, number](const Result<Reply>& reply) {
    if (reply) is_up(number);
  });
}

void Bus::is_up(std::size_t number) {
  Shard& shard = shards_[number];
  shard.up = true;
  shard.node->settled();
  if (parts_.shard_changed && !std::exchange(shard.workers_told, true)) parts_.shard_changed(number, true);
  tell_up();
  pump(number);
}

void Bus::tell_up() {
  if (counters_.up || ended_ || !all_up() || executor_.now() < settled_at_) return;
  if (down_told_) hub_->deliver_to_all(Event::of(LayerUp{}));  // where it throws, the next tick sends it to all again
  down_told_ = false;
  counters_.up = true;
  for (Waiter& waiter : std::exchange(waiting_for_up_, {})) waiter.done.resolve({});
}

void Bus::unsettled(std::size_t number, const Error& error) {
  settled_at_ = executor_.now() + quiet_time;
  if (counters_.up) stumbled(number, error);
}

// The node logs why.
void Bus::lost(std::size_t number) {
  Shard& shard = shards_[number];
  shard.connected = shard.reading = shard.up = shard.forgetful = shard.workers_told = false;
  shard.proof.reset();
  shard.session->lost();
  if (parts_.shard_changed) parts_.shard_changed(number, false);
  memberships_.lost(number);
  hub_->index().unannounce_all();
  shard.outbox.rewind();
  if (counters_.up && !ended_) went_down();
}

// The connection is well, so its node logs nothing.
void Bus::stumbled(std::size_t number, const Error& error) {
  const std::string reason = fmt::format("down: {}: {}", shards_[number].node->name(), error.message());
  if (said_.is_news(reason, executor_.now())) log(LogLevel::warning, fmt::format("Redis layer: {}", reason));
  went_down();
}

void Bus::went_down() {
  counters_.up = false;
  count(counters_.downs);
  down_told_ = true;
  hub_->deliver_to_all(Event::of(LayerDown{}));
}

bool Bus::all_up() const noexcept { return std::ranges::all_of(shards_, &Shard::up); }

Completion<Result<void>> Bus::wait_until_up() {
  Completion<Result<void>> done;
  post([done](Bus& bus) {
    if (bus.ended_) return done.resolve(Error(ErrorCode::layer_unavailable, "the layer is closed"));
    if (bus.counters_.up) return done.resolve({});
    bus.waiting_for_up_.push_back({done, bus.executor_.now() + bus.options().join_time});
  });
  return done;
}

// The next tick comes whatever becomes of this one.
void Bus::tick() {
  if (ended_) return;
  executor_.post_after(tick_time, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->tick();
  });
  look_for_room_later();
  for (Shard& shard : shards_) shard.node->try_again_if_due();
  const auto now = executor_.now();
  std::erase_if(waiting_for_up_, [now](Waiter& waiter) { return waiter.expire(now); });
  end_joins(now);
  renew(now);
  for (std::size_t number = 0; number < shards_.size(); ++number) {
    Shard& shard = shards_[number];
    if (!shard.up) shard.outbox.drop_expired(now, counters_);  // it takes no memory any more
    look_after(number);
  }
  look_at_memberships();
  tell_up();
  leave_when_drained();
}

void Bus::close(Ended ended) {
  closed_ = true;
  road_->room.end();
  post([ended = std::move(ended)](Bus& bus) mutable { bus.begin_to_close(std::move(ended)); });
}

void Bus::begin_to_close(Ended ended) {
  if (ended_) {
    if (ended) ended(road_->undelivered.load());
    return;
  }
  closing_for_.push_back(std::move(ended));
  if (std::exchange(closing_, true)) return;
  undelivered_before_closing_ = road_->undelivered.load();
  executor_.post_after(options().close_time, [self = shared_from_this()] { self->end(); });
  leave_when_drained();
}

void Bus::leave_when_drained() {
  if (!closing_ || ended_ || road_->room.events() > 0 || std::exchange(leaving_, true)) return;
  say_goodbye();
}

// Once for all hosts: memberships are left, then the last word is said; when that is answered all ends.
void Bus::say_goodbye() {
  memberships_.for_each([this](Membership& membership) {
    if (membership.state == Membership::State::leaving) return;
    settle(membership, Error(ErrorCode::channel_closed, "the layer is closed"));
    membership.state = Membership::State::leaving;
    memberships_.tell_again(membership);
    if (shards_[membership.shard].reading) tell(membership);
  });
  const auto missing = std::make_shared<std::size_t>(1);
  // Weak: a link keeps this until it is answered, the bus keeps the link, and an executor may end before the answer.
  // The timer of begin_to_close() keeps the bus.
  const auto one_done = [weak = weak_from_this(), missing] {
    if (const auto self = weak.lock(); self && --*missing == 0) self->end();
  };
  for (Shard& shard : shards_) {
    if (!shard.reading) continue;
    ++*missing;
    shard.session->say_goodbye([one_done](const Result<Reply>&) { one_done(); });
  }
  one_done();
}

void Bus::end() {
  if (std::exchange(ended_, true)) return;
  counters_.up = false;
  wait_for_hub_.clear();
  const Error closed(ErrorCode::layer_unavailable, "the layer is closed");
  for (Shard& shard : shards_) {
    shard.connected = shard.reading = shard.up = false;
    shard.session->lost();
    if (parts_.shard_changed) parts_.shard_changed(static_cast<std::size_t>(&shard - shards_.data()), false);
    shard.node->stop("the layer is closed");
    shard.outbox.end(closed);
  }
  for (Waiter& waiter : std::exchange(waiting_for_up_, {})) waiter.done.resolve(closed);
  // What a thread has handed over and this executor has not seen fails when it is seen.
  const std::size_t undelivered = road_->undelivered.load() + road_->room.events();
  if (undelivered > undelivered_before_closing_) {
    log(LogLevel::warning,
        fmt::format("Redis layer: closed, and {} events that had been accepted were not delivered: Redis was away or "
                    "refused them, or their channels were full (RedisOptions::close_time is {} ms)",
                    undelivered - undelivered_before_closing_, options().close_time.count()));
  }
  for (Ended& ended : std::exchange(closing_for_, {})) {
    if (ended) ended(undelivered);
  }
}

}  // namespace sluice::redis

// SPDX-License-Identifier: MIT
#include "redis/bus.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "redis/shard_of.hpp"
#include "sluice/core/log.hpp"
#include "sluice/layer/layer_notices.hpp"

namespace sluice::redis {
namespace {

constexpr auto tick_time = std::chrono::milliseconds(250);
constexpr std::size_t renewals_per_tick = 1000;
constexpr auto goodbye_time = std::chrono::seconds(2);
constexpr std::chrono::seconds longest_time = std::chrono::years(100);  // the clock's nanoseconds end after 292

Error closed() { return Error(ErrorCode::layer_unavailable, "the layer is closed"); }

const RedisOptions& checked(const RedisOptions& options) {
  using std::chrono::seconds;
  if (options.hosts.empty()) throw std::invalid_argument("Redis layer: no hosts");
  if (options.expiry < seconds(1))
    throw std::invalid_argument("Redis layer: an expiry below one second drops everything");
  if (options.group_expiry < seconds(1)) throw std::invalid_argument("Redis layer: a group_expiry below one second");
  if (options.answer_time.count() < 4) throw std::invalid_argument("Redis layer: an answer_time below 4 ms");
  if (options.reconnect_min.count() < 1 || options.reconnect_max < options.reconnect_min) {
    throw std::invalid_argument("Redis layer: reconnect_min is at least 1 ms, reconnect_max not below it");
  }
  if (std::max({options.answer_time, options.join_time, options.reconnect_max}) > longest_time ||
      std::max(options.expiry, options.group_expiry) > longest_time || options.join_time.count() < 0) {
    throw std::invalid_argument("Redis layer: a time is negative or above 100 years");
  }
  if (!is_valid_channel_name(options.prefix + "a")) {
    throw std::invalid_argument(fmt::format("Redis layer: \"{}\" can't begin a key", options.prefix));
  }
  return options;
}

}  // namespace

Bus::Bus(Dialer& dialer, ExecutorGroup& executors, BusParts parts)
    : executor_(executors.at(0)),
      parts_(std::move(parts)),
      serializer_(checked(parts_.options), parts_.oldest_token),
      gauge_(std::make_shared<Gauge>(options().waiting_events, options().waiting_bytes)),
      stamps_(options().random_prefix_length),
      memberships_([this](std::string_view group, std::string_view plain_channel) {
        return shard_of(group.empty() ? parts_.place_of(Publication::To::channel, plain_channel)
                                      : parts_.place_of(Publication::To::group, group));
      }) {
  for (const RedisHost& host : options().hosts) {
    const std::size_t shard = shards_.size();
    shards_.emplace_back().node =
        std::make_shared<Node>(dialer, executor_, host, options(),
                               Node::Events{.connected = [this, shard] { connected(shard); },
                                            .lost = [this, shard](const Error& error) { lost(shard, error); }});
  }
  for (std::size_t shard = 0; shard < shards_.size(); ++shard) {
    shards_[shard].session = parts_.make_session(*this, *shards_[shard].node, shard);
  }
}

Bus::~Bus() = default;

template <class F>
void Bus::post(F work) {
  executor_.post([self = shared_from_this(), work = std::move(work)]() mutable { work(*self); });
}

void Bus::start(std::shared_ptr<Hub> hub) {
  hub_ = std::move(hub);
  post([](Bus& bus) {
    for (Shard& shard : bus.shards_) shard.node->start();
    bus.tick();
  });
}

std::size_t Bus::shard_of(std::string_view name) const { return redis::shard_of(name, shards_.size()); }

// ---------------------------------------------------------------- up and down

void Bus::connected(std::size_t shard) {
  shards_[shard].session->begin([this, shard] { restore(shard); });
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
  last_refusal_.clear();
  if (parts_.shard_changed) parts_.shard_changed(number, true);
  if (all_up()) {
    counters_.up = true;
    for (Waiter& waiter : std::exchange(waiting_for_up_, {})) waiter.done.resolve({});
    if (std::exchange(down_told_, false)) hub_->deliver_to_all(Event::of(LayerUp{}));
  }
  pump(number);
}

void Bus::lost(std::size_t number, const Error& error) {
  Shard& shard = shards_[number];
  const bool was_up = all_up();
  shard.reading = shard.up = false;
  shard.session->lost();
  if (parts_.shard_changed) parts_.shard_changed(number, false);
  memberships_.lost(number);
  hub_->index().unannounce_all();
  // What broke before anything was done goes first, in its order.
  shard.waiting.insert(shard.waiting.begin(), std::make_move_iterator(shard.again.begin()),
                       std::make_move_iterator(shard.again.end()));
  shard.again.clear();
  if (!was_up || ended_) return;
  counters_.up = false;
  count(counters_.downs);
  down_told_ = true;
  log(LogLevel::warning, fmt::format("Redis layer: down: {}: {}", shard.node->name(), error.message()));
  hub_->deliver_to_all(Event::of(LayerDown{}));
}

bool Bus::all_up() const noexcept { return std::ranges::all_of(shards_, &Shard::up); }

Completion<Result<void>> Bus::wait_until_up() {
  Completion<Result<void>> done;
  post([done](Bus& bus) {
    if (bus.ended_) return done.resolve(closed());
    if (bus.all_up()) return done.resolve({});
    bus.waiting_for_up_.push_back({done, bus.executor_.now() + bus.options().join_time});
  });
  return done;
}

Completion<Result<Reply>> Bus::ask(std::size_t shard, Command command) {
  Completion<Result<Reply>> done;
  post([done, shard, command = std::move(command)](Bus& bus) {
    if (!bus.shards_[shard].up) return done.resolve(Error(ErrorCode::layer_unavailable, "Redis is away"));
    bus.node(shard).commands().request(command, [done, what = command.words().front()](const Result<Reply>& reply) {
      done.resolve(reply && reply->is_error() ? Result<Reply>(unexpected(what, *reply)) : reply);
    });
  });
  return done;
}

// ---------------------------------------------------------------- sending

Result<void> Bus::publish(Publication::To to, std::string_view name, const Event& event,
                          std::optional<Receipt> receipt) {
  auto body = serializer_.body(event);
  if (!body) return body.error();
  if (!gauge_->take(Publication::size_of(*body))) {
    count(counters_.refused);
    return Error(ErrorCode::layer_unavailable,
                 fmt::format("\"{}\": not sent, {} events with {} bytes wait for Redis already "
                             "(RedisOptions::waiting_events, waiting_bytes)",
                             name, gauge_->events(), gauge_->bytes()));
  }
  auto publication = std::make_shared<Publication>(to, std::string(name), std::move(*body),
                                                   executor_.now() + options().expiry, gauge_, std::move(receipt));
  post([publication = std::move(publication)](Bus& bus) mutable {
    const std::size_t shard = bus.shard_of(bus.parts_.place_of(publication->to, publication->name));
    bus.hand_over(shard, Outgoing{std::move(publication)});
  });
  return {};
}

void Bus::hand_over(std::size_t shard, Outgoing outgoing) {
  if (ended_) return outgoing.publication->failed(closed());
  shards_[shard].waiting.push_back(std::move(outgoing));
  pump(shard);
}

void Bus::try_again(std::size_t shard, Outgoing outgoing) {
  if (ended_) return outgoing.publication->failed(closed());
  shards_[shard].again.push_back(std::move(outgoing));
}

void Bus::pump(std::size_t number) {
  Shard& shard = shards_[number];
  while (shard.up && !shard.waiting.empty() && shard.session->has_room()) {
    Outgoing outgoing = std::move(shard.waiting.front());
    shard.waiting.pop_front();
    if (outgoing.publication->expires > executor_.now()) {
      shard.session->publish(std::move(outgoing));
    } else {
      count(counters_.expired_waiting);
      outgoing.publication->failed(
          Error(ErrorCode::layer_unavailable, "Redis was away for longer than an event lives"));
    }
  }
}

std::optional<Arrival> Bus::read(std::string_view message) {
  count(counters_.received);
  auto arrival = serializer_.read(message, static_cast<std::int64_t>(unix_time()));
  if (arrival) return std::move(*arrival);
  if (counters_.unreadable.fetch_add(1) == 0) {
    log(LogLevel::warning, fmt::format("Redis layer: {} (said once)", arrival.error().message()));
  }
  return std::nullopt;
}

void Bus::refused_reading(const Reply& reply) {
  count(counters_.rejected);
  if (std::exchange(last_refusal_, reply.text) == reply.text) return;
  log(LogLevel::warning, fmt::format("Redis layer: {}", unexpected("reading", reply).message()));
}

// ---------------------------------------------------------------- time

void Bus::tick() {
  if (ended_) return;
  const auto now = executor_.now();
  const auto expired = [now](Waiter& waiter) {
    if (waiter.until > now) return false;
    waiter.done.resolve(Error(ErrorCode::timed_out, "Redis has not confirmed it in time"));
    return true;
  };
  std::erase_if(waiting_for_up_, expired);
  memberships_.for_each([&](Membership& membership) { std::erase_if(membership.waiters, expired); });
  renew(now);
  for (Shard& shard : shards_) {  // what has waited for too long takes no memory any more
    while (!shard.up && !shard.waiting.empty() && shard.waiting.front().publication->expires <= now) {
      count(counters_.expired_waiting);
      shard.waiting.front().publication->failed(
          Error(ErrorCode::layer_unavailable, "Redis was away for longer than an event lives"));
      shard.waiting.pop_front();
    }
  }
  executor_.post_after(tick_time, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->tick();
  });
}

// A membership lives as long as its consumer, not as long as Redis keeps it (redis-wire I-4).
void Bus::renew(Executor::Clock::time_point now) {
  std::size_t renewed = 0;
  memberships_.for_each([&](Membership& membership) {
    if (membership.tell_again_at > now || !shards_[membership.shard].up || ++renewed > renewals_per_tick) return;
    tell(membership);
  });
}

// ---------------------------------------------------------------- the end

Completion<std::monostate> Bus::close() {
  Completion<std::monostate> done;
  post([done](Bus& bus) {
    if (bus.ended_ || std::exchange(bus.closing_, true)) return done.resolve({});
    bus.say_goodbye(done);
  });
  return done;
}

// Once for all hosts: what is left to say is said, then the last word; when that is answered, or too late, all ends.
void Bus::say_goodbye(Completion<std::monostate> done) {
  const auto finish = [self = shared_from_this(), done] {
    self->end();
    done.resolve({});
  };
  memberships_.for_each([this](Membership& membership) {
    if (membership.state == Membership::State::leaving) return;
    settle(membership, Error(ErrorCode::channel_closed, "the layer is closed"));
    membership.state = Membership::State::leaving;
    memberships_.tell_again(membership);
    if (shards_[membership.shard].reading) tell(membership);
  });
  const auto missing = std::make_shared<std::size_t>(1);
  for (Shard& shard : shards_) {
    if (!shard.reading) continue;
    ++*missing;
    shard.session->say_goodbye([missing, finish](const Result<Reply>&) {
      if (--*missing == 0) finish();
    });
  }
  executor_.post_after(goodbye_time, finish);
  if (--*missing == 0) finish();
}

void Bus::end() {
  if (std::exchange(ended_, true)) return;
  counters_.up = false;
  for (Shard& shard : shards_) {
    shard.reading = shard.up = false;
    shard.session->lost();
    if (parts_.shard_changed) parts_.shard_changed(static_cast<std::size_t>(&shard - shards_.data()), false);
    shard.node->stop("the layer is closed");
    for (auto* queue : {&shard.again, &shard.waiting}) {
      for (Outgoing& outgoing : std::exchange(*queue, {})) outgoing.publication->failed(closed());
    }
  }
  for (Waiter& waiter : std::exchange(waiting_for_up_, {})) waiter.done.resolve(closed());
}

// ---------------------------------------------------------------- numbers

RedisStats Bus::stats() const {
  RedisStats stats;
  stats.up = counters_.up;
  stats.downs = counters_.downs;
  stats.waiting_events = gauge_->events();
  stats.waiting_bytes = gauge_->bytes();
  stats.refused = counters_.refused;
  stats.expired_waiting = counters_.expired_waiting;
  stats.unconfirmed = counters_.unconfirmed;
  stats.rejected = counters_.rejected;
  stats.received = counters_.received;
  stats.unreadable = counters_.unreadable;
  stats.memberships = counters_.memberships;
  return stats;
}

void Bus::add_to(LayerStats& stats) const {
  stats.deliveries += counters_.stored;
  stats.dropped_full += counters_.full;
  stats.dropped_expired += counters_.expired;
  stats.dropped_no_channel += counters_.no_channel;
}

}  // namespace sluice::redis

// SPDX-License-Identifier: MIT
#include "redis/bus.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "redis/shard_of.hpp"
#include "sluice/core/log.hpp"

namespace sluice::redis {
namespace {

constexpr std::size_t longest_random_prefix = 1024;
constexpr auto room_look_time = std::chrono::milliseconds(10);
constexpr std::chrono::seconds longest_time = std::chrono::years(100);  // the clock's nanoseconds end after 292

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
  if (std::max({options.answer_time, options.join_time, options.reconnect_max, options.close_time}) > longest_time ||
      std::max(options.expiry, options.group_expiry) > longest_time ||
      std::min(options.join_time, options.close_time).count() < 0) {
    throw std::invalid_argument("Redis layer: a time is negative or above 100 years");
  }
  if (options.waiting_events == 0) throw std::invalid_argument("Redis layer: with waiting_events 0 nothing is sent");
  if (options.arrived_events == 0 || options.arrived_bytes == 0) {
    throw std::invalid_argument("Redis layer: with arrived_events or arrived_bytes 0 nothing is read");
  }
  if (options.random_prefix_length > longest_random_prefix) {
    throw std::invalid_argument(fmt::format("Redis layer: a random_prefix_length above {}", longest_random_prefix));
  }
  if (!is_valid_channel_name(options.prefix + "a")) {
    throw std::invalid_argument(fmt::format("Redis layer: \"{}\" can't begin a key", options.prefix));
  }
  return options;
}

Error closed_error(std::string_view name) {
  return Error(ErrorCode::layer_unavailable, fmt::format("\"{}\": not sent, the layer is closed", name));
}

}  // namespace

Bus::Bus(std::shared_ptr<Dialer> dialer, ExecutorGroup& executors, BusParts parts)
    : dialer_(std::move(dialer)),
      executor_(executors.at(0)),
      parts_(std::move(parts)),
      serializer_(checked(parts_.options), parts_.oldest_token),
      road_(std::make_shared<Road>(options().waiting_events, options().waiting_bytes)),
      stamps_(options().random_prefix_length),
      memberships_([this](std::string_view group, std::string_view plain_channel) {
        return shard_of(group.empty() ? parts_.place_of(Publication::To::channel, plain_channel)
                                      : parts_.place_of(Publication::To::group, group));
      }) {
  for (const RedisHost& host : options().hosts) {
    const std::size_t shard = shards_.size();
    shards_.emplace_back().node =
        std::make_shared<Node>(*dialer_, executor_, host, options(),
                               Node::Events{.connected = [this, shard] { connected(shard); },
                                            .lost = [this, shard](const Error&) { lost(shard); }});
  }
  for (std::size_t shard = 0; shard < shards_.size(); ++shard) {
    shards_[shard].session = parts_.make_session(*this, *shards_[shard].node, shard);
  }
}

Bus::~Bus() = default;

void Bus::start(std::shared_ptr<Hub> hub) {
  hub_ = std::move(hub);
  post([](Bus& bus) {
    for (Shard& shard : bus.shards_) shard.node->start();
    bus.tick();
  });
}

std::size_t Bus::shard_of(std::string_view name) const { return redis::shard_of(name, shards_.size()); }

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

Result<void> Bus::publish(Publication::To to, std::string_view name, const Event& event,
                          std::optional<Receipt> receipt) {
  auto body = serializer_.body(event);
  if (!body) return body.error();
  if (road_->room.take(Publication::size_of(*body))) return put_on_road(to, name, std::move(*body), std::move(receipt));
  count(counters_.refused);
  return Error(ErrorCode::no_room,
               fmt::format("{0} \"{1}\": not sent, {2} events with {3} bytes wait for Redis already "
                           "(RedisOptions::waiting_events, waiting_bytes); {0}_when_room waits until there is room",
                           name_of(to), name, road_->room.events(), road_->room.bytes()));
}

Task<Result<void>> Bus::publish_when_room(Publication::To to, std::string_view name, const Event& event) {
  auto body = serializer_.body(event);
  if (!body) return Result<void>(body.error());
  if (road_->room.take(Publication::size_of(*body))) return put_on_road(to, name, std::move(*body), {});
  return wait_for_room(shared_from_this(), to, std::string(name), std::move(*body));
}

Task<Result<void>> Bus::wait_for_room(std::shared_ptr<Bus> bus, Publication::To to, std::string name, Body body) {
  Room& room = bus->road_->room;
  std::optional<Room::Turn> turn;
  do {
    if (bus->closed_) co_return closed_error(name);
    turn.emplace(room);
    const WaitingLine::WakeUp woken = turn->queue_up();
    co_await woken;
  } while (!room.take(Publication::size_of(body)));
  co_return bus->put_on_road(to, name, std::move(body), {});
}

// There is room for it. Whoever closes waits for what took its room before.
Result<void> Bus::put_on_road(Publication::To to, std::string_view name, Body body, std::optional<Receipt> receipt) {
  if (closed_) {
    road_->room.give_back(1, Publication::size_of(body));
    return closed_error(name);
  }
  auto publication = std::make_shared<Publication>(to, std::string(name), std::move(body),
                                                   executor_.now() + options().expiry, road_, std::move(receipt));
  post([publication = std::move(publication)](Bus& bus) mutable {
    const std::size_t shard = bus.host_for(*publication);
    bus.hand_over(shard, Outgoing{std::move(publication)});
  });
  return {};
}

void Bus::hand_over(std::size_t shard, Outgoing outgoing) {
  if (ended_) return outgoing.publication->failed(closed_error(outgoing.publication->name));
  shards_[shard].outbox.put(std::move(outgoing));
  pump(shard);
}

void Bus::try_again(std::size_t shard, Outgoing outgoing) {
  if (ended_) return outgoing.publication->failed(closed_error(outgoing.publication->name));
  shards_[shard].outbox.put_back(std::move(outgoing));
}

void Bus::answered(std::size_t shard) {
  pump(shard);
  if (closing_) post([](Bus& bus) { bus.leave_when_drained(); });  // the answer's publication ends behind this call
}

void Bus::pump(std::size_t number) {
  Shard& shard = shards_[number];
  while (shard.up && shard.session->has_room()) {
    shard.outbox.drop_expired(executor_.now(), counters_);
    if (shard.outbox.empty()) return;
    shard.published = true;
    shard.session->publish(shard.outbox.take());
  }
}

void Bus::when_room(Function<void()> go_on) {
  wait_for_hub_.push_back(std::move(go_on));
  count(counters_.pauses);
  look_for_room_later();
}

// The executors that make room do not know of this: a delivery pays nothing for it. Where there is no memory for the
// timer, the next tick looks.
void Bus::look_for_room_later() noexcept {
  if (looks_for_room_ || wait_for_hub_.empty()) return;
  try {
    executor_.post_after(room_look_time, [weak = weak_from_this()] {
      const auto self = weak.lock();
      if (!self) return;
      self->looks_for_room_ = false;
      self->look_for_room();
    });
    looks_for_room_ = true;
  } catch (...) {}
}

// One that throws is called again later, and keeps none of the others waiting.
void Bus::look_for_room() noexcept {
  if (ended_ || wait_for_hub_.empty()) return;
  if (hub_->has_room()) {
    std::list<Function<void()>> ready;
    ready.swap(wait_for_hub_);
    while (!ready.empty()) {
      try {
        ready.front()();
        ready.pop_front();
      } catch (...) {
        wait_for_hub_.splice(wait_for_hub_.end(), ready, ready.begin());
      }
    }
  }
  look_for_room_later();
}

std::optional<Arrival> Bus::read(std::string_view message) {
  count(counters_.received);
  auto arrival = serializer_.read(message, static_cast<std::int64_t>(unix_time()));
  if (arrival) return std::move(*arrival);
  const bool too_large = arrival.error().code() == ErrorCode::limit_exceeded;
  count(too_large ? counters_.too_large : counters_.unreadable);
  if (said_.is_news(too_large ? "too large" : "unreadable", executor_.now())) {
    log(LogLevel::warning, fmt::format("Redis layer: dropped: {} (logged once)", arrival.error().message()));
  }
  return std::nullopt;
}

// For one command and one kind of error, NOPERM or OOM, say, the first name stands for all.
void Bus::refused(std::string_view what, std::string_view name, const Reply& reply) {
  count(counters_.rejected);
  const std::string reason = fmt::format("{} {}", what, std::string_view(reply.text).substr(0, reply.text.find(' ')));
  if (!said_.is_news(reason, executor_.now())) return;
  const std::string to = name.empty() ? std::string(what) : fmt::format("{} \"{}\"", what, name);
  log(LogLevel::warning, fmt::format("Redis layer: {} (logged once for all such, RedisStats::rejected counts them)",
                                     unexpected(to, reply).message()));
}

void Bus::not_given_back(std::string_view channel) {
  count(counters_.no_channel);
  if (!said_.is_news("not given back", executor_.now())) return;
  log(LogLevel::warning,
      fmt::format(
          "Redis layer: \"{}\": an event that was taken and not read is lost, as Redis is away and can't have it "
          "back (logged once for all such, LayerStats::dropped_no_channel counts them)",
          channel));
}

// A worker of channels_redis waits at one host after the other, and its senders go round in the same way (redis-wire
//
std::size_t Bus::turn_of(std::string_view plain_channel) { return turns_.next(plain_channel, shards_.size()); }

std::size_t Bus::host_for(const Publication& publication) {
  const bool plain = publication.to == Publication::To::channel && publication.name.find('!') == std::string::npos;
  if (plain && parts_.plain_in_turn) return turn_of(publication.name);
  return shard_of(parts_.place_of(publication.to, publication.name));
}

RedisStats Bus::stats() const {
  RedisStats stats;
  stats.up = counters_.up;
  stats.downs = counters_.downs;
  stats.waiting_events = road_->room.events();
  stats.waiting_bytes = road_->room.bytes();
  stats.refused = counters_.refused;
  stats.expired_waiting = counters_.expired_waiting;
  stats.unconfirmed = counters_.unconfirmed;
  stats.rejected = counters_.rejected;
  stats.received = counters_.received;
  stats.unreadable = counters_.unreadable;
  stats.pauses = counters_.pauses;
  stats.memberships = counters_.memberships;
  stats.undelivered = road_->undelivered;
  stats.late_renewals = counters_.late_renewals;
  return stats;
}

void Bus::add_to(LayerStats& stats) const {
  stats.deliveries += counters_.stored;
  stats.dropped_full += counters_.full;
  stats.dropped_expired += counters_.expired;
  stats.dropped_no_channel += counters_.no_channel;
  stats.dropped_too_large += counters_.too_large;
  stats.dropped_no_room += counters_.refused;
  stats.waiting_events += road_->room.events();
  stats.waiting_bytes += road_->room.bytes();
}

}  // namespace sluice::redis

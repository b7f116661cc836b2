// SPDX-License-Identifier: MIT
#include "redis/bus/redis_context.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "redis/bus/host_of.hpp"
#include "sluice/core/log.hpp"

namespace sluice::SLUICE_ABI::redis {
namespace {

constexpr std::size_t longest_random_prefix = 1024;

RedisOptions checked(RedisOptions options) {
  using std::chrono::seconds;
  if (options.hosts.empty()) throw std::invalid_argument("Redis layer: no hosts");
  if (options.expiry < seconds(1))
    throw std::invalid_argument("Redis layer: an expiry below one second drops everything");
  if (options.group_expiry < seconds(1)) throw std::invalid_argument("Redis layer: a group_expiry below one second");
  if (options.answer_time.count() < 4) throw std::invalid_argument("Redis layer: an answer_time below 4 ms");
  if (options.reconnect_min.count() < 1 || options.reconnect_max < options.reconnect_min) {
    throw std::invalid_argument("Redis layer: reconnect_min is at least 1 ms, reconnect_max not below it");
  }
  // The layer looks at join_time and close_time itself.
  if (std::max(options.answer_time, options.reconnect_max) > longest_layer_time ||
      std::max(options.expiry, options.group_expiry) > longest_layer_time) {
    throw std::invalid_argument("Redis layer: a time is above 100 years");
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

}  // namespace

RedisContext::RedisContext(Dialer& dialer, Executor& executor, RedisOptions options, std::string process,
                           std::chrono::seconds oldest_token, std::function<double()> wall_clock)
    : options_(checked(std::move(options))),
      process_(std::move(process)),
      serializer_(options_, oldest_token),
      wall_clock_(std::move(wall_clock)),
      executor_(executor),
      dialer_(dialer),
      hosts_(options_.hosts.size()) {}

std::size_t RedisContext::host_of(std::string_view name) const { return redis::host_of(name, hosts_.size()); }

Completion<Result<Reply>> RedisContext::ask(std::size_t number, Command command) {
  Completion<Result<Reply>> done;
  executor_.post([self = shared_from_this(), done, number, command = std::move(command)] {
    if (!self->hosts_[number].up) return done.resolve(Error(ErrorCode::layer_unavailable, "Redis is away"));
    self->node(number).commands().request(command, [done, what = command.words().front()](const Result<Reply>& reply) {
      done.resolve(reply && reply->is_error() ? Result<Reply>(unexpected(what, *reply)) : reply);
    });
  });
  return done;
}

std::optional<IncomingMessage> RedisContext::read(std::string_view message) {
  count(counters_.received);
  auto incoming = serializer_.read(message, static_cast<std::int64_t>(unix_time()));
  if (incoming) return std::move(*incoming);
  const bool too_large = incoming.error().code() == ErrorCode::limit_exceeded;
  count(too_large ? counters_.too_large : counters_.unreadable);
  if (is_news(too_large ? "too large" : "unreadable")) {
    log(LogLevel::warning, fmt::format("Redis layer: dropped: {} (logged once)", incoming.error().message()));
  }
  return std::nullopt;
}

// For one command and one kind of error, such as NOPERM or OOM, only the first name is logged.
void RedisContext::refused(std::string_view what, std::string_view name, const Reply& reply) {
  count(counters_.rejected);
  if (!is_news(fmt::format("{} {}", what, std::string_view(reply.text).substr(0, reply.text.find(' '))))) return;
  const std::string to = name.empty() ? std::string(what) : fmt::format("{} \"{}\"", what, name);
  log(LogLevel::warning, fmt::format("Redis layer: {} (logged once for all such, RedisStats::rejected counts them)",
                                     unexpected(to, reply).message()));
}

void RedisContext::not_given_back(std::string_view channel) {
  count(counters_.no_channel);
  if (!is_news("not given back")) return;
  log(LogLevel::warning,
      fmt::format("Redis layer: \"{}\": an event that was taken and not read is lost, as Redis is down and cannot take "
                  "it back (logged once for all such, LayerStats::dropped_no_channel counts them)",
                  channel));
}

DistributedLayerOptions RedisContext::layer_options(std::string channel_prefix) const {
  return {.layer = {.capacity = options_.capacity,
                    .channel_capacity = options_.channel_capacity,
                    .expiry = options_.expiry,
                    .message_bytes = options_.message_bytes,
                    .waiting_events = options_.arrived_events,
                    .waiting_bytes = options_.arrived_bytes},
          .waiting_events = options_.waiting_events,
          .waiting_bytes = options_.waiting_bytes,
          .join_time = options_.join_time,
          .close_time = options_.close_time,
          .channel_prefix = std::move(channel_prefix),
          .name = "Redis",
          .options_name = "RedisOptions"};
}

void RedisContext::add_to(LayerStats& stats) const {
  stats.deliveries += counters_.stored;
  stats.dropped_full += counters_.full;
  stats.dropped_expired += counters_.expired;
  stats.dropped_no_channel += counters_.no_channel;
  stats.dropped_too_large += counters_.too_large;
}

RedisStats RedisContext::stats(const BusStats& bus) const {
  RedisStats stats;
  stats.up = bus.up;
  stats.downs = bus.downs;
  stats.waiting_events = bus.waiting_events;
  stats.waiting_bytes = bus.waiting_bytes;
  stats.refused = bus.refused;
  stats.expired_waiting = bus.expired_waiting + counters_.expired_waiting;
  stats.unconfirmed = counters_.unconfirmed;
  stats.rejected = counters_.rejected;
  stats.received = counters_.received;
  stats.unreadable = counters_.unreadable;
  stats.pauses = bus.pauses;
  stats.memberships = bus.memberships;
  stats.undelivered = bus.undelivered;
  stats.late_renewals = counters_.late_renewals;
  return stats;
}

}  // namespace sluice::SLUICE_ABI::redis

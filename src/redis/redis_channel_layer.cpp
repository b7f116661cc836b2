// SPDX-License-Identifier: MIT
#include "sluice/redis/redis_channel_layer.hpp"

#include <fmt/format.h>

#include <stdexcept>
#include <utility>

#include "core/random.hpp"
#include "redis/bus/names.hpp"
#include "redis/bus/redis_bus.hpp"
#include "redis/core/core_keys.hpp"
#include "redis/core/inbox_session.hpp"
#include "redis/core/plain_channel_readers.hpp"

namespace sluice::SLUICE_ABI {
namespace {

constexpr auto token_grace = std::chrono::seconds(10);  // beyond its expiry, as channels_redis allows (redis-wire R-10)
constexpr std::string_view consumer_mark = "c.";

std::shared_ptr<redis::RedisContext> core_context(ExecutorGroup& executors, Dialer& dialer, RedisOptions options,
                                                  std::function<double()> wall_clock) {
  for (const RedisHost& host : options.hosts) {
    if (host.cluster.empty()) continue;
    throw std::invalid_argument("RedisChannelLayer: its keys are not made for a cluster, RedisPubSubChannelLayer is");
  }
  const auto oldest_token = options.expiry + token_grace;
  return std::make_shared<redis::RedisContext>(dialer, executors.at(0), std::move(options),
                                               fmt::format("specific.{}!", random_hex(redis::process_digits)),
                                               oldest_token, wall_clock ? std::move(wall_clock) : redis::unix_time);
}

}  // namespace

struct RedisChannelLayer::Parts {
  std::shared_ptr<redis::RedisContext> context;
  std::shared_ptr<redis::PlainChannelReaders> readers;

  explicit Parts(std::shared_ptr<redis::RedisContext> made)
      : context(std::move(made)), readers(std::make_shared<redis::PlainChannelReaders>(context)) {}

  std::unique_ptr<Bus> bus() const {
    redis::RedisBusParts parts;
    parts.keys_can_vanish = true;
    parts.plain_in_turn = true;
    parts.place_of = [](BusTarget to, std::string_view name) {
      return std::string(to == BusTarget::group ? name : non_local_name(name));
    };
    parts.make_session = [sequences = redis::CoreSequences(context->options().random_prefix_length)](
                             redis::SessionEvents& events, std::size_t host) {
      return std::make_unique<redis::InboxSession>(events, host, sequences);
    };
    parts.host_changed = [weak = std::weak_ptr(readers)](std::size_t host, bool up) {
      if (const auto some = weak.lock()) some->host_changed(host, up);
    };
    return std::make_unique<redis::RedisBus>(context, std::move(parts));
  }
  DistributedLayerOptions layer_options() const {
    return context->layer_options(context->process() + std::string(consumer_mark));
  }
};

RedisChannelLayer::RedisChannelLayer(ExecutorGroup& executors, Dialer& dialer, RedisOptions options,
                                     std::function<double()> wall_clock)
    : RedisChannelLayer(executors, std::make_unique<Parts>(
                                       core_context(executors, dialer, std::move(options), std::move(wall_clock)))) {}

RedisChannelLayer::RedisChannelLayer(ExecutorGroup& executors, std::unique_ptr<Parts> parts)
    : DistributedChannelLayer(executors, parts->bus(), parts->layer_options()), parts_(std::move(parts)) {
  parts_->readers->attach(subscriptions(), origin());
}

// The readers' connections belong to the bus's executor, and so end there.
RedisChannelLayer::~RedisChannelLayer() {
  Executor& executor = parts_->context->executor();
  executor.post([readers = std::move(parts_->readers)] {});
  end();
  parts_->context->dialer().give_back();
}

Task<Result<Inbox>> RedisChannelLayer::open_inbox(std::string_view channel) {
  if (auto checked = check_inbox(channel); !checked) return Result<Inbox>(checked.error());
  return Result<Inbox>(parts_->readers->open(channel));
}

// Redis has one name for all members of this process; the hub has each of them.
Task<Result<std::vector<std::string>>> RedisChannelLayer::group_channels(std::string_view group_name) {
  const std::string group(group_name);
  redis::RedisContext& redis = *parts_->context;
  auto names = co_await DistributedChannelLayer::group_channels(group);
  if (!names) co_return names;
  redis::Command command{"ZRANGE", redis::CoreNames(redis.options().prefix).group_key(group), "0", "-1"};
  const auto asking = redis.ask(redis.host_of(group), std::move(command));
  const auto members = co_await asking;
  if (!members) co_return members.error();
  for (const redis::Reply& member : members->elements) {
    if (!member.text.starts_with(redis.process())) names->push_back(member.text);
  }
  co_return names;
}

Task<Result<std::size_t>> RedisChannelLayer::group_size(std::string_view group) {
  auto names = co_await group_channels(group);
  if (!names) co_return names.error();
  co_return names->size();
}

Task<Result<std::vector<std::string>>> RedisChannelLayer::group_names() {
  return redis::groups_of_core(*parts_->context);
}

Task<Result<void>> RedisChannelLayer::flush() {
  auto flushed = co_await DistributedChannelLayer::flush();
  if (!flushed) co_return flushed;
  parts_->readers->flush();
  co_return co_await redis::flush_core(*parts_->context);
}

LayerStats RedisChannelLayer::stats() const {
  LayerStats stats = DistributedChannelLayer::stats();
  parts_->context->add_to(stats);
  stats.plain_channels += parts_->readers->count();
  return stats;
}

RedisStats RedisChannelLayer::redis_stats() const { return parts_->context->stats(bus_stats()); }

}  // namespace sluice::SLUICE_ABI

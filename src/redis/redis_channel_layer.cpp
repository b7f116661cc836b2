// SPDX-License-Identifier: MIT
#include "sluice/redis/redis_channel_layer.hpp"

#include <fmt/format.h>

#include <stdexcept>
#include <utility>

#include "core/random.hpp"
#include "layer/names.hpp"
#include "redis/core_keys.hpp"
#include "redis/hub_with_bus.hpp"
#include "redis/inbox_session.hpp"
#include "redis/workers.hpp"

namespace sluice {
namespace {

constexpr auto token_grace = std::chrono::seconds(10);  // beyond its expiry, as channels_redis allows (redis-wire R-10)
constexpr std::string_view consumer_mark = "c.";

redis::BusParts core_parts(RedisOptions options, std::function<double()> wall_clock) {
  for (const RedisHost& host : options.hosts) {
    if (host.cluster.empty()) continue;
    throw std::invalid_argument("RedisChannelLayer: its keys are not made for a cluster, RedisPubSubChannelLayer is");
  }
  redis::BusParts parts;
  parts.oldest_token = options.expiry + token_grace;
  parts.options = std::move(options);
  parts.keys_can_vanish = true;
  parts.process = fmt::format("specific.{}!", random_hex(redis::process_digits));
  parts.plain_in_turn = true;
  parts.wall_clock = wall_clock ? std::move(wall_clock) : redis::unix_time;
  parts.place_of = [](redis::Publication::To to, std::string_view name) {
    return std::string(to == redis::Publication::To::group ? name : non_local_name(name));
  };
  parts.make_session = [](redis::BusHome& home, redis::Node& node, std::size_t shard) {
    return std::make_unique<redis::InboxSession>(home, node, shard);
  };
  return parts;
}

}  // namespace

struct RedisChannelLayer::Parts {
  // The bus tells the workers of its hosts, and the workers own a part of the bus.
  std::shared_ptr<std::weak_ptr<redis::Workers>> told = std::make_shared<std::weak_ptr<redis::Workers>>();
  redis::HubWithBus layer;
  std::shared_ptr<redis::Workers> workers;

  Parts(ExecutorGroup& executors, Dialer& dialer, redis::BusParts parts)
      : layer(executors, dialer, with_workers(parts), parts.process + std::string(consumer_mark)),
        workers(std::make_shared<redis::Workers>(layer.shared_bus())) {
    *told = workers;
    layer.start();
  }
  // Their connections live on the bus's executor, and so end there.
  ~Parts() {
    layer.bus().executor().post([workers = std::move(workers)] {});
  }
  Parts(const Parts&) = delete;
  Parts& operator=(const Parts&) = delete;
  redis::BusParts with_workers(redis::BusParts parts) const {
    parts.shard_changed = [told = told](std::size_t shard, bool up) {
      if (const auto some = told->lock()) some->shard_changed(shard, up);
    };
    return parts;
  }
};

RedisChannelLayer::RedisChannelLayer(ExecutorGroup& executors, Dialer& dialer, RedisOptions options,
                                     std::function<double()> wall_clock)
    : parts_(std::make_unique<Parts>(executors, dialer, core_parts(std::move(options), std::move(wall_clock)))) {}

RedisChannelLayer::~RedisChannelLayer() = default;

Task<Result<void>> RedisChannelLayer::wait_until_up() { return parts_->layer.wait_until_up(); }
Task<std::size_t> RedisChannelLayer::close() { return parts_->layer.close(); }

Task<Result<Channel>> RedisChannelLayer::open_channel(Subscriber& subscriber) {
  return parts_->layer.hub().open_channel(subscriber);
}

Task<Result<Inbox>> RedisChannelLayer::open_inbox(std::string_view channel) {
  if (auto checked = parts_->layer.hub().check_inbox(channel); !checked) return Result<Inbox>(checked.error());
  return Result<Inbox>(parts_->workers->open(channel));
}

Task<Result<void>> RedisChannelLayer::group_add(std::string_view group, const Channel& channel) {
  return parts_->layer.group_add(group, channel);
}

Task<Result<void>> RedisChannelLayer::group_add(std::string_view group, const Inbox& inbox) {
  if (auto checked = check_group_name("group_add", group); !checked) return checked;
  if (inbox.origin() != parts_->workers.get()) return Result<void>(foreign_handle("group_add", group, "inbox"));
  return inbox.reader().join(group);
}

Task<Result<void>> RedisChannelLayer::group_discard(std::string_view group, const Channel& channel) {
  return parts_->layer.hub().group_discard(group, channel);
}

Task<Result<void>> RedisChannelLayer::group_discard(std::string_view group, const Inbox& inbox) {
  if (auto checked = check_group_name("group_discard", group); !checked) return checked;
  if (inbox.origin() != parts_->workers.get()) return Result<void>(foreign_handle("group_discard", group, "inbox"));
  inbox.reader().leave(group);
  return Result<void>();
}

Result<void> RedisChannelLayer::group_send(std::string_view group, Event event) {
  return parts_->layer.group_send(group, event);
}
Result<void> RedisChannelLayer::send(std::string_view channel, Event event) {
  return parts_->layer.send(channel, event);
}
Task<Result<void>> RedisChannelLayer::group_send_when_room(std::string_view group, Event event) {
  return parts_->layer.group_send_when_room(group, event);
}
Task<Result<void>> RedisChannelLayer::send_when_room(std::string_view channel, Event event) {
  return parts_->layer.send_when_room(channel, event);
}
Task<Result<SendReceipt>> RedisChannelLayer::group_send_confirmed(std::string_view group, Event event) {
  return parts_->layer.group_send_confirmed(group, std::move(event));
}
Task<Result<SendReceipt>> RedisChannelLayer::send_confirmed(std::string_view channel, Event event) {
  return parts_->layer.send_confirmed(channel, std::move(event));
}

// Of this process's members Redis knows one name; the hub knows them all.
Task<Result<std::vector<std::string>>> RedisChannelLayer::group_channels(std::string_view group_name) {
  const std::string group(group_name);
  redis::Bus& bus = parts_->layer.bus();
  auto names = co_await parts_->layer.hub().group_channels(group);
  if (!names) co_return names;
  redis::Command command{"ZRANGE", redis::CoreNames(bus.options().prefix).group_key(group), "0", "-1"};
  const auto asking = bus.ask(bus.shard_of(group), std::move(command));
  const auto members = co_await asking;
  if (!members) co_return members.error();
  for (const redis::Reply& member : members->elements) {
    if (!member.text.starts_with(bus.process())) names->push_back(member.text);
  }
  co_return names;
}

Task<Result<std::size_t>> RedisChannelLayer::group_size(std::string_view group) {
  auto names = co_await group_channels(group);
  if (!names) co_return names.error();
  co_return names->size();
}

Task<Result<std::vector<std::string>>> RedisChannelLayer::group_names() {
  return redis::groups_of_core(parts_->layer.bus());
}

Task<Result<void>> RedisChannelLayer::flush() {
  auto flushed = co_await parts_->layer.hub().flush();
  if (!flushed) co_return flushed;
  parts_->workers->flush();
  co_return co_await redis::flush_core(parts_->layer.bus());
}

LayerStats RedisChannelLayer::stats() const {
  LayerStats stats = parts_->layer.stats();
  stats.plain_channels += parts_->workers->count();
  return stats;
}

RedisStats RedisChannelLayer::redis_stats() const { return parts_->layer.bus().stats(); }

}  // namespace sluice

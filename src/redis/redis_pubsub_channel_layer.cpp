// SPDX-License-Identifier: MIT
#include "sluice/redis/redis_pubsub_channel_layer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <stdexcept>
#include <utility>

#include "core/random.hpp"
#include "redis/cluster_session.hpp"
#include "redis/hub_with_bus.hpp"
#include "redis/names.hpp"
#include "redis/pubsub_session.hpp"
#include "redis/subscribed_inbox.hpp"

namespace sluice {
namespace {

constexpr std::size_t longest_number = 24;  // of a consumer, behind the process's name

redis::BusParts pubsub_parts(RedisOptions options, std::function<double()> wall_clock) {
  redis::BusParts parts;
  parts.process = fmt::format("{}specific.{}", options.prefix, random_hex(redis::process_digits));
  if (!is_valid_channel_name(parts.process + std::string(longest_number, '0'))) {
    throw std::invalid_argument(
        fmt::format("Redis layer: the prefix \"{}\" is too long for channels' names, or can't "
                    "begin one",
                    options.prefix));
  }
  parts.wall_clock = wall_clock ? std::move(wall_clock) : redis::unix_time;
  parts.oldest_token = std::chrono::seconds(0);  // any age: channels_redis does not look either
  parts.place_of = [names = redis::PubSubNames(options.prefix)](redis::Publication::To to, std::string_view name) {
    return to == redis::Publication::To::group ? names.group_channel(name) : std::string(name);
  };
  const bool is_cluster =
      std::ranges::any_of(options.hosts, [](const RedisHost& host) { return !host.cluster.empty(); });
  if (is_cluster && options.hosts.size() > 1) {
    throw std::invalid_argument("Redis layer: a cluster is one host, whose members are shards enough");
  }
  parts.make_session = [is_cluster](redis::BusHome& home, redis::Node& node,
                                    std::size_t shard) -> std::unique_ptr<redis::BusSession> {
    if (is_cluster) return std::make_unique<redis::ClusterSession>(home, node, shard);
    return std::make_unique<redis::PubSubSession>(home, node, shard);
  };
  parts.options = std::move(options);
  return parts;
}

Task<Result<Inbox>> subscribe(std::shared_ptr<redis::Bus> bus, Inbox local) {
  const auto done = bus->join({}, local.name());
  Inbox inbox(std::make_unique<redis::SubscribedReader>(bus, std::move(local)));
  auto joined = co_await done;
  if (!joined) co_return joined.error();
  co_return Result<Inbox>(std::move(inbox));
}

}  // namespace

struct RedisPubSubChannelLayer::Parts {
  redis::HubWithBus layer;
};

RedisPubSubChannelLayer::RedisPubSubChannelLayer(ExecutorGroup& executors, Dialer& dialer, RedisOptions options,
                                                 std::function<double()> wall_clock) {
  redis::BusParts parts = pubsub_parts(std::move(options), std::move(wall_clock));
  const std::string process = parts.process;
  parts_.reset(new Parts{{executors, dialer, std::move(parts), process}});
  parts_->layer.start();
}

RedisPubSubChannelLayer::~RedisPubSubChannelLayer() = default;

Task<Result<void>> RedisPubSubChannelLayer::wait_until_up() { return parts_->layer.wait_until_up(); }
Task<std::size_t> RedisPubSubChannelLayer::close() { return parts_->layer.close(); }

Task<Result<Channel>> RedisPubSubChannelLayer::open_channel(Subscriber& subscriber) {
  return parts_->layer.hub().open_channel(subscriber);
}

Task<Result<Inbox>> RedisPubSubChannelLayer::open_inbox(std::string_view channel) {
  auto inbox = parts_->layer.hub().open_inbox(channel);
  if (!inbox) return inbox;
  return subscribe(parts_->layer.shared_bus(), std::move(*inbox));
}

Task<Result<void>> RedisPubSubChannelLayer::group_add(std::string_view group, const Channel& channel) {
  return parts_->layer.group_add(group, channel);
}

Task<Result<void>> RedisPubSubChannelLayer::group_add(std::string_view group, const Inbox& inbox) {
  Hub& hub = parts_->layer.hub();
  if (auto added = co_await hub.group_add(group, inbox); !added) co_return added;
  co_return co_await parts_->layer.announced(group, [&hub, group, &inbox] { (void)hub.group_discard(group, inbox); });
}

Task<Result<void>> RedisPubSubChannelLayer::group_discard(std::string_view group, const Channel& channel) {
  return parts_->layer.hub().group_discard(group, channel);
}

Task<Result<void>> RedisPubSubChannelLayer::group_discard(std::string_view group, const Inbox& inbox) {
  return parts_->layer.hub().group_discard(group, inbox);
}

Result<void> RedisPubSubChannelLayer::group_send(std::string_view group, Event event) {
  return parts_->layer.group_send(group, event);
}
Result<void> RedisPubSubChannelLayer::send(std::string_view channel, Event event) {
  return parts_->layer.send(channel, event);
}
Task<Result<void>> RedisPubSubChannelLayer::group_send_when_room(std::string_view group, Event event) {
  return parts_->layer.group_send_when_room(group, event);
}
Task<Result<void>> RedisPubSubChannelLayer::send_when_room(std::string_view channel, Event event) {
  return parts_->layer.send_when_room(channel, event);
}
Task<Result<SendReceipt>> RedisPubSubChannelLayer::group_send_confirmed(std::string_view group, Event event) {
  return parts_->layer.group_send_confirmed(group, std::move(event));
}
Task<Result<SendReceipt>> RedisPubSubChannelLayer::send_confirmed(std::string_view channel, Event event) {
  return parts_->layer.send_confirmed(channel, std::move(event));
}

Task<Result<std::size_t>> RedisPubSubChannelLayer::group_size(std::string_view group) {
  return parts_->layer.hub().group_size(group);
}
Task<Result<std::vector<std::string>>> RedisPubSubChannelLayer::group_channels(std::string_view group) {
  return parts_->layer.hub().group_channels(group);
}

Task<Result<std::vector<std::string>>> RedisPubSubChannelLayer::group_names() {
  redis::Bus& bus = parts_->layer.bus();
  const redis::PubSubNames names(bus.options().prefix);
  std::set<std::string> groups;
  for (std::size_t shard = 0; shard < bus.hosts(); ++shard) {
    redis::Command command{"PUBSUB", "CHANNELS", names.group_channel("*")};
    const auto asking = bus.ask(shard, std::move(command));
    const auto channels = co_await asking;
    if (!channels) co_return channels.error();
    for (const redis::Reply& channel : channels->elements) groups.emplace(names.group_of(channel.text));
  }
  co_return std::vector<std::string>(groups.begin(), groups.end());
}

Task<Result<void>> RedisPubSubChannelLayer::flush() { return parts_->layer.hub().flush(); }
LayerStats RedisPubSubChannelLayer::stats() const { return parts_->layer.stats(); }
RedisStats RedisPubSubChannelLayer::redis_stats() const { return parts_->layer.bus().stats(); }

}  // namespace sluice

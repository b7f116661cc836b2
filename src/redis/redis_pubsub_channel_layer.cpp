// SPDX-License-Identifier: MIT
#include "sluice/redis/redis_pubsub_channel_layer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <stdexcept>
#include <utility>

#include "core/random.hpp"
#include "redis/bus/names.hpp"
#include "redis/bus/redis_bus.hpp"
#include "redis/bus/unix_time.hpp"
#include "redis/pubsub/cluster_session.hpp"
#include "redis/pubsub/pubsub_session.hpp"

namespace sluice::SLUICE_ABI {
namespace {

constexpr std::size_t longest_number = 24;  // of a consumer, behind the process's name

bool is_cluster(const RedisOptions& options) {
  return std::ranges::any_of(options.hosts, [](const RedisHost& host) { return !host.cluster.empty(); });
}

std::shared_ptr<redis::RedisContext> pubsub_context(ExecutorGroup& executors, Dialer& dialer, RedisOptions options,
                                                    std::function<double()> wall_clock) {
  std::string process = fmt::format("{}specific.{}", options.prefix, random_hex(redis::process_digits));
  if (!is_valid_channel_name(process + std::string(longest_number, '0'))) {
    throw std::invalid_argument(
        fmt::format("Redis layer: the prefix \"{}\" is too long for channels' names, or can't "
                    "begin one",
                    options.prefix));
  }
  if (is_cluster(options) && options.hosts.size() > 1) {
    throw std::invalid_argument("Redis layer: a cluster is one host, whose members are shards enough");
  }
  // Tokens of any age: channels_redis does not check it either.
  return std::make_shared<redis::RedisContext>(dialer, executors.at(0), std::move(options), std::move(process),
                                               std::chrono::seconds(0),
                                               wall_clock ? std::move(wall_clock) : redis::unix_time);
}

std::unique_ptr<Bus> pubsub_bus(const std::shared_ptr<redis::RedisContext>& context) {
  redis::RedisBusParts parts;
  parts.place_of = [names = redis::PubSubNames(context->options().prefix)](BusTarget to, std::string_view name) {
    return to == BusTarget::group ? names.group_channel(name) : std::string(name);
  };
  parts.make_session = [cluster = is_cluster(context->options())](
                           redis::SessionEvents& events, std::size_t host) -> std::unique_ptr<redis::HostSession> {
    if (cluster) return std::make_unique<redis::ClusterSession>(events, host);
    return std::make_unique<redis::PubSubSession>(events, host);
  };
  return std::make_unique<redis::RedisBus>(context, std::move(parts));
}

}  // namespace

RedisPubSubChannelLayer::RedisPubSubChannelLayer(ExecutorGroup& executors, Dialer& dialer, RedisOptions options,
                                                 std::function<double()> wall_clock)
    : RedisPubSubChannelLayer(executors, pubsub_context(executors, dialer, std::move(options), std::move(wall_clock))) {
}

RedisPubSubChannelLayer::RedisPubSubChannelLayer(ExecutorGroup& executors, std::shared_ptr<redis::RedisContext> context)
    : DistributedChannelLayer(executors, pubsub_bus(context), context->layer_options(context->process())),
      context_(std::move(context)) {}

RedisPubSubChannelLayer::~RedisPubSubChannelLayer() {
  end();
  context_->dialer().give_back();
}

Task<Result<std::vector<std::string>>> RedisPubSubChannelLayer::group_names() {
  redis::RedisContext& redis = *context_;
  const redis::PubSubNames names(redis.options().prefix);
  std::set<std::string> groups;
  for (std::size_t host = 0; host < redis.hosts(); ++host) {
    redis::Command command{"PUBSUB", "CHANNELS", names.group_channel("*")};
    const auto asking = redis.ask(host, std::move(command));
    const auto channels = co_await asking;
    if (!channels) co_return channels.error();
    for (const redis::Reply& channel : channels->elements) groups.emplace(names.group_of(channel.text));
  }
  co_return std::vector<std::string>(groups.begin(), groups.end());
}

LayerStats RedisPubSubChannelLayer::stats() const {
  LayerStats stats = DistributedChannelLayer::stats();
  context_->add_to(stats);
  return stats;
}

RedisStats RedisPubSubChannelLayer::redis_stats() const { return context_->stats(bus_stats()); }

}  // namespace sluice::SLUICE_ABI

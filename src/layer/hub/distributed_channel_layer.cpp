// SPDX-License-Identifier: MIT
#include "sluice/layer/distributed_channel_layer.hpp"

#include <fmt/format.h>

#include <future>
#include <stdexcept>
#include <utility>

#include "core/random.hpp"
#include "layer/hub/distributed_layer.hpp"
#include "layer/hub/hub.hpp"
#include "layer/hub/subscribed_reader.hpp"
#include "sluice/core/log.hpp"
#include "sluice/observe/health.hpp"

namespace sluice::SLUICE_ABI {
namespace {

constexpr auto slack = std::chrono::seconds(1);  // for an executor that is busy
constexpr std::size_t longest_number = 24;       // of a consumer, behind the channel prefix

DistributedLayerOptions completed(DistributedLayerOptions options) {
  if (options.channel_prefix.empty()) options.channel_prefix = "specific." + random_hex(32) + '!';
  if (!is_valid_channel_name(options.channel_prefix + std::string(longest_number, '0'))) {
    throw std::invalid_argument(fmt::format("{} layer: the channel prefix \"{}\" is too long, or can't begin a name",
                                            options.name, options.channel_prefix));
  }
  return options;
}

std::shared_ptr<Hub> make_hub(ExecutorGroup& executors, const std::shared_ptr<DistributedLayer>& core) {
  const std::weak_ptr<DistributedLayer> weak = core;
  GroupHooks hooks;
  hooks.emptied = [weak](std::string_view group) {
    if (const auto layer = weak.lock()) layer->group_left(group);
  };
  hooks.announce = [weak](std::string_view group) -> Completion<Result<void>> {
    if (const auto layer = weak.lock()) return layer->join({.group = std::string(group)});
    const Completion<Result<void>> ended;
    ended.resolve(Error(ErrorCode::layer_unavailable, "group_add: the layer has ended"));
    return ended;
  };
  return std::make_shared<Hub>(executors, core->options().layer, core->options().channel_prefix, std::move(hooks));
}

Task<Result<Inbox>> subscribe(std::shared_ptr<DistributedLayer> layer, Inbox local) {
  const auto done = layer->join({.channel = std::string(local.name())});
  Inbox inbox(std::make_unique<SubscribedReader>(layer, std::move(local)));
  auto joined = co_await done;
  if (!joined) co_return joined.error();
  co_return Result<Inbox>(std::move(inbox));
}

Task<Result<SendReceipt>> confirmed(std::shared_ptr<DistributedLayer> layer, BusTarget to, std::string name,
                                    Event event) {
  const Receipt receipt;
  if (auto taken = layer->publish(to, name, event, receipt); !taken) co_return taken.error();
  auto result = co_await receipt;
  if (result && result->full > 0 && to == BusTarget::channel) {
    co_return Error(ErrorCode::channel_full,
                    fmt::format("send \"{}\": it holds as many unread events as it may", name));
  }
  co_return result;
}

}  // namespace

DistributedChannelLayer::DistributedChannelLayer(ExecutorGroup& executors, std::unique_ptr<Bus> bus,
                                                 DistributedLayerOptions options)
    : executors_use_(executors.use_count(), "a channel layer with a bus"),
      core_(std::make_shared<DistributedLayer>(std::move(bus), completed(std::move(options)))),
      hub_(make_hub(executors, core_)) {
  core_->start(hub_);
}

DistributedChannelLayer::~DistributedChannelLayer() {
  end();
  Executor& executor = core_->executor();
  executor.post([core = std::move(core_), hub = std::move(hub_)] {});
}

void DistributedChannelLayer::end() {
  if (std::exchange(ended_, true)) return;
  if (Executor::current() || core_->waiting_events() == 0) {
    core_->close({});
  } else {
    const auto ended = std::make_shared<std::promise<void>>();
    core_->close([ended](std::size_t) { ended->set_value(); });
    const auto patience = core_->options().close_time + slack;
    if (ended->get_future().wait_for(patience) == std::future_status::timeout) {
      log(LogLevel::warning, fmt::format("{} layer: destroyed while its executor did not run: {} events that had "
                                         "been accepted may not be delivered",
                                         core_->options().name, core_->waiting_events()));
    }
  }
}

Task<Result<void>> DistributedChannelLayer::wait_until_up() {
  const auto done = core_->wait_until_up();
  co_return co_await done;
}

Task<std::size_t> DistributedChannelLayer::close() {
  const Completion<std::size_t> done;
  core_->close([done](std::size_t undelivered) { done.resolve(undelivered); });
  co_return co_await done;
}

Task<Result<Channel>> DistributedChannelLayer::open_channel(Subscriber& subscriber) {
  return hub_->open_channel(subscriber);
}

Task<Result<Inbox>> DistributedChannelLayer::open_inbox(std::string_view channel) {
  auto inbox = hub_->open_inbox(channel);
  if (!inbox) return inbox;
  return subscribe(core_, std::move(*inbox));
}

Result<void> DistributedChannelLayer::group_send(std::string_view group, Event event) {
  if (auto checked = hub_->check_group_send(group, event); !checked) return checked;
  return core_->publish(BusTarget::group, group, event, {});
}

Result<void> DistributedChannelLayer::send(std::string_view channel, Event event) {
  if (auto checked = hub_->check_send(channel, event); !checked) return checked;
  return core_->publish(BusTarget::channel, channel, event, {});
}

Task<Result<void>> DistributedChannelLayer::group_send_when_room(std::string_view group, Event event) {
  if (auto checked = hub_->check_group_send(group, event); !checked) return checked;
  return core_->publish_when_room(BusTarget::group, group, event);
}

Task<Result<void>> DistributedChannelLayer::send_when_room(std::string_view channel, Event event) {
  if (auto checked = hub_->check_send(channel, event); !checked) return checked;
  return core_->publish_when_room(BusTarget::channel, channel, event);
}

Task<Result<SendReceipt>> DistributedChannelLayer::group_send_confirmed(std::string_view group, Event event) {
  if (auto checked = hub_->check_group_send(group, event); !checked) return Result<SendReceipt>(checked.error());
  return confirmed(core_, BusTarget::group, std::string(group), std::move(event));
}

Task<Result<SendReceipt>> DistributedChannelLayer::send_confirmed(std::string_view channel, Event event) {
  if (auto checked = hub_->check_send(channel, event); !checked) return Result<SendReceipt>(checked.error());
  return confirmed(core_, BusTarget::channel, std::string(channel), std::move(event));
}

Task<Result<std::size_t>> DistributedChannelLayer::group_size(std::string_view group) {
  return hub_->group_size(group);
}
Task<Result<std::vector<std::string>>> DistributedChannelLayer::group_channels(std::string_view group) {
  return hub_->group_channels(group);
}
Task<Result<void>> DistributedChannelLayer::flush() { return hub_->flush(); }

LayerStats DistributedChannelLayer::stats() const {
  LayerStats stats = hub_->stats();
  core_->add_to(stats);
  return stats;
}

std::vector<Problem> DistributedChannelLayer::problems() const {
  const auto outage = core_->outage().cause();
  if (!outage) return {};
  return {{"layer", "down", fmt::format("{} layer: {}", core_->options().name, outage->reason), outage->since}};
}

Result<void> DistributedChannelLayer::check_inbox(std::string_view channel) const { return hub_->check_inbox(channel); }
std::shared_ptr<LayerSubscriptions> DistributedChannelLayer::subscriptions() const { return core_; }

const void* DistributedChannelLayer::origin() const noexcept { return hub_->origin(); }
BusStats DistributedChannelLayer::bus_stats() const { return core_->stats(); }

}  // namespace sluice::SLUICE_ABI

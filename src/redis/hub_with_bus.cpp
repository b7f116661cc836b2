// SPDX-License-Identifier: MIT
#include "redis/hub_with_bus.hpp"

#include <fmt/format.h>

#include <future>
#include <utility>

#include "layer/names.hpp"
#include "sluice/core/log.hpp"

namespace sluice::redis {
namespace {

constexpr auto slack = std::chrono::seconds(1);  // for an executor that is busy

ChannelLayerOptions layer_options(const RedisOptions& options) {
  return {.capacity = options.capacity,
          .channel_capacity = options.channel_capacity,
          .expiry = options.expiry,
          .message_bytes = options.message_bytes,
          .waiting_events = options.arrived_events,
          .waiting_bytes = options.arrived_bytes};
}

Task<Result<SendReceipt>> confirmed(std::shared_ptr<Bus> bus, Publication::To to, std::string name, Event event) {
  const Receipt receipt;
  if (auto taken = bus->publish(to, name, event, receipt); !taken) co_return taken.error();
  auto result = co_await receipt;
  if (result && result->full > 0 && to == Publication::To::channel) {
    co_return Error(ErrorCode::channel_full,
                    fmt::format("send \"{}\": it holds as many unread events as it may", name));
  }
  co_return result;
}

}  // namespace

HubWithBus::HubWithBus(ExecutorGroup& executors, Dialer& dialer, BusParts parts, std::string channel_prefix)
    : executors_use_(executors.use_count(), "a Redis channel layer"), dialer_(std::make_shared<LentDialer>(dialer)) {
  const ChannelLayerOptions options = layer_options(parts.options);
  bus_ = std::make_shared<Bus>(dialer_, executors, std::move(parts));
  hub_ = std::make_shared<Hub>(executors, options, std::move(channel_prefix),
                               [weak = std::weak_ptr(bus_)](std::string_view group) {
                                 if (const auto bus = weak.lock()) bus->group_left(group);
                               });
}

void HubWithBus::start() { bus_->start(hub_); }

HubWithBus::~HubWithBus() {
  if (Executor::current() || bus_->waiting_events() == 0) {
    bus_->close({});
  } else {
    const auto ended = std::make_shared<std::promise<void>>();
    bus_->close([ended](std::size_t) { ended->set_value(); });
    const auto patience = bus_->options().close_time + slack;
    if (ended->get_future().wait_for(patience) == std::future_status::timeout) {
      log(LogLevel::warning, fmt::format("Redis layer: destroyed while its executor stood still: {} events that had "
                                         "been accepted may not be delivered",
                                         bus_->waiting_events()));
    }
  }
  dialer_->give_back();
  Executor& executor = bus_->executor();
  executor.post([bus = std::move(bus_), hub = std::move(hub_)] {});
}

Task<Result<void>> HubWithBus::wait_until_up() {
  const auto done = bus_->wait_until_up();
  co_return co_await done;
}

Task<std::size_t> HubWithBus::close() {
  const Completion<std::size_t> done;
  bus_->close([done](std::size_t undelivered) { done.resolve(undelivered); });
  co_return co_await done;
}

Task<Result<void>> HubWithBus::group_add(std::string_view group, const Channel& channel) {
  if (auto checked = check_group_name("group_add", group); !checked) return checked;
  const bool was_member = hub_->owns(channel) && channel.in_group(group);
  if (auto added = hub_->group_add(group, channel); !added) return added;
  return announced(group, [this, group, &channel, was_member] {
    if (!was_member) (void)hub_->group_discard(group, channel);
  });
}

namespace {

Task<Result<void>> await_join(Completion<Result<void>> done, Function<void()> undo) {
  auto joined = co_await done;
  if (!joined) undo();
  co_return joined;
}

}  // namespace

// Who is not the first needs no coroutine, and no other thread.
Task<Result<void>> HubWithBus::announced(std::string_view group, Function<void()> undo) {
  if (hub_->index().announced(group)) return Result<void>();
  return await_join(bus_->join(group), std::move(undo));
}

Result<void> HubWithBus::group_send(std::string_view group, const Event& event) {
  if (auto checked = hub_->check_group_send(group, event); !checked) return checked;
  return bus_->publish(Publication::To::group, group, event, {});
}

Result<void> HubWithBus::send(std::string_view channel, const Event& event) {
  if (auto checked = hub_->check_send(channel, event); !checked) return checked;
  return bus_->publish(Publication::To::channel, channel, event, {});
}

Task<Result<void>> HubWithBus::group_send_when_room(std::string_view group, const Event& event) {
  if (auto checked = hub_->check_group_send(group, event); !checked) return checked;
  return bus_->publish_when_room(Publication::To::group, group, event);
}

Task<Result<void>> HubWithBus::send_when_room(std::string_view channel, const Event& event) {
  if (auto checked = hub_->check_send(channel, event); !checked) return checked;
  return bus_->publish_when_room(Publication::To::channel, channel, event);
}

Task<Result<SendReceipt>> HubWithBus::group_send_confirmed(std::string_view group, Event event) {
  if (auto checked = hub_->check_group_send(group, event); !checked) return Result<SendReceipt>(checked.error());
  return confirmed(bus_, Publication::To::group, std::string(group), std::move(event));
}

Task<Result<SendReceipt>> HubWithBus::send_confirmed(std::string_view channel, Event event) {
  if (auto checked = hub_->check_send(channel, event); !checked) return Result<SendReceipt>(checked.error());
  return confirmed(bus_, Publication::To::channel, std::string(channel), std::move(event));
}

LayerStats HubWithBus::stats() const {
  LayerStats stats = hub_->stats();
  bus_->add_to(stats);
  return stats;
}

}  // namespace sluice::redis

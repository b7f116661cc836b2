// SPDX-License-Identifier: MIT
// What the two Redis layers have in common: a hub for this process, a bus to the others.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "layer/hub/hub.hpp"
#include "redis/bus.hpp"
#include "redis/wire/lent_dialer.hpp"
#include "sluice/redis/redis_options.hpp"
#include "sluice/redis/send_receipt.hpp"

namespace sluice::redis {

/// Threads as for ChannelLayer.
class HubWithBus {
 public:
  /// `channel_prefix` begins the names of this process's consumers.
  HubWithBus(ExecutorGroup& executors, Dialer& dialer, BusParts parts, std::string channel_prefix);
  HubWithBus(const HubWithBus&) = delete;
  HubWithBus& operator=(const HubWithBus&) = delete;
  /// Closes. On a thread that is no executor's it waits for what is still on its way, as close() does; elsewhere the
  /// bus goes on by itself, as long as its executor does.
  ~HubWithBus();

  /// Connects. Whatever the bus tells of itself must be there to hear it.
  void start();
  Task<Result<void>> wait_until_up();
  Task<std::size_t> close();
  Task<Result<void>> group_add(std::string_view group, const Channel& channel);
  /// Done once Redis knows that the group has a member here; the member is one already. `undo` when it fails.
  Task<Result<void>> announced(std::string_view group, Function<void()> undo);
  Result<void> group_send(std::string_view group, const Event& event);
  Result<void> send(std::string_view channel, const Event& event);
  Task<Result<void>> group_send_when_room(std::string_view group, const Event& event);
  Task<Result<void>> send_when_room(std::string_view channel, const Event& event);
  Task<Result<SendReceipt>> group_send_confirmed(std::string_view group, Event event);
  Task<Result<SendReceipt>> send_confirmed(std::string_view channel, Event event);
  LayerStats stats() const;

  Hub& hub() noexcept { return *hub_; }
  Bus& bus() noexcept { return *bus_; }
  const std::shared_ptr<Bus>& shared_bus() const noexcept { return bus_; }

 private:
  const UseCount::Use executors_use_;
  std::shared_ptr<LentDialer> dialer_;
  std::shared_ptr<Bus> bus_;
  std::shared_ptr<Hub> hub_;
};

}  // namespace sluice::redis

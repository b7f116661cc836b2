// SPDX-License-Identifier: MIT
// A plain channel on the pub/sub layer: the hub's inbox, and the subscription that fills it.
#pragma once

#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "redis/bus.hpp"
#include "sluice/layer/channel.hpp"

namespace sluice::redis {

/// As for Inbox::Reader. Each one holds a share of its channel's subscription.
class SubscribedReader final : public Inbox::Reader {
 public:
  SubscribedReader(std::shared_ptr<Bus> bus, Inbox local) : bus_(std::move(bus)), local_(std::move(local)) {}
  ~SubscribedReader() override { bus_->leave({}, local_.name()); }
  SubscribedReader(const SubscribedReader&) = delete;
  SubscribedReader& operator=(const SubscribedReader&) = delete;

  std::string_view name() const noexcept override { return local_.name(); }
  Task<Result<Event>> receive() override { return local_.receive(); }
  std::optional<Event> poll() override { return local_.poll(); }
  Task<Result<void>> join(std::string_view group) override { return local_.reader().join(group); }
  void leave(std::string_view group) override { local_.reader().leave(group); }
  const void* origin() const noexcept override { return local_.origin(); }

 private:
  std::shared_ptr<Bus> bus_;
  Inbox local_;
};

}  // namespace sluice::redis

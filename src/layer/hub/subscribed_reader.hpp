// SPDX-License-Identifier: MIT
// A plain channel on a bus: the hub's inbox, and the subscription that fills it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "layer/hub/distributed_layer.hpp"
#include "sluice/layer/channel.hpp"

namespace sluice::SLUICE_ABI {

/// As for Inbox::Reader. Each one holds a share of its channel's subscription.
class SubscribedReader final : public Inbox::Reader {
 public:
  SubscribedReader(std::shared_ptr<DistributedLayer> layer, Inbox local)
      : layer_(std::move(layer)), local_(std::move(local)) {}
  ~SubscribedReader() override { layer_->leave({.channel = std::string(local_.name())}); }
  SubscribedReader(const SubscribedReader&) = delete;
  SubscribedReader& operator=(const SubscribedReader&) = delete;

  std::string_view name() const noexcept override { return local_.name(); }
  Task<Result<Event>> receive() override { return local_.receive(); }
  std::optional<Event> poll() override { return local_.poll(); }
  Task<Result<void>> join(std::string_view group) override { return local_.end().join(group); }
  Task<Result<void>> leave(std::string_view group) override { return local_.end().leave(group); }
  const void* origin() const noexcept override { return local_.origin(); }

 private:
  const std::shared_ptr<DistributedLayer> layer_;
  Inbox local_;
};

}  // namespace sluice::SLUICE_ABI

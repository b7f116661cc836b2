// SPDX-License-Identifier: MIT
// An event on its way to the bus, from the sender's call until the bus has finished with it.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "layer/hub/layer_reports.hpp"
#include "layer/hub/room.hpp"
#include "sluice/core/completion.hpp"
#include "sluice/layer/bus.hpp"

namespace sluice::SLUICE_ABI {

/// The messages on their way to the bus, with their bound, and the number that did not arrive. Any thread.
struct MessagesOnTheWay {
  MessagesOnTheWay(std::size_t most_events, std::size_t most_bytes) : room(most_events, most_bytes) {}

  Room room;
  std::atomic<std::size_t> undelivered{0};  // messages that failed or found a place full, since the layer was built
  std::shared_ptr<LayerReports> reports;    // since the layer has a hub
};

using Receipt = Completion<Result<SendReceipt>>;

/// One group_send or send. It holds its room until it is destroyed.
class QueuedMessage final : public BusMessage {
 public:
  /// The room was taken by the caller.
  QueuedMessage(BusTarget to, std::string name, BusBody body, Executor::Clock::time_point expires,
                std::shared_ptr<MessagesOnTheWay> all, std::optional<Receipt> receipt)
      : BusMessage(to, std::move(name), std::move(body), expires),
        all_(std::move(all)),
        receipt_to_(std::move(receipt)) {}
  /// Its last part is done: the sender receives the outcome.
  ~QueuedMessage() override {
    if (error_ || !has_outcome_ || receipt_.full > 0) {
      all_->undelivered.fetch_add(1, std::memory_order_relaxed);
      if (all_->reports) all_->reports->dropped(LayerDrop::undelivered, name);
    }
    try {
      if (receipt_to_) receipt_to_->resolve(outcome());
    } catch (...) {  // no memory for the sender's job: the copy that it awaits ends with BrokenPromise
    }
    all_->room.give_back(1, size_of(body));
  }

  void failed(Error error) noexcept override { error_.emplace(std::move(error)); }

  static std::size_t size_of(const BusBody& body) noexcept { return body.bytes.size(); }

 private:
  Result<SendReceipt> outcome() const {
    if (error_) return *error_;
    if (!has_outcome_) return Error(ErrorCode::layer_unavailable, "perhaps not sent: the bus has dropped it");
    return receipt_;
  }

  const std::shared_ptr<MessagesOnTheWay> all_;
  std::optional<Receipt> receipt_to_;
  std::optional<Error> error_;
};

}  // namespace sluice::SLUICE_ABI

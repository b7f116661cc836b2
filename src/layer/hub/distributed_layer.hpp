// SPDX-License-Identifier: MIT
// The half of a channel layer that reaches other processes: messages on their way to the bus, subscriptions, outages,
// and the end. It runs on the bus's executor; the layer's calls from other threads arrive as jobs.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "layer/hub/bus_subscriptions.hpp"
#include "layer/hub/hub.hpp"
#include "layer/hub/outage.hpp"
#include "layer/hub/queued_message.hpp"
#include "layer/hub/reading_pauses.hpp"
#include "layer/hub/waiting_messages.hpp"
#include "sluice/abi.hpp"
#include "sluice/core/log_throttle.hpp"
#include "sluice/layer/bus.hpp"
#include "sluice/layer/distributed_channel_layer.hpp"

namespace sluice::SLUICE_ABI {

/// See above. start() first. What BusEvents has: the bus's executor only. The rest: any thread.
class SLUICE_API DistributedLayer final : public BusEvents,
                                          public LayerSubscriptions,
                                          public std::enable_shared_from_this<DistributedLayer> {
 public:
  /// Throws std::invalid_argument for options that can't work.
  DistributedLayer(std::unique_ptr<Bus> bus, DistributedLayerOptions options);
  ~DistributedLayer() override;

  void start(std::shared_ptr<Hub> hub);

  /// The group has lost its last member here.
  void group_left(std::string_view group);
  Completion<Result<void>> join(BusSubscription to) override;
  void leave(BusSubscription to) override;
  void leave_channels() override;

  /// An Error: it was not accepted. no_room: too much is on its way already.
  Result<void> publish(BusTarget to, std::string_view name, const Event& event, std::optional<Receipt> receipt);
  /// The same, but it waits for room.
  Task<Result<void>> publish_when_room(BusTarget to, std::string_view name, const Event& event);

  /// Resolves when every link is up and every subscription restored.
  Completion<Result<void>> wait_until_up();
  /// Accepts nothing more, sends accepted messages, then ends all subscriptions and the bus, within close_time. `ended`
  /// is called on the bus's executor with the number of events that were accepted and not delivered since the layer was
  /// built.
  using Ended = Function<void(std::size_t undelivered)>;
  void close(Ended ended);

  /// Events on their way to the bus.
  std::size_t waiting_events() const noexcept { return on_the_way_->room.events(); }
  void add_to(LayerStats& stats) const;
  BusStats stats() const;
  const Outage& outage() const noexcept { return outage_; }
  Executor& executor() const noexcept { return executor_; }
  const DistributedLayerOptions& options() const noexcept { return options_; }

  void received(BusTarget to, std::string_view name, const Event& event) override;
  void up(std::size_t link) override;
  void down(std::size_t link, const Error& reason) override;
  void missed(const Error& reason) override;
  void writable(std::size_t link) override;
  void not_sent(std::size_t link, std::shared_ptr<BusMessage> message) override;
  bool has_room() const noexcept override { return hub_->has_room(); }
  void when_room(Function<void()> resume) override;
  void subscribe_each_channel() override;

 private:
  struct Link {
    WaitingMessages waiting;
    bool up = false;  // and all its subscriptions are made
    bool publishing = false;
  };
  using Waiter = SubscriptionEntry::Waiter;

  template <class F>
  void post(F work) {
    executor_.post([self = shared_from_this(), work = std::move(work)]() mutable { work(*self); });
  }
  static Task<Result<void>> wait_for_room(std::shared_ptr<DistributedLayer> self, BusTarget to, std::string name,
                                          BusBody body, Event event);
  Result<void> accept(BusTarget to, std::string_view name, BusBody body, std::optional<Receipt> receipt);
  void hand_over(std::shared_ptr<BusMessage> message) noexcept;
  void publish_waiting(std::size_t link) noexcept;
  void restored(std::size_t link);
  void went_down(const std::string& reason);
  void notify() noexcept;
  void tick();
  void drop_expired(Link& link) noexcept;
  void begin_to_close(Ended ended);
  void leave_when_drained();
  void end();

  const DistributedLayerOptions options_;
  Executor& executor_;
  const Bus::Encode encode_;
  const std::shared_ptr<MessagesOnTheWay> on_the_way_;
  std::shared_ptr<Hub> hub_;
  std::shared_ptr<ReadingPauses> pauses_;
  std::optional<BusSubscriptions> subscriptions_;  // since start()
  std::vector<Link> links_;
  std::vector<Waiter> waiting_for_up_;
  std::string last_reason_;  // of an outage
  Outage outage_;
  Executor::Clock::time_point settled_at_{};  // not up before
  bool down_notice_due_ = false;              // consumers are to receive LayerDown
  bool down_notified_ = false;                // and have received it since LayerUp
  LogThrottle said_{{.lines = 1, .period = std::chrono::minutes(1)}};
  struct Counters {
    std::atomic<bool> up{false};
    std::atomic<std::uint64_t> downs{0}, refused{0}, expired_waiting{0}, received{0}, pauses{0};
  } counters_;
  std::atomic<bool> closed_{false};  // by any thread: publish refuses
  std::vector<Ended> closing_for_;
  std::size_t undelivered_before_closing_ = 0;
  bool closing_ = false;
  bool leaving_ = false;  // everything was sent: subscriptions end
  bool ended_ = false;
  std::unique_ptr<Bus> bus_;  // last: it ends first. Null once this has ended
};

}  // namespace sluice::SLUICE_ABI

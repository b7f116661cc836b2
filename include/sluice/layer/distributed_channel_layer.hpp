// SPDX-License-Identifier: MIT
// A channel layer across processes, on any bus.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/abi.hpp"
#include "sluice/core/completion.hpp"
#include "sluice/core/executor.hpp"
#include "sluice/layer/bus.hpp"
#include "sluice/layer/channel_layer.hpp"
#include "sluice/layer/send_receipt.hpp"
#include "sluice/observe/metric.hpp"

namespace sluice::SLUICE_ABI {

class DistributedLayer;
class Hub;

/// The longest time that a layer's options may have: the clock's nanoseconds end after 292 years.
inline constexpr std::chrono::seconds longest_layer_time = std::chrono::years(100);

/// Options of a layer with a bus. Its constructor throws std::invalid_argument where waiting_events is 0, or a time is
/// negative or above 100 years. A value; fixed once the layer is constructed.
struct DistributedLayerOptions {
  // Its waiting_events and waiting_bytes bound events that have arrived and are not delivered.
  ChannelLayerOptions layer = {};

  // Events that wait for a bus that is down or slow, for ChannelLayerOptions::expiry at most. Above either bound a send
  // fails with no_room, or waits (ChannelLayer::group_send_when_room).
  std::size_t waiting_events = 10'000;
  std::size_t waiting_bytes = 64 * 1024 * 1024;

  std::chrono::milliseconds join_time{5'000};   // a group_add that the bus has not confirmed by then fails
  std::chrono::milliseconds close_time{5'000};  // close() and the destructor wait this long for accepted events

  std::string channel_prefix = {};   // of this process's consumers; empty: "specific.", 32 random digits, '!'
  std::string name = "Distributed";  // in log lines and errors, before "layer"
  std::string options_name = "DistributedLayerOptions";  // the name of these options there
};

/// Counters of a layer with a bus since it was built, and its current state. A value.
struct SLUICE_API BusStats {
  bool up = false;                    // every link is up and every subscription restored
  std::uint64_t downs = 0;            // how often it went down
  std::uint64_t waiting_events = 0;   // on their way to the bus now
  std::uint64_t waiting_bytes = 0;    // of them
  std::uint64_t refused = 0;          // not sent: too much was on its way already
  std::uint64_t expired_waiting = 0;  // not sent: the bus was down for longer than the expiry
  std::uint64_t received = 0;         // events
  std::uint64_t pauses = 0;           // how often reading stopped because executors had too many events to deliver
  std::uint64_t memberships = 0;      // subscriptions of this process now
  std::uint64_t undelivered = 0;      // accepted, and not or perhaps not delivered, for whatever reason

  static constexpr std::string_view metric_prefix = "sluice_bus";
  /// Each number as a metric, with its help text.
  static std::span<const observe::Metric<BusStats>> metrics() noexcept;
};

/// What a class derived from DistributedChannelLayer subscribes to, beside what the layer does itself: plain channels
/// that the broker keeps, as members of groups. Any thread.
class SLUICE_API LayerSubscriptions {
 public:
  virtual ~LayerSubscriptions() = default;
  /// Resolves when the bus has the subscription. Where it names a channel each is matched by one leave().
  virtual Completion<Result<void>> join(BusSubscription to) = 0;
  virtual void leave(BusSubscription to) = 0;
  /// All channels' subscriptions, however often they had joined.
  virtual void leave_channels() = 0;
};

/// Groups and channels of this process, joined to those of others by a bus:
///
///     DistributedChannelLayer layer(executors, std::make_unique<MyBus>(executors.at(0)));
///
/// It connects by itself, and again after an outage: consumers that list LayerDown and LayerUp among their handlers
/// receive them, others are not affected. Events that are sent meanwhile wait, within the options' bounds.
///
/// - group_add waits until the bus has confirmed the group's subscription, up to join_time.
/// - Events of one sender to one group or channel arrive in order, if the bus keeps it.
/// - Of a plain channel, every process that reads it receives each event; within a process one reader does. Events
///   for a channel without a reader are lost.
/// - group_size, group_channels and flush know this process's members only.
///
/// Threads as for ChannelLayer. The executors outlive the layer, and its work after close().
class SLUICE_API DistributedChannelLayer : public ChannelLayer {
 public:
  DistributedChannelLayer(ExecutorGroup& executors, std::unique_ptr<Bus> bus, DistributedLayerOptions options = {});
  /// As close(), if that was not called. It waits for events on their way, unless it runs on an executor.
  ~DistributedChannelLayer() override;
  DistributedChannelLayer(const DistributedChannelLayer&) = delete;
  DistributedChannelLayer& operator=(const DistributedChannelLayer&) = delete;

  /// Finished once every link is up and every subscription restored. An Error: not within join_time.
  Task<Result<void>> wait_until_up();
  /// Sends accepted events, within close_time, then ends every subscription and the bus. Later sends fail with
  /// layer_unavailable. Returns the number of events that were accepted and not or perhaps not delivered since the
  /// layer was built (BusStats::undelivered). Any thread.
  Task<std::size_t> close();

  Task<Result<Channel>> open_channel(Subscriber& subscriber) override;
  /// Finished once events for the channel arrive here.
  Task<Result<Inbox>> open_inbox(std::string_view channel) override;
  Result<void> group_send(std::string_view group, Event event) override;
  Result<void> send(std::string_view channel, Event event) override;
  Task<Result<void>> group_send_when_room(std::string_view group, Event event) override;
  Task<Result<void>> send_when_room(std::string_view channel, Event event) override;
  Task<Result<std::size_t>> group_size(std::string_view group) override;
  Task<Result<std::vector<std::string>>> group_channels(std::string_view group) override;
  Task<Result<void>> flush() override;
  LayerStats stats() const override;
  std::vector<Problem> problems() const override;
  const void* origin() const noexcept override;

  /// As group_send, and returns the outcome. An Error after it was accepted: perhaps not sent.
  Task<Result<SendReceipt>> group_send_confirmed(std::string_view group, Event event);
  /// As send. ErrorCode::channel_full: the channel, or the process that it belongs to, holds its capacity.
  Task<Result<SendReceipt>> send_confirmed(std::string_view channel, Event event);

  BusStats bus_stats() const;

 protected:
  /// The work of the destructor, for a layer that owns objects that the bus uses; once.
  void end();
  /// May an inbox be opened for a channel of this name? An Error is counted.
  Result<void> check_inbox(std::string_view channel) const;
  /// They may outlive the layer, as inboxes do.
  std::shared_ptr<LayerSubscriptions> subscriptions() const;

 private:
  const UseCount::Use executors_use_;
  std::shared_ptr<DistributedLayer> core_;
  std::shared_ptr<Hub> hub_;
  bool ended_ = false;
};

}  // namespace sluice::SLUICE_ABI

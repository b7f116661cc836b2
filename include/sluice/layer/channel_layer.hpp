// SPDX-License-Identifier: MIT
// Channel names, groups, point-to-point sends and broadcasts, across threads and, with a bus, across processes.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sluice/abi.hpp"
#include "sluice/core/result.hpp"
#include "sluice/core/task.hpp"
#include "sluice/core/use_count.hpp"
#include "sluice/layer/channel.hpp"
#include "sluice/layer/event.hpp"
#include "sluice/observe/metric.hpp"

namespace sluice::SLUICE_ABI {

/// The capacity of channels whose names match a pattern. A value.
class SLUICE_API ChannelCapacity {
 public:
  /// A shell pattern over the whole name: `*`, `?`, `[...]`.
  static ChannelCapacity glob(std::string pattern, std::size_t capacity);
  /// A regular expression (ECMAScript) that is matched at the beginning of the name. Throws std::invalid_argument when
  /// it is malformed.
  static ChannelCapacity regex(std::string pattern, std::size_t capacity);

  bool fits(std::string_view channel) const;
  std::size_t capacity() const noexcept { return capacity_; }

 private:
  enum class Syntax : std::uint8_t { glob, regex };
  ChannelCapacity(Syntax syntax, std::string pattern, std::size_t capacity)
      : syntax_(syntax), pattern_(std::move(pattern)), capacity_(capacity) {}
  Syntax syntax_;
  std::string pattern_;
  std::size_t capacity_;
};

class LayerObserver;
struct Problem;

/// The limits of a channel layer, with the names that channels_redis gives them. The constructor of a layer throws
/// std::invalid_argument if expiry is below 1 s or above 100 years, or if message_bytes or waiting_events is 0. All
/// other values are valid. A value; fixed once the layer is constructed.
struct ChannelLayerOptions {
  std::size_t capacity = 100;                          // events that wait in a channel
  std::vector<ChannelCapacity> channel_capacity = {};  // exceptions to it; the first that matches applies (CL-13)
  std::chrono::milliseconds expiry{60'000};            // an event that is unread by then is dropped (CL-15)
  std::size_t message_bytes = 8 * 1024 * 1024;         // of one event; a larger one is refused (CL-10)
  // Events that wait for one executor. Above either bound a send fails with no_room, or waits (group_send_when_room).
  std::size_t waiting_events = 100'000;
  std::size_t waiting_bytes = 64 * 1024 * 1024;  // including an event's overhead
  /// Called in their order for events and the state of the bus: sluice/layer/layer_observer.hpp. The layer shares them
  /// until it and its channels have ended.
  std::vector<std::shared_ptr<LayerObserver>> observers = {};
};

/// What a layer did since it was built, and the events that it dropped, by cause. A value.
struct SLUICE_API LayerStats {
  std::uint64_t sends = 0;               // send() calls that were accepted
  std::uint64_t group_sends = 0;         // group_send() calls that were accepted
  std::uint64_t deliveries = 0;          // events given to a subscriber, or stored in a plain channel
  std::uint64_t dropped_full = 0;        // a plain channel held its capacity
  std::uint64_t dropped_expired = 0;     // it was not read in time
  std::uint64_t dropped_no_channel = 0;  // the channel is closed
  std::uint64_t dropped_too_large = 0;
  std::uint64_t dropped_invalid_name = 0;
  std::uint64_t dropped_no_room = 0;    // too many events were waiting: the sender got an error
  std::uint64_t failed_deliveries = 0;  // a subscriber threw, or there was no memory: Subscriber::missed was called
  std::uint64_t channels = 0;           // open now
  std::uint64_t groups = 0;             // with a member now
  std::uint64_t plain_channels = 0;     // plain channels that hold an event or have a reader now
  std::uint64_t waiting_events = 0;     // events that wait for executors and for a bus now: each executor's copy counts
  std::uint64_t waiting_bytes = 0;      // of them

  static constexpr std::string_view metric_prefix = "sluice_layer";
  /// The metrics of these numbers. Any thread.
  static std::span<const observe::Metric<LayerStats>> metrics() noexcept;
};

/// A channel layer. It delivers at most once, in order from one sender to one receiver, and counts every event that it
/// drops.
///
/// group_send, send and their waiting forms, open_inbox, group_size, group_channels, flush, stats: any thread.
/// open_channel, group_add and group_discard of a Channel: the subscriber's executor only. The layer outlives its
/// channels and inboxes.
class SLUICE_API ChannelLayer {
 public:
  virtual ~ChannelLayer() = default;

  /// A channel of its own for this subscriber, with a new unique name. The subscriber outlives the Channel.
  virtual Task<Result<Channel>> open_channel(Subscriber& subscriber) = 0;
  /// A reader of a plain channel: any valid name without a '!'.
  virtual Task<Result<Inbox>> open_inbox(std::string_view channel) = 0;

  /// Once it has finished, events for the group arrive. Adding twice is the same as once (behaviour CL-19). A channel
  /// or an inbox of another layer, or an empty one: ErrorCode::invalid_argument. The handles do the work:
  /// Channel::Membership and Inbox::Reader.
  Task<Result<void>> group_add(std::string_view group, const Channel& channel);
  Task<Result<void>> group_add(std::string_view group, const Inbox& inbox);
  /// Leaving a group one is not in is no error (behaviour CL-20).
  Task<Result<void>> group_discard(std::string_view group, const Channel& channel);
  Task<Result<void>> group_discard(std::string_view group, const Inbox& inbox);

  /// To every member of the group; returns at once. An Error: nothing was sent (a bad name, too large, no room, the
  /// layer down). An empty group is no error (behaviour CL-26), nor is a member that is full (CL-21).
  virtual Result<void> group_send(std::string_view group, Event event) = 0;
  /// To one channel; returns at once. ErrorCode::channel_full when a plain channel holds its capacity (CL-7); for a
  /// closed subscriber's channel it is dropped and counted.
  virtual Result<void> send(std::string_view channel, Event event) = 0;

  /// As group_send and send, but while the layer has no room for the event they wait instead of failing with
  /// ErrorCode::no_room. For a publisher that may be faster than its subscribers:
  ///
  ///     const auto sent = co_await layer.group_send_when_room("prices", event);
  ///
  /// layer_unavailable if the layer ends meanwhile. It does not wait for a full plain channel. Any thread. The default
  /// is for a layer without bounds: it sends at once.
  virtual Task<Result<void>> group_send_when_room(std::string_view group, Event event);
  virtual Task<Result<void>> send_when_room(std::string_view channel, Event event);
  /// The same for a thread that may wait. Throws std::logic_error inside an executor's job. Any other thread.
  Result<void> group_send_blocking(std::string_view group, Event event);
  Result<void> send_blocking(std::string_view channel, Event event);

  /// The number of channels in the group now.
  virtual Task<Result<std::size_t>> group_size(std::string_view group) = 0;
  /// The names of the channels in the group now, in no order.
  virtual Task<Result<std::vector<std::string>>> group_channels(std::string_view group) = 0;
  /// Empties every group and every plain channel. Channels stay open. It has finished when it returns (behaviour
  /// CL-29).
  virtual Task<Result<void>> flush() = 0;

  virtual LayerStats stats() const = 0;
  /// What is not well: that the bus is down, why, and since when (sluice/observe/health.hpp). The default knows of
  /// nothing. Any thread.
  virtual std::vector<Problem> problems() const;
  /// Identifies this layer in its handles: the same address for all handles of this layer, and for no other.
  virtual const void* origin() const noexcept { return this; }
  /// For hosts, which must be destroyed before their layer.
  const UseCount& use_count() const noexcept { return use_count_; }

 private:
  UseCount use_count_{"the channel layer"};
};

/// Whether a channel may have this name. It is `[A-Za-z0-9_.-]+`, optionally a `!` and more of the same, under 100
/// characters (behaviour CL-1, CL-2, CL-5).
SLUICE_API bool is_valid_channel_name(std::string_view name) noexcept;
/// Whether a group may have this name: `[A-Za-z0-9_.-]+`, under 100 characters.
SLUICE_API bool is_valid_group_name(std::string_view name) noexcept;
/// The part of a name that all channels of one process share: up to and with the first '!', or the whole name (CL-6).
SLUICE_API std::string_view non_local_name(std::string_view channel) noexcept;

}  // namespace sluice::SLUICE_ABI

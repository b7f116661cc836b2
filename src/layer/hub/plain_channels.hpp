// SPDX-License-Identifier: MIT
// Plain channels: names without a subscriber, where events wait until an inbox takes them.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "core/string_hash.hpp"
#include "layer/hub/group_index.hpp"
#include "layer/hub/layer_reports.hpp"
#include "layer/hub/reader_life.hpp"
#include "layer/hub/shared_queue.hpp"
#include "sluice/core/executor.hpp"
#include "sluice/layer/channel_layer.hpp"

namespace sluice::SLUICE_ABI {

/// An event in a plain channel.
struct ExpiringEvent {
  Event event;
  Executor::Clock::time_point expires;
};

/// The queue behind one name. Any thread.
class PlainChannel : public SharedQueue<ExpiringEvent> {
 public:
  using TimePoint = Executor::Clock::time_point;
  enum class Stored { yes, full };

  PlainChannel(std::string name, std::size_t capacity) : name_(std::move(name)), capacity_(capacity) {}

  const std::string& name() const noexcept { return name_; }

  /// Stores the event and wakes no reader: the caller does, once it holds no lock.
  Stored push(Event event, TimePoint expires);
  /// Drops expired events; returns their number.
  std::size_t drop_expired(TimePoint now);
  /// True: from now on the caller sweeps it, and no one else does.
  bool take_sweep();
  /// The time of the next sweep: when its oldest event expires. nullopt: there is none, and sweeping ends.
  std::optional<TimePoint> next_sweep();

  void add_reader();
  void remove_reader();
  /// Neither an event nor a reader.
  bool idle() const;

 private:
  const std::string name_;
  const std::size_t capacity_;
  std::size_t readers_ = 0;
  bool swept_ = false;  // a timer is set for it
};

/// All plain channels of a process. Any thread.
class PlainChannels : public std::enable_shared_from_this<PlainChannels> {
 public:
  PlainChannels(Executor& clock, const ChannelLayerOptions& options, GroupIndex& index,
                std::shared_ptr<LayerReports> reports)
      : clock_(clock), options_(options), index_(index), reports_(std::move(reports)) {}

  Result<void> send(std::string_view channel, Event event);
  /// For a channel that is in a group: a full one is no error there.
  void send(const std::shared_ptr<PlainChannel>& channel, Event event);
  Inbox open_inbox(std::string_view channel, std::shared_ptr<void> keep_alive);
  void flush();

  std::size_t count() const;
  std::uint64_t stored() const noexcept { return stored_.load(std::memory_order_relaxed); }
  std::uint64_t dropped_full() const noexcept { return dropped_full_.load(std::memory_order_relaxed); }
  std::uint64_t dropped_expired() const noexcept { return dropped_expired_.load(std::memory_order_relaxed); }

  /// For an inbox: takes the next event that has not expired.
  std::optional<Event> take(PlainChannel& channel);
  void close_reader(const std::shared_ptr<PlainChannel>& channel);
  GroupIndex& index() noexcept { return index_; }

 private:
  std::shared_ptr<PlainChannel> find_or_make(std::string_view channel);  // under the lock
  struct Put {
    PlainChannel::Stored stored;
    std::size_t expired;  // before it
  };
  Put put(PlainChannel& channel, Event event);
  /// Without the lock.
  void after_put(const std::shared_ptr<PlainChannel>& channel, const Put& put);
  void count_expired(const PlainChannel& channel, std::size_t events) noexcept;
  void sweep_later(const std::shared_ptr<PlainChannel>& channel, std::chrono::nanoseconds delay);
  void forget_if_idle(const PlainChannel& channel);

  Executor& clock_;
  const ChannelLayerOptions& options_;
  GroupIndex& index_;
  const std::shared_ptr<LayerReports> reports_;
  mutable std::mutex mutex_;
  std::unordered_map<std::string, std::shared_ptr<PlainChannel>, StringHash, std::equal_to<>> channels_;
  std::atomic<std::uint64_t> stored_{0}, dropped_full_{0}, dropped_expired_{0};
};

/// The capacity of the channel of this name.
std::size_t capacity_of(const ChannelLayerOptions& options, std::string_view channel);

/// An inbox of a plain channel in this process.
class PlainReader final : public Inbox::Reader {
 public:
  PlainReader(std::shared_ptr<PlainChannels> channels, std::shared_ptr<PlainChannel> channel,
              std::shared_ptr<void> keep_alive);
  ~PlainReader() override;

  std::string_view name() const noexcept override { return parts_->channel->name(); }
  Task<Result<Event>> receive() override { return receive(parts_); }
  std::optional<Event> poll() override { return parts_->channels->take(*parts_->channel); }

  Task<Result<void>> join(std::string_view group) override;
  Task<Result<void>> leave(std::string_view group) override;
  const void* origin() const noexcept override { return &parts_->channels->index(); }

 private:
  // The state of a receive, which may end after its inbox.
  struct Parts {
    std::shared_ptr<void> keep_alive;
    std::shared_ptr<PlainChannels> channels;
    std::shared_ptr<PlainChannel> channel;
    ReaderLife life;
  };
  static Task<Result<Event>> receive(std::shared_ptr<Parts> parts);
  void leave_now(std::string_view group);

  const std::shared_ptr<Parts> parts_;
  std::mutex mutex_;
  std::unordered_set<std::string, StringHash, std::equal_to<>> groups_;
};

}  // namespace sluice::SLUICE_ABI

// SPDX-License-Identifier: MIT
// The part of the hub on one executor: its channels, its groups, and the mail for them. Other threads only add mail;
// everything else happens on the executor, without a lock.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/string_hash.hpp"
#include "layer/hub/group_index.hpp"
#include "layer/hub/joined_groups.hpp"
#include "layer/hub/layer_reports.hpp"
#include "layer/hub/member_slots.hpp"
#include "layer/hub/room.hpp"
#include "layer/hub/user_index.hpp"
#include "sluice/core/executor.hpp"
#include "sluice/layer/channel.hpp"
#include "sluice/layer/channel_layer.hpp"
#include "sluice/layer/event.hpp"
#include "sluice/transport/frame.hpp"

namespace sluice::SLUICE_ABI {

class HubMember;

/// Called with a channel's name, on its executor.
struct ChannelWatch {
  std::function<void(std::string channel)> opened;
  std::function<void(std::string channel)> closed;
};

/// A group's members on one executor.
struct HubGroup {
  const std::string* name;
  std::vector<HubMember*> members;
};

/// One executor's part of the hub. publish, send, room and counters: any thread. The rest: its executor only.
///
/// A failure affects only its recipients: when a subscriber throws, or there is no memory to encode an event, these
/// subscribers miss it, and each is notified.
class HubShard : public std::enable_shared_from_this<HubShard> {
 public:
  HubShard(Executor& executor, unsigned number, std::string channel_prefix, std::shared_ptr<GroupIndex> index,
           std::shared_ptr<LayerReports> reports, const ChannelLayerOptions& options);

  Executor& executor() const noexcept { return executor_; }
  unsigned number() const noexcept { return number_; }
  const GroupIndex& index() const noexcept { return *index_; }
  std::string channel_name(std::uint64_t channel) const;

  /// The part of the room that a waiting event takes.
  static std::size_t cost_of(const Event& event) noexcept;
  /// Bounds the mail. The caller takes the cost of an event before it publishes or sends it; when that throws, it gives
  /// the cost back.
  Room& room() noexcept { return room_; }
  void publish(std::string_view group, const Event& event, std::size_t cost) {
    put({std::string(group), 0, event, cost, reports_->now(executor_)});
  }
  void send(std::uint64_t channel, Event event, std::size_t cost) {
    put({std::string(), channel, std::move(event), cost, reports_->now(executor_)});
  }
  /// To every member, in its turn among the other mail. clear() leaves it.
  void send_to_all(const Event& event, std::size_t cost) {
    put({std::string(), everyone, event, cost, reports_->now(executor_)});
  }

  /// A number for a member that opens next. No other channel of this shard ever has it.
  std::uint64_t take_number();
  /// The member did not open.
  void give_back_number(std::uint64_t number) noexcept;
  void open(HubMember& member);
  void close(HubMember& member) noexcept;
  void join(HubMember& member, std::string_view group);
  void leave(HubMember& member, std::string_view group);
  void leave_all(HubMember& member) noexcept;
  const HubGroup* find(std::string_view group) const;
  HubMember* find(std::uint64_t channel) const noexcept;
  void watch_channels(std::shared_ptr<const ChannelWatch> watch);
  /// Empties every group and drops the mail that waits for groups and channels.
  void clear();

  struct Counters {  // written by the executor, read by any thread
    std::atomic<std::uint64_t> deliveries{0}, no_channel{0}, channels{0}, failed{0};
  };
  const Counters& counters() const noexcept { return counters_; }

 private:
  static constexpr std::uint64_t everyone = 0;  // no channel has this number
  struct Mail {
    std::string group;      // empty: to one channel
    std::uint64_t channel;  // or to everyone
    Event event;
    std::size_t cost;
    LayerReports::Time published;  // or arrived from the bus; for observers only

    bool to_all() const noexcept { return group.empty() && channel == everyone; }
  };

  static constexpr std::size_t max_authors = 8;  // that each member of a run is compared with
  // A channel's number is a serial number and, in its lower bits, its slot.
  static constexpr unsigned slot_bits = 24;  // more channels than an executor ever holds
  static std::uint32_t slot_of(std::uint64_t number) noexcept {
    return static_cast<std::uint32_t>(number) & ((1U << slot_bits) - 1);
  }
  // One writer, many readers: no locked instruction.
  static void count(std::atomic<std::uint64_t>& counter, std::uint64_t more) noexcept {
    counter.store(counter.load(std::memory_order_relaxed) + more, std::memory_order_relaxed);
  }

  void put(Mail mail);
  void count_delivered(const Mail& first, std::size_t events, std::uint64_t deliveries) noexcept;
  void report_written();
  void drain();
  std::size_t deliver_from(std::size_t at) noexcept;  // returns the index behind what it delivered
  std::size_t deliver_mail(std::size_t at);
  std::size_t deliver_run(const HubGroup& group, std::size_t at);
  bool join_run(const HubGroup& group, BroadcastKind kind, const Mail& mail, Frame& joined);
  template <class What>
  bool deliver_to(HubMember& member, const What& what) noexcept;
  void thrown_by(HubMember& member) noexcept;
  void missed_by(HubMember& member) noexcept;
  void missed(const Mail& mail) noexcept;
  std::uint64_t deliver_to_author(HubMember& member, const DeliveryRun& run) noexcept;
  void deliver_to_audience(const HubGroup& group, const Mail& mail);
  template <class F>
  void for_each_member(F call) {
    for (std::size_t slot = 0; slot < slots_.size(); ++slot) {
      if (HubMember* member = slots_.at(slot)) call(*member);
    }
  }
  template <class F>
  void for_each_of(const Audience& audience, const HubGroup& group, F call);
  void deliver_to_channel(HubMember& member, const Mail& mail);
  void leave(HubGroup& group, std::uint32_t place) noexcept;
  void forget_if_empty(HubGroup& group) noexcept;
  FrameBuffer& frames() { return executor_.local<FrameBuffer>(); }

  Executor& executor_;
  const unsigned number_;
  const std::string channel_prefix_;  // "specific.<process>!"
  const std::shared_ptr<GroupIndex> index_;
  const std::shared_ptr<LayerReports> reports_;

  std::mutex mutex_;
  std::vector<Mail> inbox_;
  Room room_;  // for the inbox and the batch

  std::vector<Mail> batch_;
  std::vector<Delivery> run_;
  std::vector<std::string_view> authors_;  // sockets that a part of the run excludes
  Frame begun_;                            // the first frame of the next run, encoded when it did not join the last one
  std::unordered_map<std::string, HubGroup, StringHash, std::equal_to<>> groups_;
  UserIndex users_;
  MemberSlots slots_;
  std::vector<bool> excluded_;  // by slot, while an audience without some users is visited
  std::uint64_t last_serial_ = 0;
  bool delivering_ = false;
  bool failure_logged_ = false;
  std::shared_ptr<const ChannelWatch> watch_;  // or null
  std::shared_ptr<HubShard> while_open_;       // this one: members may outlive the layer
  Counters counters_;
};

/// One subscriber's channel. It is in its shard's tables from construction to destruction. Its executor only.
class HubMember final : public Channel::Membership {
 public:
  HubMember(HubShard& shard, Subscriber& subscriber, std::uint64_t number, std::size_t capacity);
  ~HubMember() override;

  std::string name() const override { return shard_.channel_name(number_); }
  std::size_t capacity() const noexcept override { return capacity_; }
  std::size_t group_count() const noexcept override { return joined_.size(); }
  bool in_group(std::string_view group) const noexcept override { return joined_.contains(shard_.find(group)); }
  void leave_groups() override { shard_.leave_all(*this); }
  Task<Result<void>> join(std::string_view group) override;
  Task<Result<void>> leave(std::string_view group) override;
  const void* origin() const noexcept override { return &shard_.index(); }

  HubShard& shard() const noexcept { return shard_; }
  Subscriber& subscriber() const noexcept { return subscriber_; }
  Identity identity() const noexcept { return subscriber_.identity(); }
  std::uint64_t number() const noexcept { return number_; }
  /// Its groups, kept by the shard.
  JoinedGroups& joined() noexcept { return joined_; }
  /// Where it is among the members of its user, kept by the index of users.
  std::uint32_t& place_at_user() noexcept { return place_at_user_; }

 private:
  HubShard& shard_;
  Subscriber& subscriber_;
  const std::uint64_t number_;
  const std::uint32_t capacity_;
  std::uint32_t place_at_user_ = 0;
  JoinedGroups joined_;
};

}  // namespace sluice::SLUICE_ABI

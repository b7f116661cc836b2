// SPDX-License-Identifier: MIT
// The part of the hub that lives on one executor: its channels, its groups, and the mail for them. Other threads only
// put mail in; everything else happens on the executor, without a lock.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/string_hash.hpp"
#include "layer/group_index.hpp"
#include "layer/joined_groups.hpp"
#include "sluice/core/executor.hpp"
#include "sluice/layer/channel.hpp"
#include "sluice/layer/event.hpp"
#include "sluice/transport/frame.hpp"

namespace sluice {

class HubMember;

/// A group's members on one executor.
struct HubGroup {
  const std::string* name;
  std::vector<HubMember*> members;
};

/// One executor's part of the hub. publish and send: any thread. The rest: its executor only.
class HubShard : public std::enable_shared_from_this<HubShard> {
 public:
  HubShard(Executor& executor, unsigned number, std::string channel_prefix, std::shared_ptr<GroupIndex> index);

  Executor& executor() const noexcept { return executor_; }
  unsigned number() const noexcept { return number_; }
  std::string channel_name(std::uint64_t channel) const;

  void publish(std::string_view group, const Event& event) { put({std::string(group), 0, event}); }
  void send(std::uint64_t channel, Event event) { put({std::string(), channel, std::move(event)}); }

  /// A number for a member that opens next. No other channel of this shard ever has it.
  std::uint64_t take_number();
  void open(HubMember& member);
  void close(HubMember& member);
  void join(HubMember& member, std::string_view group);
  void leave(HubMember& member, std::string_view group);
  void leave_all(HubMember& member);
  const HubGroup* find(std::string_view group) const;
  HubMember* find(std::uint64_t channel) const noexcept;
  void deliver_to_all(const Event& event);
  /// Empties every group and drops the mail that waits.
  void clear();

  struct Counters {
    std::atomic<std::uint64_t> deliveries{0}, no_channel{0},
        channels{0};  // written by the executor, read by any thread
  };
  const Counters& counters() const noexcept { return counters_; }

 private:
  struct Mail {
    std::string group;  // empty: to one channel
    std::uint64_t channel;
    Event event;
  };

  void put(Mail mail);
  void drain();
  std::size_t deliver_from(std::size_t at);  // returns the index behind what it delivered
  std::size_t deliver_run(const HubGroup& group, std::size_t at);
  std::uint64_t deliver_to_author(HubMember& member, const DeliveryRun& run);
  void deliver_to_audience(const HubGroup& group, const Event& event);
  void deliver_to_channel(HubMember& member, const Event& event);
  void leave(HubMember& member, HubGroup& group);
  FrameBuffer& frames() { return executor_.local<FrameBuffer>(); }

  Executor& executor_;
  const unsigned number_;
  const std::string channel_prefix_;  // "specific.<process>!"
  const std::shared_ptr<GroupIndex> index_;

  std::mutex mutex_;
  std::vector<Mail> inbox_;

  std::vector<Mail> batch_;
  std::vector<Delivery> run_;
  std::vector<std::string_view> authors_;  // sockets that are left out of a part of the run
  Frame begun_;                            // the first frame of the next run, encoded when it did not join the last one
  std::unordered_map<std::string, HubGroup, StringHash, std::equal_to<>> groups_;
  std::unordered_map<UserId, std::vector<HubMember*>> users_;
  // A channel's number is a serial number and, in its lower bits, its slot here: 8 bytes for each, where a table by
  // number takes 60.
  std::vector<HubMember*> channels_;
  std::vector<std::uint32_t> free_slots_;
  std::uint64_t last_serial_ = 0;
  bool delivering_ = false;
  std::shared_ptr<HubShard> while_open_;  // this one: members may outlive the layer
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

  HubShard& shard() const noexcept { return shard_; }
  Subscriber& subscriber() const noexcept { return subscriber_; }
  Identity identity() const noexcept { return subscriber_.identity(); }
  std::uint64_t number() const noexcept { return number_; }
  /// Its groups, kept by the shard.
  JoinedGroups& joined() noexcept { return joined_; }

 private:
  HubShard& shard_;
  Subscriber& subscriber_;
  const std::uint64_t number_;
  const std::size_t capacity_;
  JoinedGroups joined_;
};

}  // namespace sluice

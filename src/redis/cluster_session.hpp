// SPDX-License-Identifier: MIT
// The pub/sub layer on a Redis Cluster: sharded channels, each at the master that serves its slot (Redis 7).
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "redis/bus_session.hpp"
#include "redis/cluster_slots.hpp"
#include "redis/names.hpp"

namespace sluice::redis {

/// One host to its bus: the cluster as a whole. Its node is the member that tells who serves what; when anything of
/// that changes, all begins anew from there. Its executor only.
class ClusterSession final : public BusSession {
 public:
  ClusterSession(BusHome& home, Node& node, std::size_t shard);

  void begin(Function<void()> reading) override;
  void lost() override;
  void join(const Membership& membership, Link::Answer answer) override;
  void leave(const Membership& membership, Link::Answer answer) override;
  void mark(Link::Answer answer) override;
  void publish(Outgoing outgoing) override;
  bool has_room() const override;
  void say_goodbye(Link::Answer answer) override { mark(std::move(answer)); }

 private:
  struct Master {
    std::shared_ptr<Link> commands;
    std::shared_ptr<Link> reader;
  };

  void connect(const Reply& slots);
  void one_ready();
  Link& reader_of(std::string_view channel) { return *masters_[map_->master_of(channel)].reader; }
  void arrived(const Reply& push);
  void lose_if_moved(const Result<Reply>& reply);
  std::string channel_of(const Membership& membership) const;
  std::string_view process_of(std::string_view channel) const;

  BusHome& home_;
  Node& node_;
  const std::size_t shard_;
  const PubSubNames names_;
  Function<void()> reading_;
  std::optional<ClusterMap> map_;
  std::vector<Master> masters_;
  std::size_t missing_ = 0;  // links that are not ready yet
};

}  // namespace sluice::redis

// SPDX-License-Identifier: MIT
// The pub/sub layer's protocol at one host: a subscription per group, and one for all channels of the process
// (redis-wire C).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "redis/bus_session.hpp"
#include "redis/names.hpp"

namespace sluice::redis {

/// Subscribes, publishes, and brings what comes to this process's members. A membership without a group is the
/// subscription of a plain channel. Its executor only.
class PubSubSession final : public BusSession {
 public:
  PubSubSession(BusHome& home, Node& node, std::size_t shard);

  void begin(Function<void()> reading) override;
  void lost() override;
  void join(const Membership& membership, Link::Answer answer) override;
  void leave(const Membership& membership, Link::Answer answer) override;
  void probe(std::uint64_t ticket, Link::Answer answer) override;
  bool is_behind() const override;
  void find_missing(const std::vector<Membership*>&, Link::Answer) override {}
  void mark(Link::Answer answer) override;
  void publish(Outgoing outgoing) override;
  bool has_room() const override;
  void say_goodbye(Link::Answer answer) override;

 private:
  void subscribe_process(Function<void()> reading);
  bool is_covered(const Membership& membership) const;
  void arrived(const Reply& push);
  std::string channel_of(const Membership& membership) const;
  bool is_joined(std::string_view group) const;

  BusHome& home_;
  Node& node_;
  const std::size_t shard_;
  const PubSubNames names_;
  std::shared_ptr<Link> reader_;
  bool refuses_patterns_ = false;  // an ACL names a prefix, and so each channel of ours is subscribed
};

}  // namespace sluice::redis

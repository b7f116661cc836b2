// SPDX-License-Identifier: MIT
// The pub/sub layer's protocol at one host: a subscription per group, and one for all channels of the process
// (redis-wire C).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "core/string_hash.hpp"
#include "redis/bus/host_session.hpp"
#include "redis/bus/names.hpp"

namespace sluice::SLUICE_ABI::redis {

/// Subscribes, publishes, and delivers to this process's members. A subscription without a group is that of a plain
/// channel. Its executor only.
class PubSubSession final : public HostSession {
 public:
  PubSubSession(SessionEvents& events, std::size_t host);

  void begin(Function<void()> reading) override;
  void lost() override;
  void join(const BusSubscription& to, Link::Answer answer) override;
  void leave(const BusSubscription& to, Link::Answer answer) override;
  void probe(std::uint64_t ticket, Link::Answer answer) override;
  bool is_behind() const override;
  void publish(Outgoing outgoing) override;
  bool has_room() const override;
  void leave_host(Link::Answer answer) override;

 private:
  void mark(Link::Answer answer);
  void subscribe_process(Function<void()> reading);
  bool is_covered(const BusSubscription& to) const;
  void arrived(const Reply& push);
  std::string channel_of(const BusSubscription& to) const;
  bool is_joined(std::string_view group) const;

  SessionEvents& events_;
  RedisContext& context_;
  Node& node_;
  const std::size_t host_;
  const PubSubNames names_;
  std::shared_ptr<Link> reader_;
  std::unordered_set<std::string, StringHash, std::equal_to<>> joined_;  // groups, as Redis has confirmed
  bool refuses_patterns_ = false;  // an ACL allows a prefix, so each channel is subscribed
};

}  // namespace sluice::SLUICE_ABI::redis

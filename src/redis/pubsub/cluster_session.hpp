// SPDX-License-Identifier: MIT
// The pub/sub layer on a Redis Cluster: sharded channels, each at the master that serves its slot (Redis 7).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "redis/bus/host_session.hpp"
#include "redis/bus/names.hpp"
#include "redis/pubsub/cluster_slots.hpp"

namespace sluice::SLUICE_ABI::redis {

/// To its bus the whole cluster is one host. Its node is the member that names the owner of each slot. A slot that
/// moves to a known master is followed; a new or lost master starts everything over. Its executor only.
class ClusterSession final : public HostSession {
 public:
  ClusterSession(SessionEvents& events, std::size_t host);

  void begin(Function<void()> reading) override;
  void lost() override;
  void join(const BusSubscription& to, Link::Answer answer) override;
  void leave(const BusSubscription& to, Link::Answer answer) override;
  /// One probe per master, each of which must arrive.
  void probe(std::uint64_t ticket, Link::Answer answer) override;
  bool is_behind() const override;
  void publish(Outgoing outgoing) override;
  bool has_room() const override;
  void leave_host(Link::Answer answer) override { mark(std::move(answer)); }

 private:
  struct Master {
    std::shared_ptr<Link> commands;
    std::shared_ptr<Link> reader;
  };

  void mark(Link::Answer answer);
  void connect(const Reply& slots);
  void one_ready();
  Master& owner_of(std::string_view channel) { return masters_[map_->master_of(channel)]; }
  void ask_owner(std::string_view verb, const std::string& channel, Link::Answer answer, unsigned hops = 0);
  void follow(const Reply& moved);
  void moved_away(const std::string& channel);
  bool is_wanted(const std::string& channel) const;
  void arrived(const Reply& push);
  void probe_one(const std::string& channel, std::uint64_t ticket, Link::Answer answer, unsigned hops = 0);
  void probes_accepted(std::uint64_t ticket);
  void published(const Outgoing& outgoing, const Result<Reply>& reply, std::uint64_t watched);
  void publish_moved();
  void lose_if_down(const Result<Reply>& reply);
  std::string channel_of(const BusSubscription& to) const;
  std::string_view process_of(std::string_view channel) const;

  SessionEvents& events_;
  RedisContext& context_;
  Node& node_;
  const std::size_t host_;
  const PubSubNames names_;
  Function<void()> reading_;
  std::optional<ClusterMap> map_;
  std::vector<Master> masters_;
  std::unordered_set<std::string> wanted_;  // channels of groups and plain channels
  std::size_t missing_ = 0;                 // links that are not ready yet

  std::vector<std::string> probe_channels_;  // one per master
  std::uint64_t probe_ticket_ = 0;
  std::size_t probes_unanswered_ = 0;
  std::size_t probes_missing_ = 0;

  std::size_t publishing_ = 0;   // messages that Redis has not answered
  std::vector<Outgoing> moved_;  // the answer named another master: published there once all others are answered
  unsigned redirections_ = 0;    // in a row
};

}  // namespace sluice::SLUICE_ABI::redis

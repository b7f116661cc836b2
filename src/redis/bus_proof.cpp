// SPDX-License-Identifier: MIT
// The bus's part that makes sure that what is published arrives: each host is proven before it counts as up and then
// again and again, and what Redis confirmed is looked for.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "redis/bus.hpp"

namespace sluice::redis {
namespace {

constexpr std::size_t least_looked_at = 100;  // memberships at a time
constexpr unsigned role_ticks_in_use = 4;     // a replica takes publications, and keeps them to itself
constexpr std::size_t looks_for_all = 12;     // where there are many: 6 times answer_time

// The key or the channel of this process. A user that may not run the command at all only reads, and may do so.
bool is_kept_from_us(const Reply& refusal) {
  return refusal.is_error("NOPERM") && refusal.text.find("to run the") == refusal.text.npos;
}

}  // namespace

void Bus::prove(std::size_t number) {
  Shard& shard = shards_[number];
  const std::uint64_t ticket = shard.proof.begin_probe();
  shard.session->probe(ticket, [this, number, ticket](const Result<Reply>& reply) {
    Shard& asked = shards_[number];
    if (!reply || !asked.connected) return;  // the host is lost
    if (!reply->is_error()) return asked.proof.accepted(ticket);
    asked.proof.refused(ticket);
    // Others may publish where this process may not. A Redis that is full, say, refuses them as well, and each sender
    // is told.
    if (is_kept_from_us(*reply)) return asked.node->lose(unexpected("a probe of this process to itself", *reply));
    if (reply->is_error("NOPERM")) refused("a probe, so that it is not proven that events arrive,", {}, *reply);
    if (!asked.reading) restore(number);
  });
}

void Bus::probe_arrived(std::size_t number, std::uint64_t ticket) {
  Shard& shard = shards_[number];
  if (shard.proof.received_probe(ticket) && shard.connected && !shard.reading) restore(number);
}

// Once per tick.
void Bus::look_after(std::size_t number) {
  Shard& shard = shards_[number];
  if (!shard.connected) return;
  switch (shard.proof.tick(shard.session->is_behind())) {
    case EchoProof::Step::wait: break;
    case EchoProof::Step::probe: return prove(number);
    case EchoProof::Step::deaf:
      return shard.node->lose(
          Error(ErrorCode::layer_unavailable, "what this process publishes to itself is accepted and does not arrive"));
  }
  if (++shard.role_age >= (shard.published ? role_ticks_in_use : ticks_per_look())) {
    shard.role_age = 0;
    shard.published = false;
    shard.node->ask_role();
  }
  if (shard.up && shard.forgetful) forgot(number);
}

unsigned Bus::ticks_per_look() const {
  constexpr std::int64_t most = 1 << 20;  // an answer_time may be a hundred years
  return static_cast<unsigned>(std::clamp<std::int64_t>(options().answer_time / 2 / EchoProof::tick_time, 1, most));
}

// Twice per answer_time some memberships are looked for: any of them finds a Redis that was flushed. Where there are up
// to 100, each look is at all of them. Where there are many, smaller looks come more often, so that no command keeps
// Redis for long.
void Bus::look_at_memberships() {
  if (!parts_.keys_can_vanish) return;
  const std::size_t ticks_for_all = looks_for_all * ticks_per_look();
  looks_due_ += (memberships_.size() + ticks_for_all - 1) / ticks_for_all;
  const bool in_turn = ++ticks_ % ticks_per_look() == 0;
  if (!in_turn && looks_due_ < least_looked_at) return;
  const std::size_t most = std::max(least_looked_at, std::exchange(looks_due_, 0));
  std::vector<std::vector<Membership*>> by_shard(shards_.size());
  for (Membership* membership : memberships_.next_joined(most)) {
    by_shard[membership->shard].push_back(membership);
  }
  for (std::size_t number = 0; number < shards_.size(); ++number) {
    if (shards_[number].up && !by_shard[number].empty()) look_at_memberships_of(number, std::move(by_shard[number]));
  }
}

void Bus::look_at_memberships_of(std::size_t number, std::vector<Membership*> some) {
  std::vector<std::pair<std::string, std::uint64_t>> asked;
  for (const Membership* membership : some) {
    asked.emplace_back(Memberships::key_of(membership->group, membership->plain_channel), membership->ticket);
  }
  shards_[number].session->find_missing(some, [this, number, asked = std::move(asked)](const Result<Reply>& reply) {
    if (!reply || !reply->is_array()) return;  // refused: that tells nothing
    for (const Reply& missing : reply->elements) {
      const auto place = static_cast<std::size_t>(missing.integer) - 1;
      if (place >= asked.size()) continue;
      const Membership* membership = memberships_.of_ticket(asked[place].first, asked[place].second);
      if (membership && membership->state == Membership::State::joined) membership_missing(number);
    }
  });
}

// The connection is well, and what it knew is gone: FLUSHDB, an eviction, a DEL. As after an outage, on the same
// connection.
void Bus::forgot(std::size_t number) {
  Shard& shard = shards_[number];
  shard.up = shard.forgetful = false;
  memberships_.lost(number);
  if (counters_.up) stumbled(number, Error(ErrorCode::layer_unavailable, "Redis has lost keys of this layer"));
  restore(number);
}

}  // namespace sluice::redis

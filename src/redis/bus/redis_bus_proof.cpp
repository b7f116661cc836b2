// SPDX-License-Identifier: MIT
// The bus's part that makes sure that what is published arrives: each host is proven before it counts as up and then
// again and again.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "redis/bus/redis_bus.hpp"
#include "sluice/core/log.hpp"

namespace sluice::SLUICE_ABI::redis {
namespace {

constexpr unsigned role_ticks_in_use = 4;  // a replica takes publications, and keeps them to itself

// The key or the channel of this process. A user that may not run the command at all only reads, and may do so.
bool is_kept_from_us(const Reply& refusal) {
  return refusal.is_error("NOPERM") && refusal.text.find("to run the") == refusal.text.npos;
}

}  // namespace

void RedisBus::connected(std::size_t number) {
  hosts_[number].session->begin([this, number] {
    hosts_[number].connected = true;
    prove(number);
  });
}

void RedisBus::prove(std::size_t number) {
  Host& host = hosts_[number];
  const std::uint64_t ticket = host.proof.begin_probe();
  host.session->probe(ticket, [this, number, ticket](const Result<Reply>& reply) {
    Host& asked = hosts_[number];
    if (!reply || !asked.connected) return;  // the host is lost
    if (!reply->is_error()) return asked.proof.accepted(ticket);
    asked.proof.refused(ticket);
    // Other processes may publish although this one may not. If Redis refuses all of them, each sender gets an error.
    if (is_kept_from_us(*reply)) return asked.node->lose(unexpected("a probe of this process to itself", *reply));
    if (reply->is_error("NOPERM")) {
      context_->refused("a probe, so that it is not proven that events arrive,", {}, *reply);
    }
    if (!asked.up) is_proven(number);
  });
}

void RedisBus::probe_arrived(std::size_t number, std::uint64_t ticket) {
  Host& host = hosts_[number];
  if (host.proof.received_probe(ticket) && host.connected && !host.up) is_proven(number);
}

// What other hosts have handed over goes first.
void RedisBus::is_proven(std::size_t number) {
  Host& host = hosts_[number];
  host.up = true;
  host.node->settled();
  set_up(number, true);
  publish_parts(number);
  events_->up(number);
  events_->writable(number);
}

void RedisBus::set_up(std::size_t number, bool up) {
  context_->host(number).up = up;
  if (parts_.host_changed) parts_.host_changed(number, up);
}

// The node logs why.
void RedisBus::lost(std::size_t number, const Error& reason) {
  Host& host = hosts_[number];
  const bool was_up = std::exchange(host.up, false);
  host.connected = host.forgetful = false;
  host.proof.reset();
  host.session->lost();
  set_up(number, false);
  host.parts.rewind();
  if (was_up && !ending_) events_->down(number, reason);
}

// The connection is well, so its node logs nothing.
void RedisBus::unsettled(std::size_t number, const Error& error) {
  if (!ending_) events_->missed(Error(error.code(), hosts_[number].node->name() + ": " + error.message()));
}

// The connection is well, and what it knew is gone: FLUSHDB, an eviction, a DEL. As after an outage, on the same
// connection.
void RedisBus::forgot(std::size_t number) {
  const Error error(ErrorCode::layer_unavailable, "Redis has lost keys of this layer");
  const std::string reason = fmt::format("down: {}: {}", hosts_[number].node->name(), error.message());
  if (context_->is_news(reason)) log(LogLevel::warning, fmt::format("Redis layer: {}", reason));
  hosts_[number].session->forgot();
  events_->down(number, error);
  events_->up(number);
  hosts_[number].forgetful = false;  // last: where there is no memory, the next tick does all of it again
}

// Once per tick.
void RedisBus::look_after(std::size_t number) {
  Host& host = hosts_[number];
  if (!host.connected) return;
  switch (host.proof.tick(host.session->is_behind())) {
    case EchoProof::Step::wait: break;
    case EchoProof::Step::probe: return prove(number);
    case EchoProof::Step::deaf:
      return host.node->lose(
          Error(ErrorCode::layer_unavailable, "messages of this process to itself are accepted and do not arrive"));
  }
  if (++host.role_age >= (host.published ? role_ticks_in_use : ticks_per_look(context_->options().answer_time))) {
    host.role_age = 0;
    host.published = false;
    host.node->ask_role();
  }
  if (host.up && host.forgetful) forgot(number);
}

// The next tick comes whatever becomes of this one.
void RedisBus::tick() {
  executor().post_after(EchoProof::tick_time, [weak = std::weak_ptr(here_)] {
    if (const auto here = weak.lock()) (*here)->tick();
  });
  for (Host& host : hosts_) host.node->try_again_if_due();
  for (std::size_t number = 0; number < hosts_.size(); ++number) {
    Host& host = hosts_[number];
    if (host.up) {
      publish_parts(number);
      host.session->tick();
    } else {
      drop_expired(host);  // their memory is free now, not when the link is back
    }
    look_after(number);
  }
}

}  // namespace sluice::SLUICE_ABI::redis

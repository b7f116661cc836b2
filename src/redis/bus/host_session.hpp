// SPDX-License-Identifier: MIT
// What the two layers do differently at one host. Everything else is the bus's.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "redis/bus/outgoing.hpp"
#include "redis/bus/redis_context.hpp"
#include "redis/wire/link.hpp"
#include "sluice/layer/bus.hpp"

namespace sluice::redis {

class EchoProof;

// A Redis that refuses to be read, because its disk is full or a script keeps it, is asked again after so long.
inline constexpr auto pause_after_refusal = std::chrono::seconds(1);

/// What a session reports to the bus that it belongs to, and asks of it. Its executor only.
class SessionEvents {
 public:
  virtual RedisContext& context() noexcept = 0;
  /// For what has arrived, and for room.
  virtual BusEvents& layer() noexcept = 0;
  /// Of the host: that this process receives what it publishes there.
  virtual EchoProof& proof(std::size_t host) noexcept = 0;
  virtual void probe_arrived(std::size_t host, std::uint64_t ticket) = 0;
  /// A part of a message belongs to another host.
  virtual void hand_over(std::size_t host, Outgoing part) = 0;
  /// The connection broke before anything was done: it is sent once the host is back.
  virtual void try_again(std::size_t host, Outgoing outgoing) = 0;
  /// Redis has answered: there may be room for more.
  virtual void answered(std::size_t host) = 0;
  /// Redis lacks a subscription that it had confirmed: all are restored soon.
  virtual void subscription_missing(std::size_t host) noexcept = 0;
  /// Messages may be missed at this moment, though the host is up.
  virtual void unsettled(std::size_t host, const Error& error) = 0;
  /// Redis refuses one subscription for all channels of this process.
  virtual void subscribe_each_channel() = 0;

 protected:
  ~SessionEvents() = default;
};

/// How many digits end the name of a process.
inline constexpr std::size_t process_digits = 32;

/// What PUBLISH answered, for the sender.
void take_receipt(BusMessage& message, const Result<Reply>& reply, RedisContext& context);

/// The connection was lost before Redis answered: perhaps it was sent.
void unconfirmed(BusMessage& message, const Error& error, RedisContext& context);

/// Has this reader more to bring than it has brought, so that a probe may stand behind that?
bool is_behind_now(const Link& reader, RedisContext& context);

/// Pauses a reader while the layer has no room for what it brings.
void pause_while_full(const std::shared_ptr<Link>& reader, BusEvents& layer);

/// One layer's talk with one host, on the connections of its Node. Its executor only.
class HostSession {
 public:
  virtual ~HostSession() = default;
  /// The node is connected: begins to read what comes for this process. `reading`: subscriptions may be made now.
  virtual void begin(Function<void()> reading) = 0;
  /// The node is lost.
  virtual void lost() = 0;
  virtual void join(const BusSubscription& to, Link::Answer answer) = 0;
  virtual void leave(const BusSubscription& to, Link::Answer answer) = 0;
  /// Publishes a probe to this process; it arrives as SessionEvents::probe_arrived.
  virtual void probe(std::uint64_t ticket, Link::Answer answer) = 0;
  /// Does earlier data still arrive, so that a probe may be late?
  virtual bool is_behind() const = 0;
  /// Redis has lost what it had confirmed: all is subscribed again.
  virtual void forgot() {}
  /// Several times a second, while the host is up.
  virtual void tick() {}
  virtual void publish(Outgoing outgoing) = 0;
  /// Whether more may be published now, or what is on its way should be answered first.
  virtual bool has_room() const = 0;
  /// Removes what is this process's own; subscriptions were ended before.
  virtual void leave_host(Link::Answer answer) = 0;
};

}  // namespace sluice::redis

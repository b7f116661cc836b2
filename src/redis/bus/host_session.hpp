// SPDX-License-Identifier: MIT
// The parts of the two layers that differ at one host. The rest is in the bus.
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

namespace sluice::SLUICE_ABI::redis {

class EchoProof;

// A Redis that refuses reads, because its disk is full or a script blocks it, is retried after this time.
inline constexpr auto pause_after_refusal = std::chrono::seconds(1);

/// Callbacks of a session to its bus. Its executor only.
class SessionEvents {
 public:
  virtual RedisContext& context() noexcept = 0;
  /// For received events, and for room.
  virtual BusEvents& layer() noexcept = 0;
  /// The proof that this process receives its publications through the host.
  virtual EchoProof& proof(std::size_t host) noexcept = 0;
  virtual void probe_arrived(std::size_t host, std::uint64_t ticket) = 0;
  /// Passes a part of a message to another host.
  virtual void hand_over(std::size_t host, Outgoing part) = 0;
  /// The connection broke before anything was sent: the part is sent once the host is back.
  virtual void try_again(std::size_t host, Outgoing outgoing) = 0;
  /// Redis has answered: more may be published.
  virtual void answered(std::size_t host) = 0;
  /// Redis lacks a subscription that it had confirmed: all are restored soon.
  virtual void subscription_missing(std::size_t host) noexcept = 0;
  /// Messages may be missed now, although the host is up.
  virtual void unsettled(std::size_t host, const Error& error) = 0;
  /// Redis refuses one subscription for all channels of this process.
  virtual void subscribe_each_channel() = 0;

 protected:
  ~SessionEvents() = default;
};

/// The number of digits at the end of a process's name.
inline constexpr std::size_t process_digits = 32;

/// The answer of PUBLISH, for the sender.
void take_receipt(BusMessage& message, const Result<Reply>& reply, RedisContext& context);

/// The connection was lost before Redis answered: perhaps it was sent.
void unconfirmed(BusMessage& message, const Error& error, RedisContext& context);

/// True if this reader has data that it did not deliver yet, so that a probe may be behind it.
bool is_behind_now(const Link& reader, RedisContext& context);

/// Pauses a reader while the layer has no room for its events.
void pause_while_full(const std::shared_ptr<Link>& reader, BusEvents& layer);

/// The protocol of one layer at one host, on the connections of its Node. Its executor only.
class HostSession {
 public:
  virtual ~HostSession() = default;
  /// The node is connected: begins to read this process's events. `reading`: subscriptions may be made now.
  virtual void begin(Function<void()> reading) = 0;
  /// The node is lost.
  virtual void lost() = 0;
  virtual void join(const BusSubscription& to, Link::Answer answer) = 0;
  virtual void leave(const BusSubscription& to, Link::Answer answer) = 0;
  /// Publishes a probe to this process; it arrives as SessionEvents::probe_arrived.
  virtual void probe(std::uint64_t ticket, Link::Answer answer) = 0;
  /// True while earlier data arrives, so that a probe may be late.
  virtual bool is_behind() const = 0;
  /// Redis has lost confirmed subscriptions: subscribes to all again.
  virtual void forgot() {}
  /// Several times a second, while the host is up.
  virtual void tick() {}
  virtual void publish(Outgoing outgoing) = 0;
  /// True if more may be published now; false if earlier messages should be answered first.
  virtual bool has_room() const = 0;
  /// Removes this process's own keys; subscriptions were ended before.
  virtual void leave_host(Link::Answer answer) = 0;
};

}  // namespace sluice::SLUICE_ABI::redis

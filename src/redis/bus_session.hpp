// SPDX-License-Identifier: MIT
// What the two layers do differently at one host. Everything else is the bus's.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "redis/codec/serializer.hpp"
#include "redis/memberships.hpp"
#include "redis/publication.hpp"
#include "redis/wire/link.hpp"
#include "sluice/redis/redis_options.hpp"
#include "sluice/redis/redis_stats.hpp"

namespace sluice {
class Hub;
}

namespace sluice::redis {

class Node;
class MessageSequence;
struct BusCounters;
class EchoProof;

// A Redis that refuses to be read, because its disk is full or a script keeps it, is asked again after so long.
inline constexpr auto pause_after_refusal = std::chrono::seconds(1);

/// What a session asks of the bus that it belongs to. Its executor only.
class BusHome {
 public:
  /// What these bytes say; nothing, and counted, if that is no event.
  virtual std::optional<Arrival> read(std::string_view message) = 0;
  /// A part of a publication belongs to another host.
  virtual void hand_over(std::size_t shard, Outgoing outgoing) = 0;
  /// The connection broke before anything was done: it is sent once the host is back.
  virtual void try_again(std::size_t shard, Outgoing outgoing) = 0;
  /// Redis has answered: there may be room for more.
  virtual void answered(std::size_t shard) = 0;
  /// The hub has no room, so a session reads nothing more for now: counted. `go_on` is called once there is room,
  /// unless the bus ends before.
  virtual void when_room(Function<void()> go_on) = 0;
  virtual std::size_t shard_of(std::string_view name) const = 0;
  virtual double unix_time() const = 0;
  /// Redis has refused what was asked for, for the group or channel of that name, or for none: counted, and logged once
  /// for a reason.
  virtual void refused(std::string_view what, std::string_view name, const Reply& reply) = 0;
  /// The host whose turn it is to be given something for a plain channel.
  virtual std::size_t turn_of(std::string_view plain_channel) = 0;
  /// Of the host: that this process receives what it publishes there.
  virtual EchoProof& proof(std::size_t shard) noexcept = 0;
  virtual void probe_arrived(std::size_t shard, std::uint64_t ticket) = 0;
  /// Redis lacks a membership that it had confirmed: all are restored soon.
  virtual void membership_missing(std::size_t shard) noexcept = 0;
  /// Redis refuses one subscription for all channels of this process: each is a membership from now on.
  virtual void subscribe_each_channel() = 0;
  /// Messages may be missed at this moment, though the host is there. Consumers are notified as of an outage, once
  /// until nothing of the kind has happened for a while.
  virtual void unsettled(std::size_t shard, const Error& error) = 0;

  virtual Executor& executor() const noexcept = 0;
  virtual Hub& hub() noexcept = 0;
  virtual const Memberships& memberships() const noexcept = 0;
  virtual const Serializer& serializer() const noexcept = 0;
  virtual const RedisOptions& options() const noexcept = 0;
  virtual const std::string& process() const noexcept = 0;
  virtual MessageSequence& stamps() noexcept = 0;
  virtual BusCounters& counters() noexcept = 0;

 protected:
  ~BusHome() = default;
};

/// How many digits end the name of a process.
inline constexpr std::size_t process_digits = 32;

/// What PUBLISH answered, for the sender.
void take_receipt(Publication& publication, const Result<Reply>& reply, BusHome& home);

/// Has this reader more to bring than it has brought, so that a probe may stand behind that?
bool is_behind_now(const Link& reader, BusHome& home);

/// Pauses a reader while the hub has no room for what it brings.
void pause_while_full(const std::shared_ptr<Link>& reader, BusHome& home);

/// One layer's talk with one host, on the connections of its Node. Its executor only.
class BusSession {
 public:
  virtual ~BusSession() = default;
  /// The node is connected: begins to read what comes for this process. `reading`: memberships may be told now.
  virtual void begin(Function<void()> reading) = 0;
  /// The node is lost.
  virtual void lost() = 0;
  virtual void join(const Membership& membership, Link::Answer answer) = 0;
  virtual void leave(const Membership& membership, Link::Answer answer) = 0;
  /// Publishes a probe to this process; it arrives as BusHome::probe_arrived.
  virtual void probe(std::uint64_t ticket, Link::Answer answer) = 0;
  /// Does earlier data still arrive, so that a probe may be late?
  virtual bool is_behind() const = 0;
  /// Which of them Redis lacks: an array of their numbers from 1. Only where BusParts::keys_can_vanish.
  virtual void find_missing(const std::vector<Membership*>& some, Link::Answer answer) = 0;
  /// Answered behind all joins and leaves so far.
  virtual void mark(Link::Answer answer) = 0;
  virtual void publish(Outgoing outgoing) = 0;
  /// Whether more may be published now, or what is on its way should be answered first.
  virtual bool has_room() const = 0;
  /// Removes what is this process's own; memberships were left before.
  virtual void say_goodbye(Link::Answer answer) = 0;
};

}  // namespace sluice::redis

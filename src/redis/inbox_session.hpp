// SPDX-License-Identifier: MIT
// The core layer's protocol at one host: sorted sets for inboxes and groups (redis-wire B).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "redis/bus_session.hpp"
#include "redis/names.hpp"

namespace sluice::redis {

/// A local name under which one group of a process is a member: "g.1f" (redis-wire I-5).
std::string group_local_name(std::uint64_t number);
/// The number in it; 0 if it is no such name.
std::uint64_t group_number_of(std::string_view local_name);
/// Is it a name of a Sluice process? Such a process empties its inbox at once, unless one of its executors stands
/// still.
bool is_sluice_channel(std::string_view channel);

/// Drains the process's inbox in batches, and writes into those of others. Its executor only.
class InboxSession final : public BusSession {
 public:
  InboxSession(BusHome& home, Node& node, std::size_t shard);

  void begin(Function<void()> reading) override;
  void lost() override;
  void join(const Membership& membership, Link::Answer answer) override;
  void leave(const Membership& membership, Link::Answer answer) override;
  void probe(std::uint64_t ticket, Link::Answer answer) override;
  bool is_behind() const override;
  void find_missing(const std::vector<Membership*>& some, Link::Answer answer) override;
  void mark(Link::Answer answer) override;
  void publish(Outgoing outgoing) override;
  bool has_room() const override;
  void say_goodbye(Link::Answer answer) override;

 private:
  void feed_last_reader();
  void drain();
  void drain_later(const Reply& refusal);
  Function<void()> pause();
  void wait_for_room();
  Function<void()> while_read(Function<void()> go_on);
  void arrived(std::string_view member);
  void look_up(Outgoing outgoing);
  void write_behind_look_ups(Outgoing outgoing);
  void found(Outgoing outgoing, const Reply& members);
  void write(Outgoing outgoing);
  void written(const Outgoing& outgoing, const Result<Reply>& reply, std::uint64_t watched);
  std::size_t capacity_of(std::string_view channel) const;
  std::string member_of(const Membership& membership) const;
  bool lacks_us(const std::string& group, const Reply& members) const;

  BusHome& home_;
  Node& node_;
  const std::size_t shard_;
  const CoreNames names_;
  const std::string inbox_;  // the key
  std::shared_ptr<Link> reader_;
  std::optional<Reply> refusal_;  // of a read
  bool pauses_ = false;           // until it is tried again
  bool has_read_ = false;
  std::size_t looking_up_ = 0;  // publications that are not written before Redis has answered
};

}  // namespace sluice::redis

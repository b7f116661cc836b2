// SPDX-License-Identifier: MIT
// Writes messages into the inboxes of other processes, and into plain channels.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "redis/bus/host_session.hpp"
#include "redis/bus/names.hpp"
#include "redis/core/group_keys.hpp"
#include "redis/core/message_sequence.hpp"

namespace sluice::SLUICE_ABI::redis {

/// True for a name of a Sluice process, which empties its inbox at once unless one of its executors is blocked.
bool is_sluice_channel(std::string_view channel);
/// How many events channels_redis lets wait in a channel: the first exception that fits its name counts (CL-13).
std::size_t capacity_for_django(const RedisOptions& options, std::string_view channel);

/// Looks up a group's members, and writes to each key that they share. Its executor only.
class InboxWriter {
 public:
  /// `inbox` is the key of this process, `sequence` that of its messages at all hosts.
  InboxWriter(SessionEvents& events, Node& node, std::size_t host, std::string inbox, const GroupKeys& keys,
              std::shared_ptr<MessageSequence> sequence);

  void publish(Outgoing outgoing);

 private:
  void look_up(Outgoing outgoing);
  void write_behind_look_ups(Outgoing outgoing);
  void found(Outgoing outgoing, const Reply& members);
  void write(Outgoing outgoing);
  void written(const Outgoing& outgoing, const Result<Reply>& reply, std::uint64_t watched);
  std::size_t capacity_of(std::string_view channel) const;

  SessionEvents& events_;
  RedisContext& context_;
  Node& node_;
  const std::size_t host_;
  const CoreNames names_;
  const std::string inbox_;
  const GroupKeys& keys_;
  const std::shared_ptr<MessageSequence> sequence_;
  std::size_t looking_up_ = 0;  // messages that are not written before Redis has answered
};

}  // namespace sluice::SLUICE_ABI::redis

// SPDX-License-Identifier: MIT
// The core layer's protocol at one host: sorted sets for inboxes and groups (redis-wire B).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "redis/bus/host_session.hpp"
#include "redis/core/group_keys.hpp"
#include "redis/core/inbox_reader.hpp"
#include "redis/core/inbox_writer.hpp"

namespace sluice::SLUICE_ABI::redis {

/// The shared state of one bus's sessions. Its executor only.
struct CoreSequences {
  explicit CoreSequences(std::size_t random_prefix_length)
      : messages(std::make_shared<MessageSequence>(random_prefix_length)) {}
  const std::shared_ptr<GroupNumbers> groups = std::make_shared<GroupNumbers>();
  const std::shared_ptr<MessageSequence> messages;
};

/// A reader, a writer and the keys of groups. Its executor only.
class InboxSession final : public HostSession {
 public:
  InboxSession(SessionEvents& events, std::size_t host, const CoreSequences& sequences);

  void begin(Function<void()> reading) override { reader_.begin(std::move(reading)); }
  void lost() override;
  void join(const BusSubscription& to, Link::Answer answer) override { keys_->join(to, std::move(answer)); }
  void leave(const BusSubscription& to, Link::Answer answer) override { keys_->leave(to, std::move(answer)); }
  void probe(std::uint64_t ticket, Link::Answer answer) override;
  bool is_behind() const override { return reader_.is_behind(); }
  void forgot() override { keys_->lost(); }
  void tick() override { keys_->tick(); }
  void publish(Outgoing outgoing) override { writer_.publish(std::move(outgoing)); }
  bool has_room() const override;
  void leave_host(Link::Answer answer) override;

 private:
  RedisContext& context_;
  Node& node_;
  const std::string inbox_;  // the key
  InboxReader reader_;
  const std::shared_ptr<GroupKeys> keys_;
  InboxWriter writer_;
};

}  // namespace sluice::SLUICE_ABI::redis

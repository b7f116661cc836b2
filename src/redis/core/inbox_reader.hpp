// SPDX-License-Identifier: MIT
// Reads the inbox of this process at one host.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "redis/bus/host_session.hpp"
#include "redis/core/group_keys.hpp"

namespace sluice::SLUICE_ABI::redis {

// The beginning of a probe; longer than a random prefix, so that no message begins with it.
inline constexpr std::string_view probe_mark = "\xc1sluice:probe:";

/// Reads the inbox in batches, and pauses while the layer has no room. Its executor only.
class InboxReader {
 public:
  /// `inbox` is the key.
  InboxReader(SessionEvents& events, Node& node, std::size_t host, std::string inbox,
              std::shared_ptr<const GroupNumbers> numbers);

  /// The node is connected.
  void begin(Function<void()> reading);
  /// The node is lost.
  void lost();
  bool is_behind() const;

 private:
  void feed_last_reader();
  void drain();
  void drain_later(const Reply& refusal);
  Function<void()> pause();
  void wait_for_room();
  Function<void()> while_read(Function<void()> go_on);
  void arrived(std::string_view member);

  SessionEvents& events_;
  RedisContext& context_;
  Node& node_;
  const std::size_t host_;
  const std::string inbox_;
  const std::size_t capacity_;  // of the inbox: past it a sender leaves events out
  const std::shared_ptr<const GroupNumbers> numbers_;
  std::shared_ptr<Link> reader_;
  std::optional<Reply> refusal_;  // of a read
  bool pauses_ = false;           // until the next attempt
  bool has_read_ = false;
};

}  // namespace sluice::SLUICE_ABI::redis

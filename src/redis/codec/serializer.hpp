// SPDX-License-Identifier: MIT
// The bytes of one message: the random prefix, then the event's map and its channels, possibly encrypted.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "redis/codec/fernet.hpp"
#include "redis/codec/msgpack.hpp"
#include "sluice/layer/bus.hpp"
#include "sluice/layer/event.hpp"
#include "sluice/redis/redis_options.hpp"

namespace sluice::SLUICE_ABI::redis {

/// The members of an event's map, encoded once for any number of messages, and their number.
using Body = BusBody;

/// The kinds of channels that a message names (redis-wire R-13).
enum class Addressing : std::uint8_t {
  none,  // to a plain channel
  one,   // by send
  list,  // by group_send
};

/// An event that has arrived, and its channels.
struct IncomingMessage {
  Event event;
  std::vector<std::string> channels;  // none: for the readers of the key
};

/// Encodes and decodes as the options say. Immutable: share freely.
class Serializer {
 public:
  /// `oldest`: encrypted messages are refused past this age; 0: never.
  Serializer(const RedisOptions& options, std::chrono::seconds oldest);

  /// An Error: the event's map has the reserved key, or is no map.
  Result<Body> body(const Event& event) const;
  std::string message(const Body& body, Addressing addressing, std::span<const std::string> channels,
                      std::int64_t unix_seconds) const;
  /// Decodes a message. Also an Error for an event without a usable type; limit_exceeded: it is larger than
  /// RedisOptions::message_bytes.
  Result<IncomingMessage> read(std::string_view message, std::int64_t unix_seconds) const;

 private:
  const SerializerFormat format_;
  const Bytes bytes_;
  const std::size_t most_;
  std::optional<Fernet> fernet_;
  const std::chrono::seconds oldest_;
};

}  // namespace sluice::SLUICE_ABI::redis

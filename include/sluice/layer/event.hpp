// SPDX-License-Identifier: MIT
// An event of a channel layer: a map with a text "type", shared by all its recipients and changed by none.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sluice/abi.hpp"
#include "sluice/core/result.hpp"
#include "sluice/json/fields.hpp"
#include "sluice/json/text.hpp"
#include "sluice/json/value.hpp"
#include "sluice/layer/audience.hpp"
#include "sluice/layer/payload.hpp"

namespace sluice::SLUICE_ABI {

/// Text for clients, and its recipients in a group. Immutable: share freely.
struct Broadcast {
  Audience audience;
  json::Text payload;    // one JSON text, sent as it is
  std::string key = {};  // of the payload: a newer payload with this key supersedes it
};

/// The kinds of events whose payloads go straight to clients; `none` is every other event.
enum class BroadcastKind : std::uint8_t { none, to_group, to_users, to_users_individual_payloads };

/// The kind of broadcast of an event of this type.
SLUICE_API BroadcastKind broadcast_kind_of(std::string_view type) noexcept;

/// An event of a channel layer. Cheap to copy. Immutable: share freely.
class SLUICE_API Event {
 public:
  /// From a JSON map with a text "type". Dots in the type count as underscores (behaviour DI-1); a missing type, or one
  /// that begins with a dot or an underscore, is an error (DI-2).
  static Result<Event> parse(std::string_view json_map);
  /// From a struct with `event_type` and `fields()`.
  template <json::EventType E>
  static Event of(const E& event) {
    return Event(std::string(E::event_type), json::encode(event));
  }
  /// A type that needs no further keys.
  static Event named(std::string_view type);

  /// `payload` for the members of a group whom the audience includes (behaviour CC-26).
  static Event broadcast_to_group(Payload payload, Audience audience = {});
  /// `payload` for some users' sockets, whichever group it is sent to (behaviour CC-22): one list, without an author.
  static Event broadcast_to_users(Payload payload, std::vector<UserId> user_ids, std::string except_socket = {});
  /// `payload` for all users, without one socket (behaviour CC-23).
  static Event broadcast_to_all_users(Payload payload, std::string except_socket = {});
  /// Each user their own payload (behaviour CC-25).
  static Event broadcast_to_users_individual_payloads(std::vector<std::pair<UserId, Payload>> payloads,
                                                      std::string except_socket = {});

  /// The type, its dots turned into underscores: the name of the handler.
  std::string_view type() const noexcept;
  BroadcastKind broadcast_kind() const noexcept;
  /// Its broadcasts for clients; empty when it is no broadcast, or a malformed one.
  const std::vector<Broadcast>& broadcasts() const;
  /// The whole map. Parsed once, at the first call; it is valid as long as any copy of the event.
  json::Value value() const;
  /// The whole map as JSON.
  const json::Text& text() const;
  /// The event's approximate size in bytes.
  std::size_t size() const noexcept;
  /// Its approximate memory in bytes: its size, and the users that its audiences list.
  std::size_t memory() const noexcept;

 private:
  struct State;
  static Event of_broadcasts(BroadcastKind kind, std::vector<Broadcast> broadcasts);
  Event(std::string type, json::Text text);
  explicit Event(std::shared_ptr<const State> state) noexcept : state_(std::move(state)) {}

  std::shared_ptr<const State> state_;
};

}  // namespace sluice::SLUICE_ABI

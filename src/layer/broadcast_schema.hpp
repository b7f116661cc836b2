// SPDX-License-Identifier: MIT
// The form of broadcasts for other processes. A room above defines it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "sluice/json/text.hpp"
#include "sluice/json/value.hpp"
#include "sluice/layer/event.hpp"

namespace sluice::SLUICE_ABI {

/// The form of broadcasts in the map of an event: its types, and the keys of each. The layer names no key itself.
/// Immutable: share freely.
class BroadcastSchema {
 public:
  /// `none`: an event of this type is no broadcast.
  virtual BroadcastKind kind_of(std::string_view type) const noexcept = 0;
  /// The type of all events of a kind that is not `none`.
  virtual std::string_view type_of(BroadcastKind kind) const noexcept = 0;
  /// The broadcasts in the map of such an event; empty for a malformed one.
  virtual std::vector<Broadcast> read(BroadcastKind kind, json::Value map) const = 0;
  /// The missing key of a map from which nothing was read, for a log line. Empty if no key is missing and it is for no
  /// user.
  virtual std::string_view missing_part(BroadcastKind kind, json::Value map) const = 0;
  /// The map of at least one broadcast.
  virtual json::Text write(BroadcastKind kind, const std::vector<Broadcast>& broadcasts) const = 0;
  /// The map of individual payloads for no user.
  virtual json::Text write_no_payloads(const std::string& except_socket) const = 0;

 protected:
  ~BroadcastSchema() = default;
};

/// The schema of this program. Defined in src/page, so that the linker connects the two rooms, and not an option of a
/// layer, for three reasons. A process that only relays reads broadcasts without any page or host, for example one
/// whose consumers join groups that Django sends to. An Event is parsed and written where no layer is at hand
/// (Event::parse, Event::text), and its broadcasts are read once for all layers and executors that it reaches. And two
/// layers of one program must not read the same event in two ways. A pointer that a static object of src/page set
/// would be null in a program from which the linker drops that object. Any thread.
const BroadcastSchema& broadcast_schema() noexcept;

/// Each user once, so that no one receives a broadcast twice; anonymous users are left out.
std::vector<UserId> distinct_users(std::vector<UserId> users);

}  // namespace sluice::SLUICE_ABI

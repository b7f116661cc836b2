// SPDX-License-Identifier: MIT
// An expected failure: a code for the program, and a sentence for the reader.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "sluice/abi.hpp"

namespace sluice::SLUICE_ABI {

/// Every expected failure of the library, in one list.
enum class ErrorCode : std::uint8_t {
  invalid_argument,   // the caller's value can't be used: a name, a close code, a status
  invalid_name,       // a channel or group name outside the grammar (behaviour CL-1, CL-2)
  parse_failed,       // bytes from outside that are not what they should be
  number_too_large,   // JSON number outside 64 bits; the rest of the text may be fine
  type_mismatch,      // a JSON value of another kind than asked for
  missing_field,      // a JSON map without a key that is needed
  unknown_page_type,  // no such page type in the registry
  already_exists,     // a name that is taken
  not_found,
  limit_exceeded,     // a message, a queue or a count past its limit
  no_room,            // what waits to be delivered has reached its bound: wait for room, and send again
  channel_full,       // the channel holds its capacity of unread messages (behaviour CL-7)
  channel_closed,     // the channel or its connection is gone
  layer_unavailable,  // the channel layer is shut down, or can't reach its bus
  timed_out,
  refused,  // a token, an origin, a permission: the context says why, for the log only
  io_failed,
};

/// The code's name as it stands above: "invalid_name".
SLUICE_API std::string_view to_string(ErrorCode code) noexcept;

/// An expected failure: what was being done to what, and why it failed. A value.
class [[nodiscard]] SLUICE_API Error {
 public:
  Error(ErrorCode code, std::string context) : code_(code), context_(std::move(context)) {}

  ErrorCode code() const noexcept { return code_; }
  /// What was being done, to what, and what to do about it.
  const std::string& context() const noexcept { return context_; }
  /// One line for a log: `invalid_name: group_add "a b": ...`.
  std::string message() const;

 private:
  ErrorCode code_;
  std::string context_;
};

}  // namespace sluice::SLUICE_ABI

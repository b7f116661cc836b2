// SPDX-License-Identifier: MIT
// JSON to MessagePack and back, as channels_redis writes and reads it (redis-wire ).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "sluice/core/result.hpp"
#include "sluice/json/value.hpp"
#include "sluice/redis/redis_options.hpp"

namespace sluice::SLUICE_ABI::redis {

/// The key with the channels of a message. No event may have it (behaviour CL-7).
inline constexpr std::string_view channel_key = "__asgi_channel__";

/// A message read from Redis: the event's map as JSON, and its channels.
struct Unpacked {
  std::string json;
  std::vector<std::string> channels;
};

/// Appends one value: text as `str`, integers in their shortest form, other numbers as doubles, maps in their order.
/// With Bytes::tagged an object {"__bytes__": Base64} becomes `bin`.
void pack(json::Value value, Bytes bytes, std::string& out);
/// Appends the header of a map of so many members.
void pack_map_header(std::size_t size, std::string& out);
void pack_array_header(std::size_t size, std::string& out);
void pack_text(std::string_view text, std::string& out);

/// Reads a map; its channel_key goes to `channels`. An Error for whatever a Django peer would also refuse: text or keys
/// that are not UTF-8, an extension type, bytes behind the map. Keys that are no text become what Python's json module
/// makes of them: decimal text, "null", "true", "1.5". Values that JSON lacks are converted: NaN and infinity to
/// null, bytes as in `bytes`. limit_exceeded: the map has more than `most` bytes as JSON.
Result<Unpacked> unpack(std::string_view packed, Bytes bytes, std::size_t most);

}  // namespace sluice::SLUICE_ABI::redis

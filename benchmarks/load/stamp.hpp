// SPDX-License-Identifier: MIT
// The payload of a measured message: JSON of the wanted size, with its number and the time it was sent
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace load {

struct Stamp {
  std::uint32_t number;
  std::uint64_t sent_at;  // nanoseconds
};

/// {"m":"#" 8 hexadecimal digits, 16 more, filling, "}, at least 33 bytes. The filling resembles rows of a table.
std::string stamped(Stamp stamp, std::size_t bytes);
/// The stamp of a payload, wherever a server has put it; nothing if there is none.
std::optional<Stamp> stamp_of(std::string_view payload);

}  // namespace load

// SPDX-License-Identifier: MIT
// Unmasks a client's payload (RFC 6455 section 5.3).
#pragma once

#include <cstdint>
#include <span>

#include "sluice/ws/frame_header.hpp"

namespace sluice::SLUICE_ABI::ws {

/// XORs `bytes` in place with the key. `offset` is their position in the frame's payload; only its last two bits count.
/// Any alignment, any length.
void unmask(std::span<char> bytes, MaskingKey key, std::uint64_t offset) noexcept;

}  // namespace sluice::SLUICE_ABI::ws

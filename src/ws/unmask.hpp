// SPDX-License-Identifier: MIT
// Takes the mask off a client's payload (RFC 6455 section 5.3).
#pragma once

#include <cstdint>
#include <span>

#include "sluice/ws/frame_header.hpp"

namespace sluice::ws {

/// XORs `bytes` in place with the key. `offset` says where in the frame's payload they begin; only its last two bits
/// count. Any alignment, any length.
void unmask(std::span<char> bytes, MaskingKey key, std::uint64_t offset) noexcept;

}  // namespace sluice::ws

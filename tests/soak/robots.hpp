// SPDX-License-Identifier: MIT
// The clients of a soak: polite, slow, rude, vanishing and confused ones.
#pragma once

#include <chrono>
#include <cstdint>

namespace soak {

/// Runs `robots` clients at a time against the server until the time is over, each in a thread and repeatedly as
/// another client, and returns the number of visits. All have left when it returns.
std::uint64_t let_loose(std::uint16_t port, std::size_t robots, std::chrono::milliseconds time, std::uint64_t seed);

}  // namespace soak

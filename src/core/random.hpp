// SPDX-License-Identifier: MIT
// Unpredictable bytes from the kernel's generator.
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace sluice {

/// Throws std::system_error if the kernel gives none. Any thread.
void fill_with_random(std::span<std::byte> bytes);
/// Random bytes; throws as fill_with_random().
std::string random_bytes(std::size_t size);
/// Random hexadecimal digits, an even number of them; throws as fill_with_random().
std::string random_hex(std::size_t digits);

}  // namespace sluice

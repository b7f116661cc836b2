// SPDX-License-Identifier: MIT
// Random bytes from the kernel's generator, for secrets and names that must not be guessed.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "sluice/abi.hpp"

namespace sluice::SLUICE_ABI {

/// Throws std::system_error if the kernel gives none. Any thread.
SLUICE_API void fill_with_random(std::span<std::byte> bytes);
/// Random bytes; throws as fill_with_random().
SLUICE_API std::string random_bytes(std::size_t size);
/// Random hexadecimal digits, an even number of them; throws as fill_with_random().
SLUICE_API std::string random_hex(std::size_t digits);

}  // namespace sluice::SLUICE_ABI

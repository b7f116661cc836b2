// SPDX-License-Identifier: MIT
// Bytes that nobody can foretell, from the system's generator.
#pragma once

#include <cstddef>
#include <string>

namespace sluice::redis {

/// `size` random bytes. Throws std::runtime_error when the system has none. Any thread.
std::string random_bytes(std::size_t size);
/// So many random hexadecimal digits.
std::string random_hex(std::size_t digits);

}  // namespace sluice::redis

// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string_view>

#include "sluice/abi.hpp"

namespace sluice::SLUICE_ABI {

/// SipHash-1-3 with a key that each process draws at its start, so that a client that chooses names cannot choose their
/// buckets. Any thread.
SLUICE_API std::size_t hash_with_secret(std::string_view bytes) noexcept;

/// Allows look-ups in a map of strings with a string_view.
struct StringHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const noexcept { return hash_with_secret(text); }
};

}  // namespace sluice::SLUICE_ABI

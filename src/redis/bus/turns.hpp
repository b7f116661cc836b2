// SPDX-License-Identifier: MIT
// Chooses one host after the other, for each plain channel separately.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>

#include "sluice/abi.hpp"

namespace sluice::SLUICE_ABI::redis {

/// Counts in a table of a fixed size: names that share a place share their turns. Each begins at the first host. One
/// thread at a time.
class Turns {
 public:
  std::size_t next(std::string_view name, std::size_t hosts) noexcept {
    return turns_[std::hash<std::string_view>()(name) % turns_.size()]++ % hosts;
  }

 private:
  std::array<std::uint32_t, 256> turns_{};
};

}  // namespace sluice::SLUICE_ABI::redis

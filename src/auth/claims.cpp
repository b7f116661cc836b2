// SPDX-License-Identifier: MIT
#include "sluice/auth/claims.hpp"

#include <cmath>

namespace sluice::SLUICE_ABI {

std::optional<TokenTime> Claims::time(std::string_view name) const noexcept {
  constexpr double end_of_9999 = 253'402'300'800.0;  // exclusive; keeps all sums of times far from overflow
  const std::optional<double> seconds = (*this)[name].as_double();
  if (!seconds || !(*seconds >= 0 && *seconds < end_of_9999)) return std::nullopt;
  return TokenTime(std::chrono::milliseconds(std::llround(std::floor(*seconds * 1000))));
}

}  // namespace sluice::SLUICE_ABI

// SPDX-License-Identifier: MIT
#include "sluice/core/close_reason.hpp"

namespace sluice::SLUICE_ABI {

bool may_be_sent(std::uint16_t code) noexcept {
  if (code >= 3000 && code <= 4999) return true;
  return code >= 1000 && code <= 1014 && code != 1004 && code != close_code::no_status && code != close_code::abnormal;
}

}  // namespace sluice::SLUICE_ABI

// SPDX-License-Identifier: MIT
#include "sluice/transport/user.hpp"

#include "core/string_hash.hpp"

std::size_t std::hash<sluice::UserId>::operator()(const sluice::UserId& id) const noexcept {
  if (const auto* text = id.text()) return sluice::hash_with_secret(*text);
  const std::int64_t number = id.number() ? *id.number() : 0;
  return sluice::hash_with_secret({reinterpret_cast<const char*>(&number), sizeof number});
}

// SPDX-License-Identifier: MIT
#include "sluice/auth/user_resolver.hpp"

#include <cstdint>
#include <utility>

#include "core/whole_number.hpp"

namespace sluice::SLUICE_ABI {

ClaimUser::ClaimUser(ClaimUserOptions options) : options_(std::move(options)) {}

Task<std::optional<User>> ClaimUser::resolve(const Claims& claims) {
  auto id = id_of(claims[options_.id_claim]);
  if (!id) return std::nullopt;
  return User(std::move(*id), std::string(claims[options_.name_claim].as_string().value_or("")));
}

std::optional<UserId> ClaimUser::id_of(json::Value claim) const {
  if (const auto number = claim.as_int()) return UserId(*number);
  const auto text = claim.as_string();
  if (!text || text->empty()) return std::nullopt;
  if (!options_.ids_are_numbers) return UserId(*text);
  const auto number = canonical_number<std::int64_t>(*text);  // an issuer that writes "1" never writes "01"
  return number ? std::optional(UserId(*number)) : std::nullopt;
}

}  // namespace sluice::SLUICE_ABI

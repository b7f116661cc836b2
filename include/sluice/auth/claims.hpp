// SPDX-License-Identifier: MIT
// The claims of a verified token.
#pragma once

#include <chrono>
#include <optional>
#include <string_view>
#include <utility>

#include "sluice/abi.hpp"
#include "sluice/json/document.hpp"
#include "sluice/json/value.hpp"

namespace sluice::SLUICE_ABI {

/// A point in time in a token: seconds since 1970, possibly with a fraction (RFC 7519 section 2, NumericDate).
using TokenTime = std::chrono::sys_time<std::chrono::milliseconds>;

/// The claims of one token. Made by JwtVerifier::verify; a test may make its own. Values and texts read from it live as
/// long as the Claims, and a move leaves them valid. Immutable: share freely.
class SLUICE_API Claims {
 public:
  explicit Claims(json::Document document) noexcept : document_(std::move(document)) {}

  /// All of them: a JSON map.
  json::Value value() const noexcept { return document_.root(); }
  /// One claim, or missing.
  json::Value operator[](std::string_view name) const noexcept { return value()[name]; }

  /// The claim `sub`, if it is a text.
  std::optional<std::string_view> subject() const noexcept { return (*this)["sub"].as_string(); }
  /// The claim `iat`. A back end uses it to refuse tokens that were issued before the last change of a password
  /// (behaviour MW-9).
  std::optional<TokenTime> issued_at() const noexcept { return time("iat"); }
  /// The claim `exp`.
  std::optional<TokenTime> expires_at() const noexcept { return time("exp"); }
  /// Any other claim that is a NumericDate from 1970 to 9999; nullopt when it is missing or anything else.
  std::optional<TokenTime> time(std::string_view name) const noexcept;

 private:
  json::Document document_;
};

}  // namespace sluice::SLUICE_ABI

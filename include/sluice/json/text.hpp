// SPDX-License-Identifier: MIT
// Encoded JSON: made once, then shared by many connections without a copy.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "sluice/abi.hpp"

namespace sluice::SLUICE_ABI::json {

/// Encoded JSON, or empty (no JSON at all, which is not the JSON `null`). Copying shares the bytes. The bytes are not
/// checked: the caller guarantees that they are JSON. Immutable: share freely.
class Text {
 public:
  Text() noexcept = default;
  explicit Text(std::string encoded)
      : encoded_(encoded.empty() ? nullptr : std::make_shared<const std::string>(std::move(encoded))) {}

  /// The bytes; they live as long as any copy of this Text.
  std::string_view view() const noexcept { return encoded_ ? std::string_view(*encoded_) : std::string_view(); }
  bool empty() const noexcept { return encoded_ == nullptr; }

  /// Byte by byte: `{"a":1}` and `{"a": 1}` are different texts.
  friend bool operator==(const Text& a, const Text& b) noexcept { return a.view() == b.view(); }

 private:
  std::shared_ptr<const std::string> encoded_;
};

}  // namespace sluice::SLUICE_ABI::json

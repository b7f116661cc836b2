// SPDX-License-Identifier: MIT
// Django's path patterns: `ws/room/<slug:room>/`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "consumer/route_pattern.hpp"

namespace sluice::SLUICE_ABI {

/// Alternating literals and captures. Each capture takes as much as allows the rest to match, like a regular
/// expression, but without backtracking: at most one step per byte of the path and byte or capture of the pattern.
/// Immutable: share freely.
class PathPattern final : public RoutePattern {
 public:
  /// Leading slashes are ignored, as in a path (behaviour SC-4). Throws std::invalid_argument.
  explicit PathPattern(std::string_view pattern);

  std::optional<Match> match(std::string_view path, bool whole) const override;

 private:
  enum class Converter : std::uint8_t { str, integer, slug, uuid, path };
  struct Piece {
    std::string literal;    // of a text
    std::string name = {};  // of a capture; empty: a text
    Converter converter = Converter::str;
  };
  class Fits;

  static std::optional<Converter> converter_named(std::string_view name) noexcept;
  static bool takes(Converter converter, char c) noexcept;
  static bool is_uuid(std::string_view text) noexcept;
  void add_capture(std::string_view inside);

  std::vector<Piece> pieces_;
};

}  // namespace sluice::SLUICE_ABI

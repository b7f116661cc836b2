// SPDX-License-Identifier: MIT
// One pattern of a route, and its match with a path.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "sluice/transport/scope.hpp"

namespace sluice::SLUICE_ABI {

/// A compiled pattern. Matching takes time linear in the path, because a path comes from an unauthenticated client.
/// Immutable: share freely.
class RoutePattern {
 public:
  /// A match: its captures, and the matched length of the path.
  struct Match {
    UrlRoute captured;
    std::size_t length = 0;
  };

  explicit RoutePattern(std::string_view text) : text_(text) {}
  virtual ~RoutePattern() = default;

  /// Matches at the beginning of the path; `whole`: a path pattern must match all of it.
  virtual std::optional<Match> match(std::string_view path, bool whole) const = 0;
  /// As it was written.
  const std::string& text() const noexcept { return text_; }

 private:
  const std::string text_;
};

/// Throws std::invalid_argument that names the route and its fault.
[[noreturn]] void refuse_route(std::string_view pattern, std::string_view why);
/// Whether a capture may have this name: a letter or `_`, then letters, digits and `_`.
bool is_capture_name(std::string_view name) noexcept;

/// A regular expression, matched at the beginning of the path. Throws std::invalid_argument. Its source file is the
/// only one that needs RE2, so that a program without regular expressions links without it.
std::unique_ptr<const RoutePattern> regex_pattern(std::string_view pattern);

}  // namespace sluice::SLUICE_ABI

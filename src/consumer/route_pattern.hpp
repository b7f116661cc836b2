// SPDX-License-Identifier: MIT
// One pattern of a route, and how it fits a path.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "sluice/transport/scope.hpp"

namespace sluice::SLUICE_ABI {

/// A compiled pattern. It takes a time that is linear in the path: a path is a stranger's, and comes before any
/// sign-in. Immutable: share freely.
class RoutePattern {
 public:
  /// What fitted: its captures, and how much of the path it took.
  struct Match {
    UrlRoute captured;
    std::size_t length = 0;
  };

  explicit RoutePattern(std::string_view text) : text_(text) {}
  virtual ~RoutePattern() = default;

  /// At the beginning of the path; `whole`: a path pattern must take all of it.
  virtual std::optional<Match> match(std::string_view path, bool whole) const = 0;
  /// As it was written.
  const std::string& text() const noexcept { return text_; }

 private:
  const std::string text_;
};

/// Throws std::invalid_argument that names the route and says what is wrong with it.
[[noreturn]] void refuse_route(std::string_view pattern, std::string_view why);
/// May this be the name of a capture: a letter or `_`, then letters, digits and `_`?
bool is_capture_name(std::string_view name) noexcept;

/// A regular expression, matched at the beginning of the path. Throws std::invalid_argument. Its source file is the
/// only one that needs RE2, so that a program without regular expressions links without it.
std::unique_ptr<const RoutePattern> regex_pattern(std::string_view pattern);

}  // namespace sluice::SLUICE_ABI

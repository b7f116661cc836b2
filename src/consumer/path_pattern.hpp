// SPDX-License-Identifier: MIT
// One pattern of a route: how it is written, and how it fits a path.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <regex>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/transport/scope.hpp"

namespace sluice {

/// A compiled path pattern. Immutable: share freely.
class PathPattern {
 public:
  /// What fitted: its captures, and how much of the path it took.
  struct Match {
    UrlRoute captured;
    std::size_t length = 0;
  };

  /// Django's syntax: `ws/room/<slug:room>/`. Throws std::invalid_argument.
  static PathPattern from_path(std::string_view pattern);
  /// A regular expression, matched at the beginning. Throws std::invalid_argument.
  static PathPattern from_regex(std::string_view pattern);

  /// At the beginning of the path; `whole`: a path pattern must take all of it.
  std::optional<Match> match(std::string_view path, bool whole) const;

 private:
  enum class Converter : std::uint8_t { text, integer };
  struct Group {
    std::string name;  // empty: positional
    Converter converter = Converter::text;
  };

  PathPattern(std::string_view shown, const std::string& regex, std::vector<Group> groups, bool is_path);

  std::regex regex_;
  std::vector<Group> groups_;  // by the number of the capture, from 0
  bool is_path_;
};

}  // namespace sluice

// SPDX-License-Identifier: MIT
// Regular expressions as routes, on RE2: linear in the path, whatever the expression.
#include <fmt/format.h>
#include <re2/re2.h>

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "consumer/route_pattern.hpp"

namespace sluice::SLUICE_ABI {
namespace {

class RegexPattern final : public RoutePattern {
 public:
  explicit RegexPattern(std::string_view pattern) : RoutePattern(pattern), regex_(without_slash(pattern), options()) {
    if (!regex_.ok()) refuse_route(pattern, explain(regex_));
    names_.resize(static_cast<std::size_t>(regex_.NumberOfCapturingGroups()));
    for (const auto& [number, name] : regex_.CapturingGroupNames()) {
      if (!is_capture_name(name)) refuse_route(pattern, fmt::format("\"{}\" is no name for a group", name));
      if (std::ranges::find(names_, name) != names_.end()) {
        refuse_route(pattern, fmt::format("two groups are named \"{}\"", name));
      }
      names_[static_cast<std::size_t>(number) - 1] = name;
    }
  }

  std::optional<Match> match(std::string_view path, bool) const override {
    std::vector<re2::StringPiece> groups(names_.size() + 1);
    const re2::StringPiece text(path.data(), path.size());
    if (!regex_.Match(text, 0, path.size(), RE2::ANCHOR_START, groups.data(), static_cast<int>(groups.size()))) {
      return std::nullopt;
    }
    Match match;
    match.length = groups.front().size();
    // As in Django: if a group is named, unnamed ones are not captured.
    const bool any_named = std::ranges::any_of(names_, [](const std::string& name) { return !name.empty(); });
    for (std::size_t i = 0; i < names_.size(); ++i) {
      const re2::StringPiece& group = groups[i + 1];
      if (!group.data() || (any_named && names_[i].empty())) continue;
      std::string value(group.data(), group.size());
      if (names_[i].empty()) {
        match.captured.args.emplace_back(std::move(value));
      } else {
        match.captured.kwargs.emplace_back(names_[i], std::move(value));
      }
    }
    return match;
  }

 private:
  static RE2::Options options() {
    RE2::Options options;
    options.set_log_errors(false);
    return options;
  }

  // Leading slashes of a path are ignored (behaviour SC-4), and so is the one at the start of an expression.
  static std::string without_slash(std::string_view pattern) {
    std::string regex(pattern);
    const std::size_t slash = regex.starts_with('^') ? 1 : 0;
    const bool leading = slash < regex.size() && regex[slash] == '/';
    const char next = slash + 1 < regex.size() ? regex[slash + 1] : 'x';
    if (leading && std::string_view("?*+{").find(next) == std::string_view::npos) regex.erase(slash, 1);
    return regex;
  }

  static std::string explain(const RE2& regex) {
    const bool perl = regex.error_code() == RE2::ErrorBadPerlOp || regex.error_code() == RE2::ErrorBadEscape;
    return regex.error() +
           (perl ? "; RE2's syntax has no look-ahead and no back reference, which would take exponential time" : "");
  }

  const RE2 regex_;
  std::vector<std::string> names_;  // by the number of the group, from 0; empty: by position
};

}  // namespace

std::unique_ptr<const RoutePattern> regex_pattern(std::string_view pattern) {
  return std::make_unique<const RegexPattern>(pattern);
}

}  // namespace sluice::SLUICE_ABI

// SPDX-License-Identifier: MIT
#include "consumer/path_pattern.hpp"

#include <fmt/format.h>

#include <charconv>
#include <stdexcept>

namespace sluice {
namespace {

// std::regex recurses once per character: a longer path is no route's.
constexpr std::size_t max_path_bytes = 2048;

[[noreturn]] void refuse(std::string_view pattern, std::string_view why) {
  throw std::invalid_argument(fmt::format("route \"{}\": {}", pattern, why));
}

// Django's path converters.
std::string_view regex_of(std::string_view converter) {
  if (converter == "str") return "[^/]+";
  if (converter == "int") return "[0-9]+";
  if (converter == "slug") return "[-a-zA-Z0-9_]+";
  if (converter == "uuid") return "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}";
  if (converter == "path") return ".+";
  return {};
}

bool is_identifier(std::string_view name) {
  static const std::regex identifier("[A-Za-z_][A-Za-z0-9_]*");
  return std::regex_match(name.begin(), name.end(), identifier);
}

}  // namespace

PathPattern::PathPattern(std::string_view shown, const std::string& regex, std::vector<Group> groups, bool is_path)
    : groups_(std::move(groups)), is_path_(is_path) {
  try {
    regex_.assign(regex);
  } catch (const std::regex_error& error) {
    refuse(shown, error.what());
  }
  if (regex_.mark_count() != groups_.size()) refuse(shown, "its groups can't be counted");
}

PathPattern PathPattern::from_path(std::string_view pattern) {
  std::string regex;
  std::vector<Group> groups;
  for (std::size_t at = 0; at < pattern.size(); ++at) {
    if (pattern[at] != '<') {
      if (std::string_view(".[]{}()\\*+?^$|/").find(pattern[at]) != std::string_view::npos) regex += '\\';
      regex += pattern[at];
      continue;
    }
    const std::size_t end = pattern.find('>', at);
    if (end == pattern.npos) refuse(pattern, "a '<' without its '>'");
    const std::string_view inside = pattern.substr(at + 1, end - at - 1);
    const std::size_t colon = inside.find(':');
    const std::string_view converter = colon == inside.npos ? "str" : inside.substr(0, colon);
    const std::string_view name = colon == inside.npos ? inside : inside.substr(colon + 1);
    const std::string_view fitting = regex_of(converter);
    if (fitting.empty())
      refuse(pattern, fmt::format("no converter \"{}\"; there are str, int, slug, uuid, path", converter));
    if (!is_identifier(name)) refuse(pattern, fmt::format("\"{}\" is no name for a capture", name));
    for (const Group& group : groups) {
      if (group.name == name) refuse(pattern, fmt::format("two captures are named \"{}\"", name));
    }
    regex += fmt::format("({})", fitting);
    groups.push_back({std::string(name), converter == "int" ? Converter::integer : Converter::text});
    at = end;
  }
  return PathPattern(pattern, regex, std::move(groups), true);
}

PathPattern PathPattern::from_regex(std::string_view pattern) {
  // ECMAScript as std::regex knows it has no named groups: their names are noted and taken out.
  std::string regex;
  std::vector<Group> groups;
  bool in_set = false;
  for (std::size_t at = 0; at < pattern.size(); ++at) {
    const char c = pattern[at];
    regex += c;
    if (c == '\\' && at + 1 < pattern.size()) {
      regex += pattern[++at];
    } else if (c == '[') {
      in_set = true;
    } else if (c == ']') {
      in_set = false;
    } else if (c == '(' && !in_set) {
      if (pattern.substr(at + 1).starts_with("?P<")) {
        const std::size_t end = pattern.find('>', at);
        if (end == pattern.npos) refuse(pattern, "a \"(?P<\" without its '>'");
        const std::string_view name = pattern.substr(at + 4, end - at - 4);
        if (!is_identifier(name)) refuse(pattern, fmt::format("\"{}\" is no name for a group", name));
        groups.push_back({std::string(name), Converter::text});
        at = end;
      } else if (!pattern.substr(at + 1).starts_with("?")) {
        groups.push_back({});
      }
    }
  }
  return PathPattern(pattern, regex, std::move(groups), false);
}

std::optional<PathPattern::Match> PathPattern::match(std::string_view path, bool whole) const {
  if (path.size() > max_path_bytes) return std::nullopt;
  std::match_results<std::string_view::const_iterator> found;
  const bool fits = whole && is_path_ ? std::regex_match(path.begin(), path.end(), found, regex_)
                                      : std::regex_search(path.begin(), path.end(), found, regex_,
                                                          std::regex_constants::match_continuous);
  if (!fits) return std::nullopt;

  Match match;
  match.length = static_cast<std::size_t>(found.length(0));
  // As in Django: where a group is named, the unnamed ones are not passed on.
  bool any_named = false;
  for (const Group& group : groups_) any_named = any_named || !group.name.empty();
  for (std::size_t i = 0; i < groups_.size(); ++i) {
    const Group& group = groups_[i];
    if (!found[i + 1].matched || (any_named && group.name.empty())) continue;
    CapturedValue value = found[i + 1].str();
    if (group.converter == Converter::integer) {
      const std::string digits = found[i + 1].str();
      std::int64_t number = 0;
      const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
      if (error != std::errc()) return std::nullopt;  // more than 64 bits: no number of ours
      value = number;
    }
    if (group.name.empty()) {
      match.captured.args.push_back(std::move(value));
    } else {
      match.captured.kwargs.emplace_back(group.name, std::move(value));
    }
  }
  return match;
}

}  // namespace sluice

// SPDX-License-Identifier: MIT
#include "http/target.hpp"

#include <algorithm>
#include <optional>

#include "core/ascii.hpp"
#include "core/percent.hpp"
#include "http/text.hpp"
#include "sluice/json/utf8.hpp"

namespace sluice::SLUICE_ABI::http {
namespace {

Error malformed(const char* why) { return {ErrorCode::parse_failed, why}; }

// "http://" and the like, if the target has the form with a scheme.
std::size_t scheme_bytes(std::string_view target) noexcept {
  for (const std::string_view scheme : {"http://", "https://", "ws://", "wss://"}) {
    if (equals_ignoring_case(target.substr(0, scheme.size()), scheme)) return scheme.size();
  }
  return 0;
}

}  // namespace

Result<Target> parse_target(std::string_view method, std::string_view target) {
  for (const char c : target) {
    if (is_control_byte(c) || c == ' ' || c == '#') return malformed("the target holds a byte that no target may hold");
  }
  if (!json::is_valid_utf8(target)) return malformed("the target is not UTF-8");
  Target parts;
  if (target == "*") {
    if (method != "OPTIONS") return malformed("only OPTIONS may ask for *");
    parts.path = parts.raw_path = std::string(target);
    return parts;
  }
  if (const std::size_t scheme = scheme_bytes(target); scheme > 0) {
    target.remove_prefix(scheme);
    const std::size_t end = std::min(target.find_first_of("/?"), target.size());
    parts.authority = target.substr(0, end);
    if (parts.authority.empty() || !is_host(parts.authority)) return malformed("the target names no host");
    target.remove_prefix(end);
  } else if (target.empty() || target.front() != '/') {
    return malformed("the target does not begin with a slash");
  }
  const std::size_t path_bytes = std::min(target.find('?'), target.size());
  parts.raw_path = path_bytes > 0 ? target.substr(0, path_bytes) : "/";
  if (path_bytes < target.size()) parts.query = target.substr(path_bytes + 1);
  auto path = percent_decoded(parts.raw_path);
  if (!path) return malformed("the path holds a bad escape");
  if (path->find('\0') != std::string::npos) return malformed("the path holds a NUL");
  if (!json::is_valid_utf8(*path)) return malformed("the path is not UTF-8");
  parts.path = std::move(*path);
  return parts;
}

bool is_host(std::string_view text) noexcept {
  return std::ranges::all_of(text, [](char c) {
    return is_digit(c) || is_letter(c) || std::string_view("-._~!$&'()*+,;=:[]%").find(c) != std::string_view::npos;
  });
}

}  // namespace sluice::SLUICE_ABI::http

// SPDX-License-Identifier: MIT
#include "net/stage/request_rules.hpp"

#include <algorithm>
#include <string>

#include "core/ascii.hpp"

namespace sluice::SLUICE_ABI::net {
namespace {

constexpr int http_bad_request = 400;
constexpr int http_misdirected = 421;  // RFC 9110 section 15.5.20

// True for "." or "..", with dots possibly written as %2e.
bool is_dots(std::string_view segment) noexcept {
  int dots = 0;
  while (!segment.empty()) {
    const bool escaped = equals_ignoring_case(segment.substr(0, 3), "%2e");
    if (!escaped && segment.front() != '.') return false;
    segment.remove_prefix(escaped ? 3 : 1);
    ++dots;
  }
  return dots == 1 || dots == 2;
}

}  // namespace

bool is_ambiguous_path(std::string_view raw_path) noexcept {
  for (std::string_view rest = raw_path; !rest.empty();) {
    const std::size_t end = std::min(rest.find('/', 1), rest.size());
    const std::string_view segment = rest.substr(1, end - 1);
    const bool is_last = end == rest.size();
    if ((segment.empty() && !is_last) || is_dots(segment)) return true;
    for (std::size_t at = 0; at < segment.size(); ++at) {
      if (segment[at] == '\\') return true;
      const std::string_view escape = segment.substr(at, 3);
      if (equals_ignoring_case(escape, "%2f") || equals_ignoring_case(escape, "%5c")) return true;
    }
    rest.remove_prefix(end);
  }
  return false;
}

std::optional<http::Refusal> rule_against(const RequestInfo& request, const AsioServerOptions& options) {
  const auto header = [&request](std::string_view name) {
    return std::ranges::find(request.headers, name, [](const auto& one) -> std::string_view { return one.first; });
  };
  const auto is_authorization = [](const auto& one) { return one.first == "authorization"; };
  if (std::ranges::count_if(request.headers, is_authorization) > 1) {
    return http::Refusal{http_bad_request, "there is more than one Authorization", {}};
  }
  const auto host = header("host");
  if (!options.hosts.include(host == request.headers.end() ? std::string_view() : host->second)) {
    return http::Refusal{http_misdirected, "this server does not answer for that host", {}};
  }
  if (options.refuse_ambiguous_paths.value_or(!options.proxies.trusted.empty()) &&
      is_ambiguous_path(request.raw_path)) {
    return http::Refusal{http_bad_request, "the path may be read in two ways", {}};
  }
  return std::nullopt;
}

}  // namespace sluice::SLUICE_ABI::net

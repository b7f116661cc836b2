// SPDX-License-Identifier: MIT
#include "sluice/net/allowed_hosts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "core/ascii.hpp"
#include "core/quoted.hpp"
#include "http/text.hpp"
#include "net/proxy/addresses.hpp"

namespace sluice::SLUICE_ABI {
namespace {

// The host in lower case without its port and a last dot.
std::string name_in(std::string_view host) {
  const std::size_t end = host.starts_with('[') ? host.find(']') : host.find(':');
  std::string_view name = host.substr(0, end);
  if (host.starts_with('[') && end != host.npos) name = host.substr(0, end + 1);
  if (name.ends_with('.')) name.remove_suffix(1);
  return lower_case(name);
}

// Stricter than a Host header, so that "*" is no name.
bool is_name(std::string_view text) {
  if (text.starts_with('[')) {
    const auto address = text.ends_with(']') ? net::parse_address(text.substr(1, text.size() - 2)) : std::nullopt;
    return address && address->is_v6();
  }
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return http::is_letter(c) || http::is_digit(c) || c == '-' || c == '.' || c == '_';
  });
}

}  // namespace

AllowedHosts::AllowedHosts(std::initializer_list<std::string_view> hosts) {
  for (const std::string_view host : hosts) add(host);
}

void AllowedHosts::add(std::string_view host) {
  const std::string_view name = host.starts_with('.') ? host.substr(1) : host;
  std::string lower = name_in(name);
  if (lower.empty() || !is_name(name)) {
    throw std::invalid_argument(fmt::format(
        "AllowedHosts: {}: write a host as \"example.org\", \".example.org\" for all below it too, \"192.0.2.7\" or "
        "\"[2001:db8::7]\"; without scheme, port and path",
        in_quotes(host)));
  }
  hosts_.push_back(host.starts_with('.') ? "." + lower : std::move(lower));
}

bool AllowedHosts::include(std::string_view host_header) const {
  if (hosts_.empty()) return true;
  const std::string name = name_in(host_header);
  return std::ranges::any_of(hosts_, [&name](std::string_view allowed) {
    if (!allowed.starts_with('.')) return name == allowed;
    return name == allowed.substr(1) || (name.ends_with(allowed) && name.size() > allowed.size());
  });
}

}  // namespace sluice::SLUICE_ABI

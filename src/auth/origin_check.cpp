// SPDX-License-Identifier: MIT
#include "sluice/auth/origin_check.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "core/ascii.hpp"
#include "core/whole_number.hpp"
#include "json/quoted.hpp"

namespace sluice::SLUICE_ABI {
namespace {

constexpr std::string_view letters = "abcdefghijklmnopqrstuvwxyz";
constexpr std::string_view digits = "0123456789";

struct Origin {
  std::string scheme;
  std::string host;
  std::optional<std::uint16_t> port;  // empty: the scheme has no default, and none was named
};

bool consists_of(std::string_view text, std::initializer_list<std::string_view> alphabets) noexcept {
  return std::ranges::all_of(text, [&](char c) {
    return std::ranges::any_of(alphabets, [c](std::string_view alphabet) { return alphabet.find(c) != alphabet.npos; });
  });
}

// RFC 3986 section 3.1, in lower case.
bool is_scheme(std::string_view text) noexcept {
  return !text.empty() && letters.find(text.front()) != letters.npos && consists_of(text, {letters, digits, "+-."});
}

// A name, an IPv4 address or an IPv6 address in brackets, in lower case. No other characters: attacks on lenient
// parsers use `user@`, a backslash or a space.
bool is_host(std::string_view text) noexcept {
  if (text.size() > 2 && text.front() == '[' && text.back() == ']') {
    return consists_of(text.substr(1, text.size() - 2), {digits, "abcdef:."});
  }
  return !text.empty() && text.front() != '.' && consists_of(text, {letters, digits, "-_."});
}

std::optional<std::uint16_t> default_port(std::string_view scheme) noexcept {
  if (scheme == "http" || scheme == "ws") return std::uint16_t{80};
  if (scheme == "https" || scheme == "wss") return std::uint16_t{443};
  return std::nullopt;
}

// scheme://host[:port] and nothing else (RFC 6454 section 6.2).
std::optional<Origin> parse_origin(std::string_view text) {
  const std::string small = lower_case(text);
  const std::size_t slashes = small.find("://");
  if (slashes == small.npos) return std::nullopt;
  Origin origin{small.substr(0, slashes), small.substr(slashes + 3), {}};
  origin.port = default_port(origin.scheme);
  const std::size_t colon = origin.host.rfind(':');
  if (colon != origin.host.npos && origin.host.back() != ']') {
    origin.port = whole_number<std::uint16_t>(std::string_view(origin.host).substr(colon + 1));
    if (!origin.port) return std::nullopt;
    origin.host.resize(colon);
  }
  return is_scheme(origin.scheme) && is_host(origin.host) ? std::optional(std::move(origin)) : std::nullopt;
}

bool same_domain(std::string_view host, std::string_view pattern) noexcept {
  if (pattern.front() != '.') return host == pattern;
  return host == pattern.substr(1) || host.ends_with(pattern);
}

}  // namespace

OriginCheck::OriginCheck(const std::vector<std::string>& allowed_origins, WithoutOrigin without_origin)
    : without_origin_(without_origin) {
  for (const std::string& entry : allowed_origins) {
    if (entry == "*") {
      everybody_ = true;
    } else {
      patterns_.push_back(parse(entry));
    }
  }
}

OriginCheck::Pattern OriginCheck::parse(std::string_view entry) {
  const std::size_t slashes = entry.find("://");
  const bool has_scheme = slashes != entry.npos;
  std::string plain(entry);
  const std::size_t host_at = has_scheme ? slashes + 3 : 0;
  const bool subdomains = plain.size() > host_at && plain[host_at] == '.';
  if (subdomains) plain.erase(host_at, 1);

  auto origin = parse_origin(has_scheme ? plain : "any://" + plain);
  if (!origin || (!has_scheme && origin->port)) {
    throw std::invalid_argument(
        fmt::format("OriginCheck: can't use {}; write host, .host for its subdomains too, scheme://host, "
                    "scheme://host:port, or * alone; [::1] in brackets, other scripts as xn--, no path",
                    json::in_quotes(entry)));
  }
  return {has_scheme ? origin->scheme : std::string(), (subdomains ? "." : "") + origin->host, origin->port};
}

bool OriginCheck::allows(std::optional<std::string_view> origin) const {
  if (everybody_ || (!origin && without_origin_ == WithoutOrigin::allow)) return true;
  const auto from = origin ? parse_origin(*origin) : std::nullopt;
  if (!from) return false;
  return std::ranges::any_of(patterns_, [&](const Pattern& pattern) {
    if (!same_domain(from->host, pattern.host)) return false;
    return pattern.scheme.empty() || (pattern.scheme == from->scheme && pattern.port == from->port);
  });
}

Task<Verdict> OriginCheck::handle(Scope& scope) {
  const auto origin = scope.last_header("origin");
  if (allows(origin)) return Verdict::pass();
  refusals_.write(LogLevel::info, "origin", [&] {
    return fmt::format("refused a connection from {}: its origin is {}", scope.client_address(),
                       origin ? json::in_quotes(*origin) : "missing");
  });
  return Verdict::refuse(Denial(403));
}

std::vector<std::string> OriginCheck::local_hosts() { return {"localhost", "127.0.0.1", "[::1]"}; }

}  // namespace sluice::SLUICE_ABI

// SPDX-License-Identifier: MIT
#include "net/proxy/addresses.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <asio/io_context.hpp>

#include "core/ascii.hpp"
#include "core/whole_number.hpp"
#include "http/text.hpp"

namespace sluice::SLUICE_ABI::net {
namespace {

using http::is_digit;
using http::is_letter;

// What RFC 7239 section 6.3 lets a proxy make up: an underscore, then letters, digits and . _ -
bool is_hidden(std::string_view text) noexcept {
  return text.size() > 1 && text.front() == '_' && std::ranges::all_of(text, [](char c) {
           return is_letter(c) || is_digit(c) || c == '.' || c == '_' || c == '-';
         });
}

}  // namespace

asio::ip::address unmapped(const asio::ip::address& address) {
  if (!address.is_v6() || !address.to_v6().is_v4_mapped()) return address;
  return asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6());
}

std::string to_text(const IpEndpoint& endpoint) {
  const auto address = unmapped(endpoint.address());
  if (address.is_v4()) return fmt::format("{}:{}", address.to_string(), endpoint.port());
  return fmt::format("[{}]:{}", address.to_string(), endpoint.port());
}

std::optional<asio::ip::address> parse_address(std::string_view text) {
  const bool clean = std::ranges::all_of(text, [](char c) { return hex_digit(c) >= 0 || c == '.' || c == ':'; });
  if (!clean) return std::nullopt;
  std::error_code error;
  const auto address = asio::ip::make_address(std::string(text), error);
  return error ? std::nullopt : std::optional(address);
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
  const bool plain = text.size() == 1 || !text.starts_with('0');
  return plain ? whole_number<std::uint16_t>(text) : std::nullopt;
}

std::optional<ForwardedHop> parse_hop(std::string_view text) {
  if (text.starts_with("unix:")) return ForwardedHop();
  if (const auto address = parse_address(text)) return ForwardedHop{IpEndpoint(*address, 0)};
  const bool bracketed = text.starts_with('[');
  const std::size_t name_end = bracketed ? text.find(']') : text.find(':');
  std::string_view name = text.substr(0, name_end);
  std::string_view rest = name_end == text.npos ? std::string_view() : text.substr(name_end);
  if (bracketed) {
    if (rest.empty()) return std::nullopt;
    name.remove_prefix(1);
    rest.remove_prefix(1);
  }
  std::uint16_t port = 0;
  if (!rest.empty()) {
    if (rest.front() != ':') return std::nullopt;
    const auto number = parse_port(rest.substr(1));
    if (!number && !is_hidden(rest.substr(1))) return std::nullopt;
    port = number.value_or(0);
  }
  if (!bracketed && (equals_ignoring_case(name, "unknown") || is_hidden(name))) return ForwardedHop();
  const auto address = parse_address(name);
  if (!address || address->is_v6() != bracketed) return std::nullopt;
  return ForwardedHop{IpEndpoint(*address, port)};
}

bool trusts(const ProxyOptions& options, const asio::ip::address& address) noexcept {
  if (address.is_v4()) return options.trusted.includes(address.to_v4().to_bytes());
  return options.trusted.includes(address.to_v6().to_bytes());
}

Result<std::vector<IpEndpoint>> endpoints_of(std::string_view host, std::uint16_t port) {
  asio::io_context context;
  asio::ip::tcp::resolver resolver(context);
  std::error_code error;
  const auto found = resolver.resolve(host, std::to_string(port), asio::ip::resolver_base::numeric_service, error);
  if (error || host.empty()) {
    return Error(ErrorCode::io_failed, fmt::format("listen on \"{}\": {}", host,
                                                   error ? error.message() : "0.0.0.0 and :: mean every address"));
  }
  std::vector<IpEndpoint> endpoints;
  for (const auto& entry : found) endpoints.push_back(entry.endpoint());
  return endpoints;
}

}  // namespace sluice::SLUICE_ABI::net

// SPDX-License-Identifier: MIT
#include "net/proxy/forwarded.hpp"

#include <algorithm>
#include <string_view>

#include "core/ascii.hpp"
#include "http/target.hpp"
#include "http/text.hpp"

namespace sluice::SLUICE_ABI::net {
namespace {

using http::HeaderFields;
using Words = std::vector<std::string_view>;

Error malformed(std::string_view what) {
  return Error(ErrorCode::parse_failed, std::string(what) + " of a trusted proxy is malformed");
}

bool read_scheme(std::string_view text, Requester& who) {
  const auto is = [text](std::string_view scheme) { return equals_ignoring_case(text, scheme); };
  who.secure = is("https") || is("wss");
  return *who.secure || is("http") || is("ws");
}

bool read_host(std::string_view text, Requester& who) {
  who.host = text;
  return !text.empty() && http::is_host(text);
}

// --- X-Forwarded-For and its companions

// The elements of a list that may be in several lines.
Words list(const HeaderFields& headers, std::string_view name) {
  Words all;
  for (const auto& [header, value] : headers) {
    if (header != name) continue;
    http::each_in_list(value, [&all](std::string_view element) {
      all.push_back(element);
      return true;
    });
  }
  return all;
}

// The element of the hop at this distance from the right. Proxies that set the header, instead of adding to it, leave
// one element for all hops.
std::optional<std::string_view> beside(const Words& companion, std::size_t stops) {
  if (companion.empty()) return std::nullopt;
  return companion[companion.size() - std::clamp<std::size_t>(stops, 1, companion.size())];
}

Result<Requester> follow_x_forwarded(const HeaderFields& headers, Requester who, const ProxyOptions& options) {
  const Words addresses = list(headers, "x-forwarded-for");
  std::size_t stops = 0;
  while (stops < addresses.size() && trusts(options, who.client.address())) {
    if (stops == http::max_list_elements) return malformed("X-Forwarded-For");
    const auto stop = parse_hop(addresses[addresses.size() - ++stops]);
    if (!stop) return malformed("X-Forwarded-For");
    if (!stop->endpoint) break;
    who.client = *stop->endpoint;
  }
  const Words schemes = list(headers, "x-forwarded-proto"), hosts = list(headers, "x-forwarded-host");
  const auto scheme = beside(schemes, stops), host = beside(hosts, stops);
  if (scheme && !read_scheme(*scheme, who)) return malformed("X-Forwarded-Proto");
  if (host && !read_host(*host, who)) return malformed("X-Forwarded-Host");
  return who;
}

// --- Forwarded (RFC 7239 section 4)

struct Element {
  std::optional<std::string> address, scheme, host;
};

// A token or a quoted string off the front.
std::optional<std::string> take_value(std::string_view& text) {
  std::string value;
  if (!text.starts_with('"')) {
    const auto end = std::ranges::find_if_not(text, http::is_token_char);
    value.assign(text.begin(), end);
    text.remove_prefix(value.size());
    return value.empty() ? std::nullopt : std::optional(value);
  }
  for (text.remove_prefix(1); !text.empty(); text.remove_prefix(1)) {
    if (text.front() == '"') {
      text.remove_prefix(1);
      return value;
    }
    if (text.front() == '\\') text.remove_prefix(1);
    if (text.empty()) break;
    value += text.front();
  }
  return std::nullopt;
}

void skip_blanks(std::string_view& text) { text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size())); }

// name=value; an unknown name is ignored.
bool take_pair(std::string_view& text, Element& element) {
  const std::size_t equals = text.find('=');
  if (equals == text.npos || !http::is_token(text.substr(0, equals))) return false;
  const std::string name = lower_case(text.substr(0, equals));
  text.remove_prefix(equals + 1);
  auto value = take_value(text);
  if (!value) return false;
  auto* const place = name == "for"     ? &element.address
                      : name == "proto" ? &element.scheme
                      : name == "host"  ? &element.host
                                        : nullptr;
  if (place && *place) return false;
  if (place) *place = std::move(value);
  return true;
}

// Adds the elements of one line.
bool read_elements(std::string_view text, std::vector<Element>& elements) {
  for (;;) {
    while (skip_blanks(text), text.starts_with(',')) text.remove_prefix(1);  // empty elements (RFC 9110 section 5.6.1)
    if (text.empty()) return true;
    Element& element = elements.emplace_back();
    for (;;) {
      if (!take_pair(text, element)) return false;
      skip_blanks(text);
      if (!text.starts_with(';')) break;
      text.remove_prefix(1);
      skip_blanks(text);
    }
    if (!text.empty() && text.front() != ',') return false;
  }
}

Result<Requester> follow_forwarded(const HeaderFields& headers, Requester who, const ProxyOptions& options) {
  std::vector<Element> elements;
  for (const auto& [name, value] : headers) {
    if (name == "forwarded" && !read_elements(value, elements)) return malformed("Forwarded");
  }
  const Element* last = nullptr;
  for (auto at = elements.rbegin(); at != elements.rend() && trusts(options, who.client.address()); ++at) {
    if (at - elements.rbegin() == static_cast<std::ptrdiff_t>(http::max_list_elements)) return malformed("Forwarded");
    last = &*at;
    if (!at->address) break;
    const auto stop = parse_hop(*at->address);
    if (!stop) return malformed("Forwarded");
    if (!stop->endpoint) break;
    who.client = *stop->endpoint;
  }
  if (!last) return who;
  if (last->scheme && !read_scheme(*last->scheme, who)) return malformed("Forwarded");
  if (last->host && !read_host(*last->host, who)) return malformed("Forwarded");
  return who;
}

}  // namespace

Result<Requester> find_requester(const HeaderFields& headers, const IpEndpoint& nearest, const ProxyOptions& options) {
  Requester who{nearest, {}, {}};
  if (!trusts(options, nearest.address())) return who;
  switch (options.headers) {
    case ForwardedHeaders::none: return who;
    case ForwardedHeaders::x_forwarded: return follow_x_forwarded(headers, std::move(who), options);
    case ForwardedHeaders::forwarded: return follow_forwarded(headers, std::move(who), options);
  }
  return who;
}

}  // namespace sluice::SLUICE_ABI::net

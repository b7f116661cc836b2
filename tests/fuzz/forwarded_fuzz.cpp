// SPDX-License-Identifier: MIT
// Malicious Forwarded and X-Forwarded-*: untrusted peers have no effect, and a client's own headers do not change its
// address. The first byte of an input selects the sender and the headers that are read; then each line is a header,
// selected by its first letter.
#include <string>
#include <utility>
#include <vector>

#include "fuzz/check.hpp"
#include "net/proxy/forwarded.hpp"

using namespace sluice;
using http::HeaderFields;

namespace {

std::string name_of(char letter) {
  switch (letter) {
    case 'f': return "x-forwarded-for";
    case 'p': return "x-forwarded-proto";
    case 'h': return "x-forwarded-host";
    default: return "forwarded";
  }
}

HeaderFields headers_in(std::string_view text) {
  HeaderFields headers;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (!line.empty()) headers.emplace_back(name_of(line.front()), line.substr(1));
  }
  return headers;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const bool from_proxy = data[0] & 1, by_rfc = data[0] & 2;
  const ProxyOptions options{.trusted = {"10.0.0.0/8", "::1"},
                             .headers = by_rfc ? ForwardedHeaders::forwarded : ForwardedHeaders::x_forwarded};
  const net::IpEndpoint nearest(asio::ip::make_address(from_proxy ? "10.0.0.1" : "192.0.2.66"), 1000);
  const HeaderFields headers = headers_in(text_of(data + 1, size - 1));
  const auto who = net::find_requester(headers, nearest, options);
  if (!from_proxy) {
    check(who && *who == net::Requester{nearest, {}, {}});
    return 0;
  }
  if (!who) return 0;
  if (who->host) check(!who->host->empty());
  check(net::parse_hop(net::to_text(who->client)).has_value());

  // Headers that the client itself adds in front do not change its address, as long as they are valid.
  if (net::trusts(options, who->client.address())) return 0;
  for (const char* spoofed :
       {"for=127.0.0.1;proto=https;host=evil", "for=10.0.0.1", "10.0.0.1", "127.0.0.1:80", "\""}) {
    HeaderFields more = headers;
    more.insert(more.begin(), {by_rfc ? "forwarded" : "x-forwarded-for", spoofed});
    const auto same = net::find_requester(more, nearest, options);
    if (same) check(same->client == who->client);
    if (!by_rfc) check(same && *same == *who);
  }
  return 0;
}

// SPDX-License-Identifier: MIT
#include "net/proxy/forwarded.hpp"

#include <string>
#include <utility>
#include <vector>

#include "support/catch.hpp"

using namespace sluice;
using http::HeaderFields;

namespace {

const ProxyOptions x_forwarded{.trusted = {"10.0.0.0/8", "2001:db8::/32"}};
const ProxyOptions forwarded{.trusted = {"10.0.0.0/8", "2001:db8::/32"}, .headers = ForwardedHeaders::forwarded};

const net::IpEndpoint proxy(asio::ip::make_address("10.0.0.1"), 1000);
const net::IpEndpoint stranger(asio::ip::make_address("203.0.113.66"), 1066);

std::string find(const HeaderFields& headers, const ProxyOptions& options, const net::IpEndpoint& nearest = proxy) {
  const auto who = net::find_requester(headers, nearest, options);
  if (!who) return who.error().context();
  std::string line = net::to_text(who->client);
  if (who->secure) line += *who->secure ? " secure" : " plain";
  if (who->host) line += " " + *who->host;
  return line;
}

std::string x_for(const std::string& value) { return find({{"x-forwarded-for", value}}, x_forwarded); }
std::string by_rfc(const std::string& value) { return find({{"forwarded", value}}, forwarded); }

}  // namespace

TEST_CASE("without proxy headers the client is the TCP peer", "[net]") {
  CHECK(find({}, x_forwarded) == "10.0.0.1:1000");
  CHECK(find({}, forwarded) == "10.0.0.1:1000");
  CHECK(find({{"host", "x"}}, x_forwarded, stranger) == "203.0.113.66:1066");
}

TEST_CASE("a chain of more than 64 trusted proxies is refused, and entries before an untrusted one are ignored",
          "[net]") {
  const auto repeated = [](std::string_view element, int count) {
    std::string all;
    for (int i = 0; i < count; ++i) all += (i ? ", " : "") + std::string(element);
    return all;
  };
  CHECK(x_for(repeated("10.0.0.2", 64)) == "10.0.0.2:0");
  CHECK(x_for(repeated("10.0.0.2", 65)) == "X-Forwarded-For of a trusted proxy is malformed");
  CHECK(x_for(repeated("10.0.0.2", 1000) + ", 192.0.2.7, 10.0.0.3") == "192.0.2.7:0");
  CHECK(by_rfc(repeated("for=10.0.0.2", 64)) == "10.0.0.2:0");
  CHECK(by_rfc(repeated("for=10.0.0.2", 65)) == "Forwarded of a trusted proxy is malformed");
  CHECK(by_rfc(repeated("for=10.0.0.2", 1000) + ", for=192.0.2.7, for=10.0.0.3") == "192.0.2.7:0");
}

TEST_CASE("headers of a peer that is not trusted change nothing", "[net]") {
  const HeaderFields headers{{"x-forwarded-for", "192.0.2.7"},
                             {"x-forwarded-proto", "https"},
                             {"x-forwarded-host", "evil.example"},
                             {"forwarded", "for=192.0.2.7;proto=https;host=evil.example"}};
  CHECK(find(headers, x_forwarded, stranger) == "203.0.113.66:1066");
  CHECK(find(headers, forwarded, stranger) == "203.0.113.66:1066");
  CHECK(find({{"x-forwarded-for", "not an address"}, {"forwarded", "\""}}, x_forwarded, stranger) ==
        "203.0.113.66:1066");
}

TEST_CASE("a server reads only the proxy headers that are configured", "[net]") {
  CHECK(find({{"forwarded", "for=192.0.2.7;proto=https"}}, x_forwarded) == "10.0.0.1:1000");
  CHECK(find({{"x-forwarded-for", "192.0.2.7"}, {"x-forwarded-proto", "https"}}, forwarded) == "10.0.0.1:1000");
  const ProxyOptions none{.trusted = {"10.0.0.0/8"}, .headers = ForwardedHeaders::none};
  CHECK(find({{"x-forwarded-for", "192.0.2.7"}, {"forwarded", "for=192.0.2.7"}}, none) == "10.0.0.1:1000");
}

TEST_CASE("X-Forwarded-For is followed from the right while its writer is trusted", "[net]") {
  CHECK(x_for("192.0.2.7") == "192.0.2.7:0");
  CHECK(x_for("192.0.2.7:51234") == "192.0.2.7:51234");
  CHECK(x_for("[2001:db9::7]:51234") == "[2001:db9::7]:51234");
  CHECK(x_for("2001:db9::7") == "[2001:db9::7]:0");
  CHECK(x_for("192.0.2.7, 10.0.0.2, 2001:db8::3") == "192.0.2.7:0");
  CHECK(x_for("192.0.2.7, 10.0.0.2:4000") == "192.0.2.7:0");
  CHECK(x_for("10.0.0.3, 10.0.0.2") == "10.0.0.3:0");
  CHECK(x_for("::ffff:10.0.0.2") == "10.0.0.2:0");
  CHECK(x_for("") == "10.0.0.1:1000");
  CHECK(x_for(" ,, ") == "10.0.0.1:1000");
}

TEST_CASE("a client's own X-Forwarded-For entries are ignored", "[net]") {
  CHECK(x_for("127.0.0.1, 192.0.2.7") == "192.0.2.7:0");
  CHECK(x_for("10.0.0.9, 192.0.2.7, 10.0.0.2") == "192.0.2.7:0");
  CHECK(x_for("<script>, 192.0.2.7") == "192.0.2.7:0");
  CHECK(x_for("\", 192.0.2.7") == "192.0.2.7:0");
}

TEST_CASE("repeated headers are one list in their order", "[net]") {
  const auto find_all = [](const HeaderFields& headers) { return find(headers, x_forwarded); };
  CHECK(find_all({{"x-forwarded-for", "127.0.0.1"}, {"x-forwarded-for", "192.0.2.7"}}) == "192.0.2.7:0");
  CHECK(find_all({{"x-forwarded-for", "192.0.2.7"}, {"host", "x"}, {"x-forwarded-for", "10.0.0.2"}}) == "192.0.2.7:0");
  CHECK(find({{"forwarded", "for=127.0.0.1"}, {"forwarded", "for=192.0.2.7;proto=https"}}, forwarded) ==
        "192.0.2.7:0 secure");
}

TEST_CASE("a proxy that hides an address counts as the client", "[net]") {
  CHECK(x_for("192.0.2.7, unknown") == "10.0.0.1:1000");
  CHECK(x_for("192.0.2.7, unknown, 10.0.0.2") == "10.0.0.2:0");
  CHECK(by_rfc("for=192.0.2.7, for=_hidden, for=10.0.0.2;proto=https") == "10.0.0.2:0");
  CHECK(by_rfc("for=192.0.2.7, for=\"unknown\";proto=https") == "10.0.0.1:1000 secure");
  CHECK(by_rfc("for=192.0.2.7, proto=https") == "10.0.0.1:1000 secure");
}

TEST_CASE("a malformed header of a trusted proxy is refused", "[net]") {
  for (const auto* wrong : {"x", "192.0.2.7, x", "192.0.2.7 10.0.0.2", "for=192.0.2.7", "192.0.2.7:port"}) {
    CAPTURE(wrong);
    CHECK(x_for(wrong) == "X-Forwarded-For of a trusted proxy is malformed");
  }
  CHECK(find({{"x-forwarded-proto", "gopher"}}, x_forwarded) == "X-Forwarded-Proto of a trusted proxy is malformed");
  CHECK(find({{"x-forwarded-host", "a b"}}, x_forwarded) == "X-Forwarded-Host of a trusted proxy is malformed");
  for (const auto* wrong : {"for",
                            "for=",
                            "=192.0.2.7",
                            "for=192.0.2.7;",
                            "for=192.0.2.7;;proto=http",
                            "for=\"192.0.2.7",
                            "for=[2001:db8::7]",
                            "for=\"192.0.2.7\"x",
                            "for=192.0.2.7 proto=http",
                            "for=192.0.2.7;for=10.0.0.2",
                            "for =192.0.2.7",
                            "for= 192.0.2.7",
                            "for=192.0.2.7\\",
                            "for=\"x\\",
                            "for=\"x\\\"",
                            "proto=gopher",
                            "host=\"a b\"",
                            "host=\"\"",
                            "for=secret",
                            "for=\"\""}) {
    CAPTURE(wrong);
    CHECK(by_rfc(wrong) == "Forwarded of a trusted proxy is malformed");
  }
}

TEST_CASE("Forwarded is read as RFC 7239 writes it", "[net]") {
  CHECK(by_rfc("for=192.0.2.7") == "192.0.2.7:0");
  CHECK(by_rfc("For=\"[2001:db9:cafe::17]:4711\"") == "[2001:db9:cafe::17]:4711");
  CHECK(by_rfc("for=192.0.2.60;proto=http;by=203.0.113.43") == "192.0.2.60:0 plain");
  CHECK(by_rfc("for=192.0.2.43, for=10.17.0.2") == "192.0.2.43:0");
  CHECK(by_rfc(" for=192.0.2.7 ; PROTO=Https ;\thost=chat.example ,, ") == "192.0.2.7:0 secure chat.example");
  CHECK(by_rfc("for=\"192.0.2.7:51234\";host=\"chat.example:8443\";secret=\"a,b;c=\\\"d\"") ==
        "192.0.2.7:51234 chat.example:8443");
  CHECK(by_rfc("") == "10.0.0.1:1000");
}

TEST_CASE("an unclosed quote of a client does not hide later entries", "[net]") {
  for (const std::string begun : {"for=\"", "for=127.0.0.1;x=\"", "\"", "for=\"127.0.0.1, ", "x=\"\\"}) {
    CAPTURE(begun);
    CHECK(by_rfc(begun + ", for=192.0.2.7;proto=https") == "Forwarded of a trusted proxy is malformed");
    CHECK(by_rfc(begun + ", for=\"[2001:db9::7]\";proto=\"https\"") == "Forwarded of a trusted proxy is malformed");
  }
}

TEST_CASE("scheme and host are those of the request that the client made", "[net]") {
  const auto said = [](const HeaderFields& more) {
    HeaderFields headers{{"x-forwarded-for", "192.0.2.7, 10.0.0.2"}};
    headers.insert(headers.end(), more.begin(), more.end());
    return find(headers, x_forwarded);
  };
  CHECK(said({{"x-forwarded-proto", "https"}}) == "192.0.2.7:0 secure");
  CHECK(said({{"x-forwarded-proto", "wss"}, {"x-forwarded-host", "chat.example"}}) ==
        "192.0.2.7:0 secure chat.example");
  CHECK(said({{"x-forwarded-proto", "https, http"}}) == "192.0.2.7:0 secure");
  // One more, on the left, is the client's invention.
  CHECK(said({{"x-forwarded-proto", "https, http, http"}}) == "192.0.2.7:0 plain");
  CHECK(said({{"x-forwarded-host", "evil.example, chat.example, inner"}}) == "192.0.2.7:0 chat.example");
  CHECK(find({{"x-forwarded-proto", "https"}}, x_forwarded) == "10.0.0.1:1000 secure");
  CHECK(by_rfc("for=192.0.2.7;proto=https;host=chat.example, for=10.0.0.2;proto=http;host=inner") ==
        "192.0.2.7:0 secure chat.example");
  CHECK(by_rfc("for=127.0.0.1;proto=https, for=192.0.2.7;proto=http") == "192.0.2.7:0 plain");
}

// SPDX-License-Identifier: MIT
#include "sluice/net/trusted_proxies.hpp"

#include <stdexcept>
#include <string>

#include "net/proxy/addresses.hpp"
#include "support/catch.hpp"

using namespace sluice;

namespace {

bool trusts(const TrustedProxies& proxies, std::string_view address) {
  return net::trusts({.trusted = proxies}, net::parse_address(address).value());
}

std::string complaint(std::string_view network) {
  try {
    TrustedProxies{network};
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "none";
}

std::string stop(std::string_view text) {
  const auto stop = net::parse_hop(text);
  if (!stop) return "malformed";
  return stop->endpoint ? net::to_text(*stop->endpoint) : "hidden";
}

}  // namespace

TEST_CASE("no address is trusted unless listed", "[net]") {
  CHECK(TrustedProxies().empty());
  CHECK_FALSE(trusts({}, "127.0.0.1"));
  CHECK_FALSE(trusts({}, "::1"));
}

TEST_CASE("a network holds what has its prefix, and nothing else", "[net]") {
  const TrustedProxies proxies{"127.0.0.1", "10.0.0.0/8", "192.0.2.128/25", "::1", "2001:db8:8000::/33"};
  for (const auto* address : {"127.0.0.1", "10.0.0.0", "10.255.255.255", "192.0.2.128", "192.0.2.255", "::1",
                              "2001:db8:8000::", "2001:db8:ffff:ffff::1"}) {
    CAPTURE(address);
    CHECK(trusts(proxies, address));
  }
  for (const auto* address : {"127.0.0.2", "9.255.255.255", "11.0.0.0", "192.0.2.127", "::2", "2001:db8:7fff:ffff::1",
                              "2001:db9:8000::", "::10.0.0.1"}) {
    CAPTURE(address);
    CHECK_FALSE(trusts(proxies, address));
  }
}

TEST_CASE("an IPv4 address mapped into IPv6 is that IPv4 address", "[net]") {
  CHECK(trusts({"10.0.0.0/8"}, "::ffff:10.1.2.3"));
  CHECK(trusts({"::ffff:10.0.0.0/104"}, "10.1.2.3"));
  CHECK(trusts({"::ffff:10.1.2.3"}, "10.1.2.3"));
  CHECK_FALSE(trusts({"::ffff:10.0.0.0/104"}, "11.1.2.3"));
}

TEST_CASE("all addresses of one family can be trusted, and none of the other", "[net]") {
  CHECK(trusts({"0.0.0.0/0"}, "203.0.113.1"));
  CHECK_FALSE(trusts({"0.0.0.0/0"}, "2001:db8::1"));
  CHECK(trusts({"::/0"}, "2001:db8::1"));
  CHECK_FALSE(trusts({"::/0"}, "203.0.113.1"));
  CHECK_FALSE(trusts({"::/0"}, "::ffff:203.0.113.1"));
}

TEST_CASE("an invalid network is named in the error", "[net]") {
  for (const auto* wrong : {"", "localhost", "10.0.0", "10.0.0.0.0", "010.0.0.1", "1.2.3.4:80", "[::1]", "fe80::1%eth0",
                            " 10.0.0.1", "unix", "::g"}) {
    CAPTURE(wrong);
    CHECK(complaint(wrong) ==
          std::string("TrustedProxies: \"") + wrong + "\": write an IPv4 or IPv6 address, or ADDRESS/BITS");
  }
  for (const auto* wrong : {"10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/8x", "10.0.0.0/8/8"}) {
    CAPTURE(wrong);
    CHECK(complaint(wrong).ends_with("the number of bits behind the slash makes no sense"));
  }
  for (const auto* wrong : {"10.0.0.1/8", "192.0.2.129/25", "2001:db8::1/64", "1.0.0.0/0"}) {
    CAPTURE(wrong);
    CHECK(complaint(wrong).ends_with("the address has bits behind the prefix"));
  }
}

TEST_CASE("a forwarded hop is an address, with or without a port, or hidden", "[net]") {
  CHECK(stop("192.0.2.7") == "192.0.2.7:0");
  CHECK(stop("192.0.2.7:51234") == "192.0.2.7:51234");
  CHECK(stop("192.0.2.7:_ten") == "192.0.2.7:0");
  CHECK(stop("2001:db8::7") == "[2001:db8::7]:0");
  CHECK(stop("[2001:db8::7]") == "[2001:db8::7]:0");
  CHECK(stop("[2001:db8::7]:443") == "[2001:db8::7]:443");
  CHECK(stop("[::ffff:192.0.2.7]:443") == "192.0.2.7:443");
  CHECK(stop("unknown") == "hidden");
  CHECK(stop("Unknown:80") == "hidden");
  CHECK(stop("_SEVKISEK.x-1_") == "hidden");
  for (const auto* wrong : {"",
                            ":",
                            ":80",
                            "_",
                            "_a b",
                            "secret",
                            "192.0.2",
                            "192.0.2.7:",
                            "192.0.2.7:65536",
                            "192.0.2.7:080",
                            "192.0.2.7:+80",
                            "192.0.2.7 ",
                            "[192.0.2.7]",
                            "[2001:db8::7",
                            "[2001:db8::7]x",
                            "[2001:db8::7]80",
                            "[]",
                            "[unknown]",
                            "[fe80::1%1]",
                            "fe80::1%1",
                            "1.2.3.4.5",
                            "1.2.3.4:80:80"}) {
    CAPTURE(wrong);
    CHECK(stop(wrong) == "malformed");
  }
}

TEST_CASE("a forwarded hop over a Unix socket has no address", "[net]") {
  CHECK(stop("unix:") == "hidden");
  CHECK(stop("unix:/run/nginx.sock") == "hidden");
  CHECK(stop("unix") == "malformed");
}

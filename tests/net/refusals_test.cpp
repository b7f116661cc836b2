// SPDX-License-Identifier: MIT
#include "net/limits/refusals.hpp"

#include <string>

#include "net/support/proxied.hpp"
#include "net/support/served.hpp"
#include "support/catch.hpp"

using namespace sluice;
using namespace sluice::test;
using namespace std::chrono_literals;
using net::Refusals;

namespace {

const auto ann = asio::ip::make_address("192.0.2.1");
const auto bob = asio::ip::make_address("192.0.2.2");

}  // namespace

TEST_CASE("an address that was refused too often is turned away until its rate allows it again", "[net]") {
  Refusals refusals(Rate{2, 3});
  Refusals::Time now{1h};
  for (int i = 0; i < 3; ++i) {
    CHECK_FALSE(refusals.too_many(ann, now));
    refusals.charge(ann, now);
  }
  CHECK_FALSE(refusals.too_many(ann, now));
  refusals.charge(ann, now);
  CHECK(refusals.too_many(ann, now));
  CHECK_FALSE(refusals.too_many(bob, now));
  CHECK(refusals.turned_away() == 1);
  now += 500ms;
  CHECK_FALSE(refusals.too_many(ann, now));
  now += 10s;
  CHECK_FALSE(refusals.too_many(ann, now));
  CHECK(refusals.addresses() == 0);
}

TEST_CASE("the hosts of one IPv6 network of 64 bits are one address, and a mapped IPv4 address is itself", "[net]") {
  Refusals refusals(Rate{1, 1});
  const Refusals::Time now{1h};
  for (int i = 0; i < 2; ++i) refusals.charge(asio::ip::make_address("2001:db8::" + std::to_string(i)), now);
  CHECK(refusals.too_many(asio::ip::make_address("2001:db8::ffff:1"), now));
  CHECK_FALSE(refusals.too_many(asio::ip::make_address("2001:db8:0:1::1"), now));
  for (int i = 0; i < 2; ++i) refusals.charge(ann, now);
  CHECK(refusals.too_many(asio::ip::make_address("::ffff:192.0.2.1"), now));
}

TEST_CASE("addresses that were refused are remembered up to a number", "[net]") {
  Refusals refusals(Rate{1, 1});
  Refusals::Time now{1h};
  for (std::uint32_t i = 0; i < Refusals::most_addresses + 100; ++i) {
    refusals.charge(asio::ip::address_v4(0x0a000000U + i), now);
  }
  CHECK(refusals.addresses() == Refusals::most_addresses);
  now += 1min;
  refusals.charge(ann, now);
  CHECK(refusals.addresses() == 1);
}

TEST_CASE("without a rate for refusals no address is turned away", "[net]") {
  Refusals refusals(Rate{0, 0});
  for (int i = 0; i < 1'000; ++i) refusals.charge(ann, Refusals::Time{1h});
  CHECK_FALSE(refusals.too_many(ann, Refusals::Time{1h}));
}

TEST_CASE("an address that was refused too often gets 429, and the application is not asked", "[net]") {
  AsioServerOptions options;
  options.limits.refusals_per_address = {1, 3};
  Served served(options);
  served.gateway.when_opened = [](Door& door) { door.connection->deny(Denial(403)); };
  std::string statuses;
  for (int i = 0; i < 6; ++i) statuses += served.connect().upgrade().substr(9, 4);
  CHECK(statuses == "403 403 403 403 429 429 ");
  CHECK(served.gateway.heard.lines().size() == 8);  // opened and closed, four times each
  CHECK(served.server.stats().turned_away == 2);
}

TEST_CASE("clients behind a proxy are turned away individually", "[net]") {
  AsioServerOptions options = behind({"127.0.0.1"});
  options.limits.refusals_per_address = {1, 1};
  Served served(options);
  served.gateway.when_opened = [](Door& door) { door.connection->deny(Denial(401)); };
  const auto status = [&](const std::string& headers) { return served.connect().upgrade("/", headers).substr(9, 4); };
  std::string statuses;
  for (int i = 0; i < 3; ++i) statuses += status("X-Forwarded-For: 192.0.2.1\r\n");
  CHECK(statuses == "401 401 429 ");
  CHECK(status("X-Forwarded-For: 192.0.2.2\r\n") == "401 ");
  for (int i = 0; i < 3; ++i) CHECK(status("") == "401 ");  // the proxy's own
}

// SPDX-License-Identifier: MIT
#include "sluice/layer/audience.hpp"

#include "sluice/json/document.hpp"
#include "sluice/json/fields.hpp"
#include "support/catch.hpp"

using namespace sluice;

namespace {

bool hears(const Audience& audience, std::string_view socket, const UserId& user) {
  return audience.includes({socket, user});
}

const UserId nobody;

}  // namespace

TEST_CASE("an empty audience is everyone", "[layer]") {
  CHECK(hears({}, "a", 1));
  CHECK(hears({}, "", nobody));
}

TEST_CASE("an audience excludes a socket, excludes users, or names users", "[layer][CC-26][MW-12]") {
  CHECK_FALSE(hears({.except_socket = "a"}, "a", 1));
  CHECK(hears({.except_socket = "a"}, "b", 1));
  CHECK(hears({.except_socket = "a"}, "", 1));
  CHECK_FALSE(hears({.except_users = {1, 2}}, "a", 2));
  CHECK(hears({.except_users = {1, 2}}, "a", 3));
  CHECK(hears({.only_users = {{1}}}, "a", 1));
  CHECK_FALSE(hears({.only_users = {{1}}}, "a", 2));
  CHECK_FALSE(hears({.except_users = {1}, .only_users = {{1}}}, "a", 1));
  CHECK_FALSE(hears({.except_socket = "a", .only_users = {{1}}}, "a", 1));
}

TEST_CASE("user ids differ by kind and value, and anonymous matches no user", "[layer][CC-22][CC-25]") {
  CHECK_FALSE(hears({.only_users = {{1}}}, "a", "1"));
  CHECK_FALSE(hears({.only_users = {{"1"}}}, "a", 1));
  CHECK(hears({.only_users = {{"1"}}}, "a", "1"));
  CHECK(hears({.except_users = {"1"}}, "a", 1));
  CHECK_FALSE(hears({.only_users = {{nobody}}}, "a", nobody));
  CHECK(hears({.except_users = {nobody}}, "a", nobody));
}

TEST_CASE("a user id is a number, a text or null in JSON", "[layer][CC-22]") {
  const auto round_trip = [](const UserId& id) {
    const json::Text text = json::encode(id);
    UserId read = "something else";
    REQUIRE(json_read(json::Document::parse(text.view())->root(), read));
    CHECK(read == id);
    return std::string(text.view());
  };
  CHECK(round_trip(7) == "7");
  CHECK(round_trip("7") == "\"7\"");
  CHECK(round_trip(nobody) == "null");
  CHECK(round_trip(std::int64_t(-1)) == "-1");
  for (const char* text : {"1.0", "true", "[]", "{}", "9223372036854775808"}) {
    UserId read;
    CHECK_FALSE(json_read(json::Document::parse(text)->root(), read));
  }
}

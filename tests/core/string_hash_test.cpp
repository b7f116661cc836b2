// SPDX-License-Identifier: MIT
#include "core/string_hash.hpp"

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "sluice/transport/user.hpp"
#include "support/catch.hpp"

using namespace sluice;

TEST_CASE("names that collide under a hash without a secret do not collide here", "[core]") {
  constexpr std::size_t buckets = 1031;
  std::vector<std::string> chosen;
  for (int i = 0; chosen.size() < 500; ++i) {
    std::string name = "view-" + std::to_string(i);
    if (std::hash<std::string_view>()(name) % buckets == 1) chosen.push_back(std::move(name));
  }
  std::map<std::size_t, int> names, users;
  for (const std::string& name : chosen) {
    ++names[StringHash()(name) % buckets];
    ++users[std::hash<UserId>()(UserId(name)) % buckets];
  }
  const auto fullest = [](const std::map<std::size_t, int>& of) {
    return std::ranges::max_element(of, {}, [](const auto& one) { return one.second; })->second;
  };
  CHECK(fullest(names) < 12);
  CHECK(fullest(users) < 12);
}

TEST_CASE("every byte of a name counts, and so does its length", "[core]") {
  const StringHash hash;
  std::string name(40, 'a');
  const std::size_t before = hash(name);
  CHECK(hash(name) == before);
  for (char& byte : name) {
    byte = 'b';
    CHECK(hash(name) != before);
    byte = 'a';
  }
  for (std::size_t bytes = 0; bytes < 40; ++bytes) CHECK(hash(name.substr(0, bytes)) != before);
}

TEST_CASE("users that are numbers are spread as well", "[core]") {
  std::map<std::size_t, int> found;
  for (int i = 0; i < 500; ++i) ++found[std::hash<UserId>()(UserId(i * 1031)) % 1031];
  CHECK(std::ranges::max_element(found, {}, [](const auto& one) { return one.second; })->second < 12);
}

// SPDX-License-Identifier: MIT
#include "sluice/layer/group_of.hpp"

#include <cstdint>
#include <limits>
#include <set>
#include <string>
#include <vector>

#include "sluice/layer/channel_layer.hpp"
#include "support/catch.hpp"

using namespace sluice;

TEST_CASE("a group's name is its kind and its parameters", "[layer]") {
  CHECK(group_of("table", 7) == "table-7");
  CHECK(group_of("users") == "users");
  CHECK(group_of("row", std::int64_t(7), std::string("x")) == "row-7-x");
  CHECK(group_of("view", "a-b") == "view-a.2db");
  CHECK(group_of("view", "") == "view-");
  CHECK(group_of("n", std::numeric_limits<std::int64_t>::min()) == "n-.2d9223372036854775808");
  CHECK(group_of("chat room", "\xC3\xA9.") == "chat.20room-.c3.a9.2e");
  CHECK(is_valid_group_name(group_of("chat room", "\xC3\xA9 \n/!")));
}

TEST_CASE("different parameters never give the same group", "[layer]") {
  const std::vector<std::string> texts = {"", "a", "-", "a-", "-a", ".", ".2d", "2d", "a-b", "a.2db", "1", "-1", "_"};
  std::set<std::string> names;
  std::size_t made = 0;
  for (const std::string& kind : texts) {
    names.insert(group_of(kind));
    ++made;
    for (const std::string& first : texts) {
      names.insert(group_of(kind, first));
      ++made;
      for (const std::string& second : texts) {
        names.insert(group_of(kind, first, second));
        ++made;
      }
    }
  }
  CHECK(names.size() == made);
}

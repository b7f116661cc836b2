// SPDX-License-Identifier: MIT
#include "layer/hub/joined_groups.hpp"

#include <array>
#include <map>
#include <random>

#include "layer/hub/hub_shard.hpp"
#include "support/catch.hpp"
#include "support/scale.hpp"

using namespace sluice;

TEST_CASE("a list of joined groups behaves like a map", "[layer]") {
  std::array<HubGroup, 100> groups;
  std::minstd_rand random(1);
  for (int story = 0; story < test::scaled(200); ++story) {
    JoinedGroups joined;
    std::map<const HubGroup*, std::uint32_t> model;
    const std::size_t many = 1 + random() % groups.size();
    const unsigned leaving = random() % 5;  // some stories grow, others shrink
    for (std::uint32_t step = 0; step < 300; ++step) {
      HubGroup* const group = &groups[random() % many];
      const auto known = model.find(group);
      switch (random() % 5 < leaving ? 2 : random() % 4) {
        case 0:
        case 1: REQUIRE(joined.add(group, step) == model.emplace(group, step).second); break;
        case 2:
          REQUIRE(joined.remove(group) ==
                  (known == model.end() ? std::nullopt : std::optional<std::uint32_t>(known->second)));
          model.erase(group);
          break;
        case 3:
          if (known == model.end()) break;
          joined.move(group, step);
          known->second = step;
          break;
      }
      REQUIRE(joined.size() == model.size());
      for (const HubGroup& each : groups) REQUIRE(joined.contains(&each) == model.contains(&each));
    }
    std::map<const HubGroup*, std::uint32_t> taken;
    joined.take_all([&](HubGroup& group, std::uint32_t place) { taken.emplace(&group, place); });
    REQUIRE(taken == model);
    REQUIRE(joined.size() == 0);
  }
}

TEST_CASE("an empty list holds no group, not even one without a name", "[layer]") {
  JoinedGroups joined;
  CHECK_FALSE(joined.contains(nullptr));
  HubGroup group;
  joined.add(&group, 0);
  CHECK_FALSE(joined.contains(nullptr));
}

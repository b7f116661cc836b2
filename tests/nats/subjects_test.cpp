// SPDX-License-Identifier: MIT
#include "nats/subjects.hpp"

#include "sluice/abi.hpp"
#include "support/catch.hpp"

namespace sluice::SLUICE_ABI::nats {
namespace {

const Subjects subjects("shop.sluice");

std::string read(std::string_view subject) {
  const auto place = subjects.read(subject);
  if (!place) return "nothing";
  return (place->first == BusTarget::group ? "group " : "channel ") + place->second;
}

}  // namespace

TEST_CASE("each kind of name has subjects of its own", "[nats]") {
  CHECK(subjects.of(BusTarget::group, "table-7") == "shop.sluice.g.table-7");
  CHECK(subjects.of(BusTarget::channel, "jobs") == "shop.sluice.p.jobs");
  CHECK(subjects.of(BusTarget::channel, "specific.ab!12") == "shop.sluice.c.specific/ab.12");
  CHECK(subjects.of({.group = "g"}) == "shop.sluice.g.g");
  CHECK(subjects.of({.channel = "c"}) == "shop.sluice.p.c");
}

TEST_CASE("a name with dots anywhere is one token, and is read back", "[nats]") {
  for (const std::string name : {"a", "a.b", ".", "..", ".a", "a.", "a..b", "A-z_0.9"}) {
    for (const auto to : {BusTarget::group, BusTarget::channel}) {
      const std::string subject = subjects.of(to, name);
      CHECK(std::ranges::count(subject, '.') == 3);
      CHECK(read(subject) == (to == BusTarget::group ? "group " : "channel ") + name);
    }
  }
  CHECK(subjects.of(BusTarget::channel, ".a.!.b.") == "shop.sluice.c./a/./b/");
  CHECK(read("shop.sluice.c./a/./b/") == "channel .a.!.b.");
}

TEST_CASE("a foreign subject is ignored", "[nats]") {
  for (const std::string_view subject : {"", "shop", "shop.sluice", "shop.sluice.g.", "shop.sluice.x.a", "other.g.a",
                                         "shop.sluices.g.a", "shop.sluice..a"}) {
    CHECK(read(subject) == "nothing");
  }
}

}  // namespace sluice::SLUICE_ABI::nats

// SPDX-License-Identifier: MIT
#include "net/loop/deadline_list.hpp"

#include <string>

#include "support/catch.hpp"

using namespace sluice::net;
using namespace std::chrono_literals;

namespace {

struct Named : Deadline {
  explicit Named(char name) : name(name) {}
  ~Named() { unlink(); }
  char name;
};

std::string names(DeadlineList& list) {
  std::string all;
  for (Deadline* item = list.front(); item; item = list.after(*item)) all += static_cast<Named*>(item)->name;
  return all;
}

}  // namespace

TEST_CASE("a deadline list keeps its order, also when one is removed from the middle", "[net]") {
  DeadlineList list, other;
  const Deadline::Time start{};
  Named a('a'), b('b'), c('c');
  CHECK(list.next_due() == Deadline::never);
  list.add(a, start + 1s);
  list.add(b, start + 2s);
  list.add(c, start + 3s);
  CHECK(names(list) == "abc");
  list.add(a, start + 4s);
  CHECK(names(list) == "bca");
  CHECK(list.next_due() == start + 2s);
  other.add(b, Deadline::never);
  CHECK(names(list) == "ca");
  CHECK(names(other) == "b");
  c.unlink();
  c.unlink();
  CHECK(names(list) == "a");
  a.unlink();
  CHECK(list.empty());
}

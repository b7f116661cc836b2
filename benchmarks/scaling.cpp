// SPDX-License-Identifier: MIT
// How cost grows with members, groups and connections: whole sessions without sockets; each line should stay level
//
// One line per point: series, x, nanoseconds. benchmarks/run draws them.
#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "in_process.hpp"
#include "sluice/consumer/consumer.hpp"
#include "support.hpp"

namespace {

using namespace sluice;

// Names of groups that all members of a house join; a static, as a consumer's `groups` are.
std::vector<std::string> names;
std::vector<std::string_view> joined;

void name_groups(std::size_t count) {
  names.clear();
  for (std::size_t i = 0; i < count; ++i) names.push_back(fmt::format("group-{}", i));
  joined.assign(names.begin(), names.end());
}

class Member : public Consumer {
 public:
  std::span<const std::string_view> groups() const override { return joined; }
};

// Of this thread's processor time: what is done once cannot be done again until it was not disturbed.
double nanoseconds(const std::function<void()>& work) {
  const auto cpu = [] {
    timespec time{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) * 1e9 + static_cast<double>(time.tv_nsec);
  };
  const double begin = cpu();
  work();
  return cpu() - begin;
}

void show(std::string_view series, std::size_t x, double ns) { fmt::print("{}\t{}\t{:.2f}\n", series, x, ns); }

// What one delivery to the first group costs, in broadcasts that come one at a time.
double delivery(bench::House& house, const Audience& audience = {}) {
  const json::Text payload(std::string(100, 'x'));
  const std::size_t rounds = std::max<std::size_t>(3, 300'000 / house.size());
  return bench::nanoseconds_per(rounds, [&] {
    for (std::size_t i = 0; i < rounds; ++i) {
      (void)house.layer.group_send(names.front(), Event::broadcast_to_group(payload, audience));
      house.executor.run_all();
    }
  });
}

void fill(bench::House& house, std::size_t members) {
  while (house.size() < members) {
    Scope scope;
    scope.set_user(User(UserId(house.size())));
    scope.set_web_socket_id(fmt::format("socket-{}", house.size()));
    house.enter(std::move(scope));
  }
}

void by_members() {
  name_groups(1);
  for (const std::size_t members : {100, 300, 1'000, 3'000, 10'000, 30'000, 100'000}) {
    bench::House house(consumer<Member>());
    fill(house, members);
    show("delivery, by members of the group", members, delivery(house) / static_cast<double>(members));
    show("broadcast to 3 users, by members", members, delivery(house, {.only_users = std::vector<UserId>{1, 50, 99}}));
    const std::size_t more = 1'000;
    show("connection opened, by members there", members,
         nanoseconds([&] { fill(house, members + more); }) / static_cast<double>(more));
    show("connection closed, by members there", members,
         nanoseconds([&] { house.leave_all(); }) / static_cast<double>(members + more));
  }
}

void by_groups() {
  constexpr std::size_t members = 100;
  for (const std::size_t groups : {1, 3, 10, 30, 100, 300, 1'000}) {
    name_groups(groups);
    bench::House house(consumer<Member>());
    const double memberships = static_cast<double>(groups * members);
    show("group joined, by groups of the connection", groups, nanoseconds([&] { fill(house, members); }) / memberships);
    show("delivery, by groups of the connection", groups, delivery(house) / static_cast<double>(members));
    show("group left, by groups of the connection", groups, nanoseconds([&] { house.leave_all(); }) / memberships);
  }
}

// Consumers that join the group of their path: `size` connections in each group.
class Resident : public Consumer {
 public:
  Task<> connect() override {
    accept();
    if (auto joined = co_await group_add(scope().path()); !joined) std::abort();
  }
};

// 10,000 connections in groups of one size, and a broadcast to each group in turn.
void by_group_size() {
  constexpr std::size_t members = 10'000;
  const json::Text payload(std::string(100, 'x'));
  for (const std::size_t size : {1, 3, 10, 30, 100, 300, 1'000, 3'000, 10'000}) {
    name_groups(members / size);
    bench::House house(consumer<Resident>());
    for (std::size_t i = 0; i < members / size * size; ++i) {
      RequestInfo request;
      request.path = names[i / size];
      house.enter(Scope(request));
    }
    const std::size_t rounds = 20;
    const double ns = bench::nanoseconds_per(rounds * house.size(), [&] {
      for (std::size_t round = 0; round < rounds; ++round) {
        for (const std::string& name : names) {
          (void)house.layer.group_send(name, Event::broadcast_to_group(payload));
          house.executor.run_all();
        }
      }
    });
    show("delivery, by connections of each group", size, ns);
    show("broadcast, by connections of each group", size, ns * static_cast<double>(size));
  }
}

}  // namespace

int main() {
  by_members();
  by_groups();
  by_group_size();
}

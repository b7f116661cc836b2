// SPDX-License-Identifier: MIT
// A server in this process, its clients in another: after each round with them, is it as it was after the first?
#include <fmt/format.h>
#include <malloc.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <iterator>
#include <stdexcept>
#include <string>

#include "sluice/core/log.hpp"
#include "soak/house.hpp"
#include "soak/robots.hpp"
#include "support/options.hpp"

namespace {

// What rounds may differ by: each executor keeps the buffers that it was using last, a few hundred kilobytes of them.
// In ten minutes, with some 50,000 visits, ten bytes that each of them left behind would show.
constexpr std::size_t tolerated_bytes = 512 * 1024;
// Of the first two the server's tables grow to what the busiest moment asks for; the others are compared with them.
constexpr int growing_rounds = 2;
constexpr int rounds = 6;

struct State {
  std::size_t heap = 0;
  std::size_t descriptors = 0;
  std::size_t threads = 0;
  std::uint64_t groups = 0, channels = 0;
};

std::size_t entries(const char* folder) {
  using std::filesystem::directory_iterator;
  return static_cast<std::size_t>(std::distance(directory_iterator(folder), directory_iterator()));
}

State state_of(const soak::House& house) {
  const auto layer = house.layer_stats();
  return {::mallinfo2().uordblks + ::mallinfo2().hblkhd, entries("/proc/self/fd"), entries("/proc/self/task"),
          layer.groups, layer.channels};
}

// The clients' process: reads "seconds seed\n", runs them, and answers with the number of visits.
class Visitors {
 public:
  explicit Visitors(std::size_t robots) {
    int orders[2], answers[2];
    if (::pipe(orders) != 0 || ::pipe(answers) != 0) throw std::runtime_error("pipe");
    child_ = ::fork();
    if (child_ < 0) throw std::runtime_error("fork");
    if (child_ == 0) {
      ::close(orders[1]);
      ::close(answers[0]);
      serve(::fdopen(orders[0], "r"), ::fdopen(answers[1], "w"), robots);
      ::_exit(0);
    }
    ::close(orders[0]);
    ::close(answers[1]);
    orders_ = ::fdopen(orders[1], "w");
    answers_ = ::fdopen(answers[0], "r");
  }
  Visitors(const Visitors&) = delete;
  Visitors& operator=(const Visitors&) = delete;
  ~Visitors() {
    std::fclose(orders_);
    std::fclose(answers_);
    ::waitpid(child_, nullptr, 0);
  }

  unsigned long long visit(std::uint16_t port, std::size_t milliseconds, std::size_t seed) {
    fmt::print(orders_, "{} {} {}\n", port, milliseconds, seed);
    std::fflush(orders_);
    unsigned long long visits = 0;
    if (std::fscanf(answers_, "%llu", &visits) != 1) throw std::runtime_error("the clients' process ended");
    return visits;
  }

 private:
  static void serve(std::FILE* orders, std::FILE* answers, std::size_t robots) try {
    unsigned port = 0;
    unsigned long long milliseconds = 0, seed = 0;
    while (std::fscanf(orders, "%u %llu %llu", &port, &milliseconds, &seed) == 3) {
      fmt::print(
          answers, "{}\n",
          soak::let_loose(static_cast<std::uint16_t>(port), robots, std::chrono::milliseconds(milliseconds), seed));
      std::fflush(answers);
    }
  } catch (const std::exception& error) {
    fmt::print(stderr, "soak: the clients: {}\n", error.what());
  }

  pid_t child_ = 0;
  std::FILE* orders_ = nullptr;
  std::FILE* answers_ = nullptr;
};

void tell(const soak::House& house) {
  const auto server = house.server_stats();
  const auto layer = house.layer_stats();
  const auto pages = house.page_stats();
  fmt::print(
      "connections {}, WebSockets {}: closed by peer {}, by gateway {}, vanished {}, too slow {}, too big {}, "
      "protocol errors {}, invalid payloads {}\n",
      server.accepted, server.opened, server.closed_by_peer, server.closed_by_gateway, server.vanished, server.too_slow,
      server.too_big, server.protocol_errors, server.invalid_payloads);
  fmt::print("compressing {}, messages in {}, deflated {}, inflated {}, refused", server.compressing,
             server.messages_in, server.deflated, server.inflated);
  for (const auto& [status, count] : server.refused) fmt::print(" {}: {}", status, count);
  fmt::print("\npages added {}, refused {}, failed {}, evicted {}; deliveries {}\n", pages.added, pages.refused,
             pages.failed, pages.evicted, layer.deliveries);
}

}  // namespace

int main(int argc, char** argv) try {
  std::size_t seconds = 600, seed = 1, robots = 48;
  Options("Random clients against a server, which must be at the end as it was")
      .add("--seconds", seconds, "how long, in all")
      .add("--robots", robots, "clients at a time")
      .add("--seed", seed, "what the clients' whims come from")
      .parse(argc, argv);
  Visitors visitors(robots);  // before there are threads
  sluice::set_log_sink({});   // it would tell of every page that fails on purpose
  soak::House house(seed);

  State first;
  bool good = true;
  fmt::print("{:>5} {:>8} {:>12} {:>12} {:>8} {:>7} {:>9}\n", "round", "visits", "heap bytes", "descriptors", "threads",
             "groups", "channels");
  for (int round = 0; round < rounds; ++round) {
    house.make_noise();
    const auto visits =
        visitors.visit(house.port(), seconds * 1000 / rounds, seed + static_cast<std::size_t>(round) * 1'000'000'007);
    house.quiet();
    const bool rests = house.comes_to_rest();
    ::malloc_trim(0);
    const State now = state_of(house);
    fmt::print("{:>5} {:>8} {:>12} {:>12} {:>8} {:>7} {:>9}\n", round, visits, now.heap, now.descriptors, now.threads,
               now.groups, now.channels);
    std::fflush(stdout);
    if (round == 0) first = now;
    if (round < growing_rounds) first.heap = std::max(first.heap, now.heap);
    good = good && rests && now.heap <= first.heap + tolerated_bytes && now.descriptors == first.descriptors &&
           now.threads == first.threads && now.groups == 0 && now.channels == 0;
  }
  tell(house);
  fmt::print("{}\n", good ? "as it was" : "NOT as it was");
  return good ? 0 : 1;
} catch (const std::exception& error) {
  fmt::print(stderr, "soak: {}\n", error.what());
  return 1;
}

// SPDX-License-Identifier: MIT
// Buses of NATS without their layers: what a layer would see of them is written down.
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "nats/nats_bus.hpp"
#include "nats/support/nats_server.hpp"
#include "sluice/testing/manual_executor.hpp"
#include "support/catch.hpp"
#include "support/silence.hpp"

namespace sluice::SLUICE_ABI::nats {

using Outcome = std::shared_ptr<std::string>;

/// Writes down what becomes of it: "reached 1", or an error's code.
class SentMessage final : public BusMessage {
 public:
  SentMessage(BusTarget to, std::string name, std::string body, Outcome outcome)
      : BusMessage(to, std::move(name), BusBody{std::move(body)}, {}), outcome_(std::move(outcome)) {}
  ~SentMessage() override {
    if (outcome_->empty()) *outcome_ = "reached " + std::to_string(receipt_.reached);
  }
  void failed(Error error) noexcept override { *outcome_ = to_string(error.code()); }

 private:
  const Outcome outcome_;
};

/// With a back-off of milliseconds, for a test that waits for it.
inline NatsOptions quick(const std::string& url) {
  NatsOptions options;
  options.servers = {url};
  options.answer_time = std::chrono::seconds(20);
  options.reconnect_min = std::chrono::milliseconds(5);
  options.reconnect_max = std::chrono::milliseconds(50);
  return options;
}

inline BusSubscription group(std::string name) { return {.group = std::move(name)}; }
inline BusSubscription channel(std::string name) { return {.channel = std::move(name)}; }

/// One process: its bus, and what that reported.
class Peer final : public BusEvents {
 public:
  Peer(testing::ManualExecutor& executor, const NatsOptions& options, std::string process = "specific.1!")
      : executor_(executor), bus_(make_bus(executor, options, counters)) {
    executor_.run([&] { bus_->start(*this, std::move(process)); });
  }
  ~Peer() {
    executor_.run([&] { bus_.reset(); });
  }

  [[nodiscard]] bool is_up(std::chrono::milliseconds patience = std::chrono::seconds(20)) {
    return executor_.run_until([this] { return up_; }, patience);
  }
  [[nodiscard]] bool is_down() {
    return executor_.run_until([this] { return !up_; });
  }
  /// `answered` becomes true with the server's answer.
  void ask(const BusSubscription& to, bool& answered) {
    executor_.run([&] { bus_->subscribe(to, [&answered](const Result<void>&) { answered = true; }); });
  }
  [[nodiscard]] bool subscribe(const BusSubscription& to) {
    bool answered = false;
    ask(to, answered);
    return executor_.run_until([&] { return answered; });
  }
  [[nodiscard]] bool unsubscribe(const BusSubscription& to) {
    bool answered = false;
    executor_.run([&] { bus_->unsubscribe(to, [&](const Result<void>&) { answered = true; }); });
    return executor_.run_until([&] { return answered; });
  }
  /// What became of the message stands in the string once it is known; "no room": the bus did not take it.
  Outcome send(BusTarget to, const std::string& name, const std::string& body) {
    auto outcome = std::make_shared<std::string>();
    executor_.run([&] {
      if (!bus_->publish(std::make_shared<SentMessage>(to, name, body, outcome))) *outcome = "no room";
    });
    return outcome;
  }
  Outcome send(const std::string& group, int number) {
    return send(BusTarget::group, group, R"({"type":"number","n":)" + std::to_string(number) + "}");
  }
  [[nodiscard]] bool becomes(const Outcome& outcome, const std::string& text) {
    return executor_.run_until([&] { return !outcome->empty(); }) && *outcome == text;
  }
  [[nodiscard]] bool hears(const std::string& all) {
    return executor_.run_until([&] { return heard == all; });
  }

  void received(BusTarget to, std::string_view name, const Event& event) override {
    const auto notes = make_notes ? make_notes() : nullptr;
    const auto number = event.value()["n"].as_int();
    heard += (heard.empty() ? "" : " ") + std::string(to == BusTarget::group ? "" : "@") + std::string(name) + ":" +
             (number ? std::to_string(*number) : std::string(event.type()));
    ++count;
  }
  void up(std::size_t) override {
    const auto notes = make_notes ? make_notes() : nullptr;
    up_ = true;
    if (on_up) on_up();
  }
  void down(std::size_t, const Error& error) override {
    const auto notes = make_notes ? make_notes() : nullptr;
    up_ = false;
    ++downs;
    reason = error.context();
    if (on_down) on_down();
  }
  void missed(const Error&) override { ++misses; }
  void writable(std::size_t) override { ++writables; }
  void not_sent(std::size_t, std::shared_ptr<BusMessage> message) override { kept.push_back(std::move(message)); }
  bool has_room() const noexcept override { return room; }
  void when_room(Function<void()> resume) override { resume_ = std::move(resume); }
  void subscribe_each_channel() override {}
  [[nodiscard]] bool pauses() {
    return executor_.run_until([this] { return bool(resume_); });
  }
  void make_room() {
    room = true;
    executor_.run([this] { std::exchange(resume_, {})(); });
  }
  Bus& bus() { return *bus_; }

  const std::shared_ptr<NatsCounters> counters = std::make_shared<NatsCounters>();
  std::function<void()> on_up, on_down;
  std::function<std::shared_ptr<void>()> make_notes;  // lives while the peer works for the test
  std::string heard, reason;
  std::size_t count = 0, downs = 0, misses = 0, writables = 0;
  std::size_t losses() const { return downs + misses; }
  std::vector<std::shared_ptr<BusMessage>> kept;  // not sent
  bool room = true;

 private:
  testing::ManualExecutor& executor_;
  bool up_ = false;
  Function<void()> resume_;
  std::unique_ptr<Bus> bus_;
};

/// A server, and processes on one executor.
struct World {
  explicit World(std::vector<std::string> arguments = {}) : server(std::move(arguments)) {}
  Peer& peer(const std::string& process = "specific.1!") { return peer(quick(server.url()), process); }
  Peer& peer(const NatsOptions& options, const std::string& process = "specific.1!") {
    Peer& made = peers.emplace_back(executor, options, process);
    REQUIRE(made.is_up());
    return made;
  }

  test::Silence silence;
  testing::ManualExecutor executor;
  NatsServer server;
  std::list<Peer> peers;
};

}  // namespace sluice::SLUICE_ABI::nats

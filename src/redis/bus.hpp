// SPDX-License-Identifier: MIT
// The half of a Redis layer that reaches other processes: hosts, memberships, and what is on its way. It lives on one
// executor; the layer's calls from other threads arrive as jobs.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/string_hash.hpp"
#include "layer/hub.hpp"
#include "redis/bus_counters.hpp"
#include "redis/bus_session.hpp"
#include "redis/echo_proof.hpp"
#include "redis/memberships.hpp"
#include "redis/node.hpp"
#include "redis/outbox.hpp"
#include "redis/stamps.hpp"

namespace sluice::redis {

/// Makes the session of one host: what distinguishes the layers.
using MakeSession = std::function<std::unique_ptr<BusSession>(BusHome& home, Node& node, std::size_t shard)>;

/// What is hashed to find the host where a group, or a channel, is served.
using PlaceOf = std::function<std::string(Publication::To to, std::string_view name)>;

/// What makes a bus. `wall_clock` tells the seconds since 1970.
struct BusParts {
  RedisOptions options;
  std::string process;  // the beginning of the names that belong to this process
  std::chrono::seconds oldest_token;
  std::function<double()> wall_clock;
  PlaceOf place_of;
  MakeSession make_session;
  bool keys_can_vanish = false;  // memberships are keys: each join asks Redis, and they are looked at now and then
  std::function<void(std::size_t shard, bool up)> shard_changed = {};
};

/// See above. start() first. group_left, join, publish, close: any thread. The rest: its executor only.
class Bus final : public BusHome, public std::enable_shared_from_this<Bus> {
 public:
  /// Throws std::invalid_argument for options that can't work.
  Bus(Dialer& dialer, ExecutorGroup& executors, BusParts parts);
  ~Bus();

  void start(std::shared_ptr<Hub> hub);

  /// The group has lost its last member here.
  void group_left(std::string_view group);
  /// Completes when Redis has the membership. With a plain channel: each join is matched by one leave.
  Completion<Result<void>> join(std::string_view group, std::string_view plain_channel = {});
  void leave(std::string_view group, std::string_view plain_channel);
  /// However often they had joined.
  void leave_plain_channels();
  /// An Error: it was not taken.
  Result<void> publish(Publication::To to, std::string_view name, const Event& event, std::optional<Receipt> receipt);
  /// Any other command, to the host when it is up. An Error: it is not, or Redis answered with one.
  Completion<Result<Reply>> ask(std::size_t shard, Command command);
  /// Completes when every host is there and every membership restored.
  Completion<Result<void>> wait_until_up();
  /// Leaves everything and ends. Completes when Redis has answered, or will not in time.
  Completion<std::monostate> close();

  void add_to(LayerStats& stats) const;
  RedisStats stats() const;
  Executor& executor() const noexcept override { return executor_; }
  Node& node(std::size_t shard) noexcept { return *shards_[shard].node; }
  std::size_t hosts() const noexcept { return shards_.size(); }

  // --- what its sessions ask for
  std::optional<Arrival> read(std::string_view message) override;
  void hand_over(std::size_t shard, Outgoing outgoing) override;
  void try_again(std::size_t shard, Outgoing outgoing) override;
  void answered(std::size_t shard) override { pump(shard); }
  std::size_t shard_of(std::string_view name) const override;
  void refused_reading(const Reply& reply) override;
  EchoProof& proof(std::size_t shard) noexcept override { return shards_[shard].proof; }
  void probe_arrived(std::size_t shard, std::uint64_t ticket) override;
  void unsettled(std::size_t shard, const Error& error) override;
  void membership_missing(std::size_t shard) noexcept override { shards_[shard].forgetful = true; }
  double unix_time() const override { return parts_.wall_clock(); }
  Hub& hub() noexcept override { return *hub_; }
  const Memberships& memberships() const noexcept override { return memberships_; }
  const Serializer& serializer() const noexcept override { return serializer_; }
  const RedisOptions& options() const noexcept override { return parts_.options; }
  const std::string& process() const noexcept override { return parts_.process; }
  Stamps& stamps() noexcept override { return stamps_; }
  BusCounters& counters() noexcept override { return counters_; }

 private:
  struct Shard {
    std::shared_ptr<Node> node;
    std::unique_ptr<BusSession> session;
    Outbox outbox;
    EchoProof proof;
    unsigned role_age = 0;      // ticks since it was asked
    bool published = false;     // since then
    bool connected = false;     // the session reads
    bool reading = false;       // memberships may be told: a probe has arrived
    bool up = false;            // and all of them have been
    bool workers_told = false;  // that it is up
    bool forgetful = false;     // Redis lacks a membership that it had confirmed
  };
  using Waiter = Membership::Waiter;

  template <class F>
  void post(F work) {
    executor_.post([self = shared_from_this(), work = std::move(work)]() mutable { work(*self); });
  }
  void connected(std::size_t shard);
  void prove(std::size_t shard);
  void look_after(std::size_t shard);
  void look_at_memberships();
  unsigned ticks_per_look() const;
  void look_at_memberships_of(std::size_t shard, std::vector<Membership*> some);
  void forgot(std::size_t shard);
  void restore(std::size_t shard);
  void is_up(std::size_t shard);
  void tell_up();
  void lost(std::size_t shard, const Error& error);
  void went_down(std::size_t shard, const Error& error);
  bool all_up() const noexcept;

  void join_now(const std::string& group, const std::string& plain_channel, Completion<Result<void>> done);
  void leave_now(const std::string& group, const std::string& plain_channel);
  void tell(Membership& membership);
  void told(const std::string& key, std::uint64_t ticket, const Result<Reply>& reply);
  void renew(Executor::Clock::time_point now);
  void settle(Membership& membership, const Result<void>& result);

  void pump(std::size_t shard);
  void tick();
  void say_goodbye(Completion<std::monostate> done);
  void end();

  Executor& executor_;
  const BusParts parts_;
  const Serializer serializer_;
  const std::shared_ptr<Gauge> gauge_;
  Stamps stamps_;
  BusCounters counters_;
  std::shared_ptr<Hub> hub_;
  std::vector<Shard> shards_;
  Memberships memberships_;
  std::unordered_map<std::string, std::size_t, StringHash, std::equal_to<>> plain_joins_;  // by the membership's key
  std::vector<Waiter> waiting_for_up_;
  std::string last_refusal_;                  // to be read
  Executor::Clock::time_point settled_at_{};  // not up before
  std::size_t looked_at_ = 0;                 // how far the look at the memberships has come
  unsigned ticks_ = 0;
  bool down_told_ = false;
  bool closing_ = false;
  bool ended_ = false;
};

}  // namespace sluice::redis

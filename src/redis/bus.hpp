// SPDX-License-Identifier: MIT
// The half of a Redis layer that reaches other processes: hosts, memberships, and what is on its way. It lives on one
// executor; the layer's calls from other threads arrive as jobs.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/string_hash.hpp"
#include "layer/hub/hub.hpp"
#include "redis/bus_counters.hpp"
#include "redis/bus_session.hpp"
#include "redis/echo_proof.hpp"
#include "redis/memberships.hpp"
#include "redis/message_sequence.hpp"
#include "redis/outbox.hpp"
#include "redis/turns.hpp"
#include "redis/wire/node.hpp"
#include "redis/wire/said_once.hpp"

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
  bool plain_in_turn = false;  // what is sent to a plain channel goes to one host after the other
  MakeSession make_session;
  bool keys_can_vanish = false;  // memberships are keys: each join asks Redis, and they are looked at now and then
  std::function<void(std::size_t shard, bool up)> shard_changed = {};
};

/// See above. start() first. group_left, join, publish, close: any thread. The rest: its executor only.
class Bus final : public BusHome, public std::enable_shared_from_this<Bus> {
 public:
  /// Throws std::invalid_argument for options that can't work.
  Bus(std::shared_ptr<Dialer> dialer, ExecutorGroup& executors, BusParts parts);
  ~Bus();

  void start(std::shared_ptr<Hub> hub);

  /// The group has lost its last member here.
  void group_left(std::string_view group);
  /// Completes when Redis has the membership. With a plain channel: each join is matched by one leave.
  Completion<Result<void>> join(std::string_view group, std::string_view plain_channel = {});
  void leave(std::string_view group, std::string_view plain_channel);
  /// However often they had joined.
  void leave_plain_channels();
  /// An Error: it was not taken. no_room: too much is on its way already.
  Result<void> publish(Publication::To to, std::string_view name, const Event& event, std::optional<Receipt> receipt);
  /// The same, but it waits for room.
  Task<Result<void>> publish_when_room(Publication::To to, std::string_view name, const Event& event);
  /// Any other command, to the host when it is up. An Error: it is not, or Redis answered with one.
  Completion<Result<Reply>> ask(std::size_t shard, Command command);
  /// Completes when every host is there and every membership restored.
  Completion<Result<void>> wait_until_up();
  /// Takes nothing more, sends what was taken, then leaves everything and ends, within RedisOptions::close_time.
  /// `ended` is called on the bus's executor with the number of events that were taken and not delivered since the
  /// bus was built.
  using Ended = Function<void(std::size_t undelivered)>;
  void close(Ended ended);
  /// Events on their way to Redis. Any thread.
  std::size_t waiting_events() const noexcept { return road_->room.events(); }

  void add_to(LayerStats& stats) const;
  RedisStats stats() const;
  Executor& executor() const noexcept override { return executor_; }
  Node& node(std::size_t shard) noexcept { return *shards_[shard].node; }
  std::size_t hosts() const noexcept { return shards_.size(); }

  // --- what its sessions ask for
  std::optional<Arrival> read(std::string_view message) override;
  void hand_over(std::size_t shard, Outgoing outgoing) override;
  void try_again(std::size_t shard, Outgoing outgoing) override;
  void answered(std::size_t shard) override;
  void when_room(Function<void()> go_on) override;
  std::size_t shard_of(std::string_view name) const override;
  EchoProof& proof(std::size_t shard) noexcept override { return shards_[shard].proof; }
  void probe_arrived(std::size_t shard, std::uint64_t ticket) override;
  void subscribe_each_channel() override;
  void unsettled(std::size_t shard, const Error& error) override;
  void membership_missing(std::size_t shard) noexcept override { shards_[shard].forgetful = true; }
  void refused(std::string_view what, std::string_view name, const Reply& reply) override;
  /// An event that was taken from a plain channel and not read is lost, since its host is away: counted, logged once.
  void not_given_back(std::string_view channel);
  std::size_t turn_of(std::string_view plain_channel) override;
  double unix_time() const override { return parts_.wall_clock(); }
  Hub& hub() noexcept override { return *hub_; }
  const Memberships& memberships() const noexcept override { return memberships_; }
  const Serializer& serializer() const noexcept override { return serializer_; }
  const RedisOptions& options() const noexcept override { return parts_.options; }
  const std::string& process() const noexcept override { return parts_.process; }
  MessageSequence& stamps() noexcept override { return stamps_; }
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
  void lost(std::size_t shard);
  void stumbled(std::size_t shard, const Error& error);
  void went_down();
  bool all_up() const noexcept;

  void join_now(const std::string& group, const std::string& plain_channel, Completion<Result<void>> done);
  void leave_now(const std::string& group, const std::string& plain_channel);
  void channel_opened(const std::string& channel);
  void tell(Membership& membership);
  void told(const std::string& key, std::uint64_t ticket, const Result<Reply>& reply);
  void renew(Executor::Clock::time_point now);
  void renew_some(std::size_t most);
  void renewed_late(std::chrono::nanoseconds late);
  std::chrono::nanoseconds renewal_time() const noexcept {
    return std::chrono::nanoseconds(options().group_expiry) / 3;
  }
  void end_joins(Executor::Clock::time_point now);
  void settle(Membership& membership, const Result<void>& result);

  static Task<Result<void>> wait_for_room(std::shared_ptr<Bus> bus, Publication::To to, std::string name, Body body);
  Result<void> put_on_road(Publication::To to, std::string_view name, Body body, std::optional<Receipt> receipt);
  std::size_t host_for(const Publication& publication);
  void pump(std::size_t shard);
  void look_for_room_later() noexcept;
  void look_for_room() noexcept;
  void tick();
  void begin_to_close(Ended ended);
  void leave_when_drained();
  void say_goodbye();
  void end();

  const std::shared_ptr<Dialer> dialer_;
  Executor& executor_;
  const BusParts parts_;
  const Serializer serializer_;
  const std::shared_ptr<Road> road_;
  MessageSequence stamps_;
  BusCounters counters_;
  std::shared_ptr<Hub> hub_;
  std::vector<Shard> shards_;
  Memberships memberships_;
  std::unordered_map<std::string, std::size_t, StringHash, std::equal_to<>> plain_joins_;  // by the membership's key
  std::vector<Waiter> waiting_for_up_;
  Executor::Clock::time_point settled_at_{};  // not up before
  std::size_t looks_due_ = 0;                 // memberships that are to be looked at now
  unsigned ticks_ = 0;
  std::list<Function<void()>> wait_for_hub_;                                        // called once the hub has room
  bool looks_for_room_ = false;                                                     // a timer is set
  std::deque<std::pair<Executor::Clock::time_point, std::string>> join_deadlines_;  // and a membership's key
  SaidOnce said_;
  Turns turns_;
  bool each_channel_ = false;  // is a membership
  bool down_told_ = false;
  std::atomic<bool> closed_{false};  // by any thread: publish refuses
  std::vector<Ended> closing_for_;
  std::size_t undelivered_before_closing_ = 0;
  bool closing_ = false;
  bool leaving_ = false;  // everything was sent: the hosts are told goodbye
  bool ended_ = false;
};

}  // namespace sluice::redis

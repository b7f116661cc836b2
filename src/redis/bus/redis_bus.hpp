// SPDX-License-Identifier: MIT
// The bus of both Redis layers: its hosts, the names that each serves, and the proof that publications arrive.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "layer/hub/waiting_messages.hpp"
#include "redis/bus/echo_proof.hpp"
#include "redis/bus/host_session.hpp"
#include "redis/bus/redis_context.hpp"
#include "sluice/layer/bus.hpp"

namespace sluice::SLUICE_ABI::redis {

/// The differences of the two layers.
struct RedisBusParts {
  /// The text that is hashed to find the host of a group or channel.
  std::function<std::string(BusTarget to, std::string_view name)> place_of;
  std::function<std::unique_ptr<HostSession>(SessionEvents& events, std::size_t host)> make_session;
  bool plain_in_turn = false;    // sends to a plain channel go to one host after the other
  bool keys_can_vanish = false;  // subscriptions are keys: each join sends a command to Redis
  std::function<void(std::size_t host, bool up)> host_changed = {};
};

/// Threads as for Bus.
class RedisBus final : public Bus, private SessionEvents {
 public:
  RedisBus(std::shared_ptr<RedisContext> context, RedisBusParts parts);
  ~RedisBus() override;

  Executor& executor() const noexcept override { return context_->executor(); }
  void start(BusEvents& events, std::string channel_prefix) override;
  void subscribe(const BusSubscription& to, Done done) override;
  void unsubscribe(const BusSubscription& to, Done done) override;
  bool publish(std::shared_ptr<BusMessage> message) override;
  void close(Function<void()> done) override;
  std::size_t links() const noexcept override { return hosts_.size(); }
  std::size_t link_of(BusTarget to, std::string_view name) override;
  Encode encoder() const override;
  bool may_forget() const noexcept override { return parts_.keys_can_vanish; }

 private:
  struct Host {
    std::shared_ptr<Node> node;
    std::unique_ptr<HostSession> session;
    WaitingQueue<Outgoing> parts;  // of messages, from other hosts
    EchoProof proof;
    unsigned role_age = 0;   // ticks since the role was requested
    bool published = false;  // since then
    bool connected = false;  // the session reads
    bool up = false;         // and a probe has arrived
    bool forgetful = false;  // Redis lacks a subscription that it had confirmed
  };

  RedisContext& context() noexcept override { return *context_; }
  BusEvents& layer() noexcept override { return *events_; }
  EchoProof& proof(std::size_t host) noexcept override { return hosts_[host].proof; }
  void probe_arrived(std::size_t host, std::uint64_t ticket) override;
  void hand_over(std::size_t host, Outgoing part) override;
  void try_again(std::size_t host, Outgoing outgoing) override;
  void answered(std::size_t host) override;
  void subscription_missing(std::size_t host) noexcept override { hosts_[host].forgetful = true; }
  void unsettled(std::size_t host, const Error& error) override;
  void subscribe_each_channel() override;

  void connected(std::size_t host);
  void lost(std::size_t host, const Error& reason);
  void prove(std::size_t host);
  void is_proven(std::size_t host);
  void look_after(std::size_t host);
  void forgot(std::size_t host);
  void set_up(std::size_t host, bool up);
  Link::Answer answer_of(const char* what, const BusSubscription& to, Done done);
  void publish_parts(std::size_t host);
  void drop_expired(Host& host);
  void tick();

  const std::shared_ptr<RedisContext> context_;
  const RedisBusParts parts_;
  BusEvents* events_ = nullptr;
  std::vector<Host> hosts_;
  bool each_channel_ = false;  // is a subscription
  bool ending_ = false;
  std::shared_ptr<RedisBus*> here_;  // for timers, which may fire after the end
};

}  // namespace sluice::SLUICE_ABI::redis

// SPDX-License-Identifier: MIT
// The bus of a NATS layer: its groups and channels as subjects.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>

#include "nats/nats_connection.hpp"
#include "nats/subjects.hpp"
#include "sluice/layer/bus.hpp"

namespace sluice::nats {

/// Threads as for Bus.
class NatsBus final : public Bus, private NatsEvents {
 public:
  NatsBus(Executor& executor, const NatsOptions& options, std::shared_ptr<NatsCounters> counters);
  ~NatsBus() override;

  Executor& executor() const noexcept override { return executor_; }
  void start(BusEvents& events, std::string channel_prefix) override;
  void subscribe(const BusSubscription& to, Done done) override;
  void unsubscribe(const BusSubscription& to, Done done) override;
  bool publish(std::shared_ptr<BusMessage> message) override;
  void close(Function<void()> done) override;

 private:
  struct Pending {
    std::uint64_t number;
    std::shared_ptr<BusMessage> message;  // null: a subscription, or the end of one
    Done done;
  };

  void connected(std::size_t max_payload) override;
  void answered(std::uint64_t number) override;
  void received(NatsMessage message) override;
  void lost(const Error& error, std::uint64_t handed) override;
  void deliver();

  Executor& executor_;
  const Subjects subjects_;
  const std::shared_ptr<NatsCounters> counters_;
  const std::shared_ptr<NatsConnection> connection_;
  BusEvents* events_ = nullptr;
  std::string process_;  // the subject of this process's channels
  std::deque<Pending> pending_;
  std::deque<NatsMessage> received_;
  std::size_t unanswered_bytes_ = 0;
  std::size_t max_payload_ = 0;
  bool up_ = false;
  bool pauses_ = false;
};

}  // namespace sluice::nats

// SPDX-License-Identifier: MIT
// A connection to a NATS server, on a thread of its own: the calls of cnats wait for sockets.
#pragma once

#include <nats/nats.h>

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "core/back_off.hpp"
#include "nats/nats_bus.hpp"
#include "sluice/core/error.hpp"
#include "sluice/core/executor.hpp"
#include "sluice/core/log_throttle.hpp"
#include "sluice/nats/nats_options.hpp"

namespace sluice::SLUICE_ABI::nats {

/// A message that has arrived.
struct NatsMessage {
  std::string subject, body;
  std::size_t memory() const noexcept { return subject.size() + body.size() + 256; }
};

/// The options for a connection to one of the servers, as cnats wants them. Throws std::invalid_argument for values
/// that cannot work, also for a file that cannot be read.
using Settings = std::unique_ptr<natsOptions, decltype(&natsOptions_Destroy)>;
Settings settings_for(const NatsOptions& options, const std::string& server);

/// What a connection reports. Its executor only.
class NatsEvents {
 public:
  virtual void connected(std::size_t max_payload) = 0;
  /// The server has processed all operations up to this number.
  virtual void answered(std::uint64_t number) = 0;
  /// It takes room until NatsConnection::release().
  virtual void received(NatsMessage message) = 0;
  /// Operations up to this number may have reached the server. Nothing more is reported before connect().
  virtual void lost(const Error& error, std::uint64_t handed) = 0;

 protected:
  ~NatsEvents() = default;
};

/// Connects, again and again until it succeeds. Then it does operations in their order, and publishes an echo to itself
/// behind each batch: once that arrives the server has processed the batch. cnats neither reconnects nor keeps anything
/// by itself. Its executor only.
class NatsConnection : public std::enable_shared_from_this<NatsConnection> {
 public:
  /// Throws std::invalid_argument for options that cannot work.
  static std::shared_ptr<NatsConnection> open(const NatsOptions& options, Executor& executor, NatsEvents& events,
                                              std::shared_ptr<NatsCounters> counters);
  NatsConnection(const NatsOptions& options, Executor& executor, NatsEvents& events,
                 std::shared_ptr<NatsCounters> counters);

  /// At the beginning, and after every loss. Also subscribes to `own` followed by any one token; no other process
  /// subscribes to those.
  void connect(const std::string& own);
  enum class Kind : std::uint8_t { subscribe, subscribe_shared, unsubscribe, publish };
  /// Returns the operation's number, from 1. Of all `subscribe_shared` to a subject one receives a message.
  std::uint64_t add(Kind kind, std::string subject, std::string body = {});
  /// Call it once a received message was delivered: its room is free again.
  void release(std::size_t memory);
  /// Ends everything and reports nothing more. Returns at once; the thread ends when cnats lets it.
  void close();

 private:
  struct Operation {
    Kind kind;
    std::string subject, body;
    std::uint64_t number;
  };
  struct Callbacks;
  struct Attempt;

  void run();
  bool dial();
  void serve();
  bool round_trip();
  natsStatus perform(const Operation& operation);
  void hang_up();
  void received(natsMsg* message);
  void fail(natsConnection* of, Error error);
  template <class Report>
  void post(Report report);

  const NatsOptions options_;
  const std::shared_ptr<NatsCounters> counters_;
  LogThrottle log_{{.lines = 2, .period = std::chrono::minutes(1)}};

  // The thread's alone.
  BackOff back_off_;
  void* id_ = nullptr;  // what cnats is given
  std::size_t attempts_ = 0;
  std::unordered_map<std::string, natsSubscription*> subscriptions_;
  std::uint64_t handed_ = 0;
  std::uint64_t echoes_ = 0;
  const std::string echo_secret_;  // begins each echo, so that no peer's message can pass for one

  std::mutex mutex_;
  std::condition_variable changed_;
  Executor& executor_;
  NatsEvents* events_;                    // null: closed
  natsConnection* connection_ = nullptr;  // changed by the thread, which reads it without the lock
  std::optional<Error> failure_;          // of this connection
  bool wanted_ = false;
  int left_behind_ = 0;  // attempts to connect that have not ended
  std::string own_;
  std::string echo_;  // the one that was sent last
  bool echoed_ = false;
  std::deque<Operation> operations_;
  std::uint64_t last_number_ = 0;
  std::size_t unread_events_ = 0, unread_bytes_ = 0;
};

}  // namespace sluice::SLUICE_ABI::nats

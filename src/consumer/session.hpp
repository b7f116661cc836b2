// SPDX-License-Identifier: MIT
// One connection on the consumers' side: passes mail to the consumer, one piece at a time, and cleans up.
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <string_view>

#include "consumer/host_state.hpp"
#include "consumer/hosted_consumer.hpp"
#include "consumer/live_sessions.hpp"
#include "consumer/session_queues.hpp"
#include "sluice/core/executor.hpp"
#include "sluice/layer/channel.hpp"
#include "sluice/transport/connection.hpp"
#include "sluice/transport/scope.hpp"

namespace sluice::SLUICE_ABI {

/// Runs the handlers of one consumer, one at a time, from the handshake to disconnect(). Waiting mail is in its
/// SessionQueues; consumer.cpp has the calls that a consumer makes. It lives in its executor's LiveSessions until
/// disconnect() has finished. Its executor only.
class Session final : public ConnectionEvents, public Subscriber {
 public:
  Session(std::shared_ptr<HostState> host, Scope scope, std::shared_ptr<Connection> connection, LiveSessions& home);

  SessionQueues& queues() noexcept { return queues_; }
  const SessionQueues& queues() const noexcept { return queues_; }
  HostedConsumer& hosted() noexcept { return hosted_; }
  const HostedConsumer& hosted() const noexcept { return hosted_; }
  /// Its part of the host's held bytes.
  std::size_t all_bytes() const noexcept { return queues_.held_bytes() + hosted_.kept_bytes(); }

  /// Finds the route, runs the middlewares, makes the consumer and connects it.
  void begin();
  /// Runs handlers for waiting mail.
  void pump() noexcept;
  /// The handler of this number has finished.
  void resume(std::uint64_t handler) noexcept;
  /// Copies waiting broadcasts out of shared memory.
  void unshare() noexcept;
  /// Consumers hold too much, and this one is among the largest: ends at once, and destroys its handler.
  void shed() noexcept;
  /// The executor or the host ends before the connection: destroys everything without a callback.
  void abandon() noexcept;
  /// This side ends the connection: only disconnect() is handled from here on, and every group is left.
  void close(const CloseReason& reason, int status_before_accept);
  /// Takes the action that the queues have returned.
  void follow(SessionQueues::Next next);

  // --- from the connection
  void on_message(Message message) override;
  void on_drained() override;
  void on_closed(const CloseReason& reason) override;
  void on_stop(const CloseReason& reason) override;

  // --- from the layer
  void deliver(const Event& event) override;
  void deliver(const DeliveryRun& run) override;
  void missed() noexcept override;
  Identity identity() const noexcept override { return hosted_.identity(); }
  Executor& executor() const noexcept override { return queues_.home().executor(); }

 private:
  enum class Phase : std::uint8_t { connecting, serving, disconnecting, finished };

  Task<> start();
  Task<> run_on_stop(const CloseReason& reason);
  Task<> run_disconnect(const CloseReason& reason);
  void handle(RunningHandler& running);
  Task<> handle(const Event& event);
  void notify_gap(RunningHandler& running);
  template <class Start>
  void run(HandlerKind kind, Mailbox::Time arrived, Start start);
  void handler_done();
  void handler_failed(std::exception_ptr error) noexcept;
  std::string handler_name() const;
  void destroy_handler();
  template <class Work>
  void guarded(Work work) noexcept;
  void broke(std::exception_ptr error) noexcept;
  [[gnu::noinline]] void queue(const DeliveryRun& run);  // so that deliver() saves no registers
  void close_overflowing(std::string_view why) noexcept;
  void close_soon() noexcept;
  void shut(const CloseReason& reason, int status_before_accept) noexcept;
  void start_grace();
  void end_grace();
  void finish();
  void release() noexcept;

  // A broadcast that is sent at once reads the beginning of the queues only.
  [[no_unique_address]] SessionQueues queues_;  // the next members stand in its padding
  Phase phase_ : 2 = Phase::connecting;
  bool connect_called_ : 1 = false;
  HostedConsumer hosted_;
};

// Runs a part of a session as a job: an exception ends this session only.
template <class Work>
void Session::guarded(Work work) noexcept {
  const auto kept = queues_.slot().session();
  try {
    work();
  } catch (...) {
    broke(std::current_exception());
  }
}

}  // namespace sluice::SLUICE_ABI

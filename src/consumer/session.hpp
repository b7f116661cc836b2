// SPDX-License-Identifier: MIT
// The life of one connection on our side: it brings mail to the consumer, one piece at a time, and cleans up.
#pragma once

#include <cassert>
#include <chrono>
#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "consumer/delivery_queue.hpp"
#include "consumer/host_state.hpp"
#include "consumer/live_sessions.hpp"
#include "consumer/mailbox.hpp"
#include "sluice/consumer/consumer.hpp"
#include "sluice/core/executor.hpp"
#include "sluice/layer/channel.hpp"
#include "sluice/transport/connection.hpp"
#include "sluice/transport/scope.hpp"

namespace sluice {

/// Owns the consumer, its mailbox, its channel and its end of the connection. It lives in its executor's LiveSessions
/// until disconnect() has finished. Its executor only.
class Session final : public ConnectionEvents, public Subscriber {
 public:
  Session(std::shared_ptr<HostState> host, Scope scope, std::shared_ptr<Connection> connection, LiveSessions& home);

  /// Finds the route, runs the middlewares, makes the consumer and connects it.
  void begin();
  /// Handles what waits.
  void pump() noexcept;
  /// The handler of this number has finished.
  void go_on(std::uint32_t handler) noexcept;
  /// What still waits is copied out of shared memory.
  void unshare() noexcept;
  /// It holds more than others, and all together too much: it ends at once, and its handler with it.
  void shed() noexcept;
  /// What its mail and its waiting handler take.
  std::size_t held_bytes() const noexcept { return mailbox_.bytes() + (work_ ? work_->held : 0); }
  /// What its consumer keeps between messages.
  std::size_t kept_bytes() const noexcept { return consumer_ ? consumer_->kept_bytes() : 0; }
  const HeldBytes& host_holds() const noexcept { return host_->held; }
  /// The executor or the host ends while the connection stands: destroys everything, and calls nobody.
  void abandon() noexcept;
  bool is_of(const HostState& host) const noexcept { return host_.get() == &host; }
  /// The connection is gone, and it waits only for its handler.
  bool closed() const noexcept { return closed_; }
  /// Where it is among the LiveSessions, which say so.
  void set_place(std::size_t place) noexcept { place_ = static_cast<std::uint32_t>(place) & 0x0fff'ffff; }
  std::size_t place() const noexcept { return place_; }

  // --- what a consumer asks for
  void accept(const Acceptance& acceptance);
  void deny(const Denial& denial);
  void send(MessageKind kind, std::string_view data);
  void close(const CloseReason& reason);
  Task<Result<void>> group_add(std::string_view group);
  Task<Result<void>> group_add(std::string_view group, WhenSlow when_slow);
  Task<Result<void>> group_discard(std::string_view group);
  void hear_later(std::chrono::nanoseconds delay, Event event);
  void keep_until_handled(std::shared_ptr<const void> referred, std::size_t bytes);
  void kept_changed();
  const Scope& scope() const noexcept { return scope_; }
  std::string channel_name() const { return channel_ ? channel_.name() : std::string(); }
  ChannelLayer& layer() const;
  const Limits& limits() const noexcept { return host_->options.limits; }
  void limit_met() noexcept { count(host_->counters.limits_met); }
  bool connected() const noexcept { return answer_ == Answer::accepted && !closing_ && !closed_; }

  // --- what the connection tells
  void on_message(Message message) override;
  void on_drained() override;
  void on_closed(const CloseReason& reason) override;
  void on_stop(const CloseReason& reason) override;

  // --- what the layer delivers
  void deliver(const Event& event) override;
  void deliver(const DeliveryRun& run) override;
  void missed() noexcept override;
  Identity identity() const noexcept override;
  Executor& executor() const noexcept override;

 private:
  enum class Answer : std::uint8_t { none, accepted, denied };
  enum class Phase : std::uint8_t { connecting, serving, disconnecting, over };

  Task<> start_up();
  Task<> say_goodbye(const CloseReason& reason);
  Task<> tell_of_stop(const CloseReason& reason);
  void close_behind_broadcasts(const CloseReason& reason);
  void complain_of_silence();
  void handle(Message&& message);
  void handle(RunningHandler& at_work);
  void handle(const Event& event);
  template <class Start>
  void run(Start start);
  template <class Work>
  void guarded(Work work) noexcept;
  void broke(std::exception_ptr error) noexcept;
  static void woken(void* self) noexcept;
  void go_on_now();
  void take_mail();
  void handler_waits();
  void destroy_handler();
  void put_client(Mail mail);
  void put_layer(Mail mail);
  void hold(std::size_t before);
  void stop_counting_kept() noexcept;
  void close_connection(const CloseReason& reason, int status_before_accept) noexcept;
  RunningHandler& work();
  void finish_task();
  void handler_done();
  void drop_work() noexcept;
  void failed(std::exception_ptr error) noexcept;
  void report(const std::exception_ptr& error);
  std::string at_work() const;
  void end(const CloseReason& reason, int status_before_accept);
  void shut(const CloseReason& reason, int status_before_accept) noexcept;
  void overflow(std::string_view why) noexcept;
  void shut_soon() noexcept;
  void intercept(const DeliveryRun& run);
  void put_aside(const DeliveryRun& run);
  void unshare_soon();
  void pump_soon();
  const std::shared_ptr<Session>& self() const noexcept;
  bool read_on();
  void must_run_here(std::string_view call) const;
  void watch_the_grace();
  void out_of_grace();
  void over();
  void let_go() noexcept;

  Task<Result<void>> finish_joining(std::string_view group, Task<Result<void>> joining);
  void forget_policy(std::string_view group);

  DeliveryQueue::Context delivery_context() const noexcept {
    return {*host_, home_.frames(), channel_, mailbox_.layer_bytes()};
  }
  void go_on_with(DeliveryQueue::Next next);
  void deliver_without_credit(const DeliveryRun& run);
  void notify_gap(RunningHandler& at_work);

  // They end in the opposite order: a handler at work before its consumer, that before its scope. And a broadcast that
  // passes the consumer by looks at neighbours only, down to intercepted_.
  const std::shared_ptr<HostState> host_;
  Mailbox mailbox_;
  [[no_unique_address]] DeliveryQueue delivery_;  // the next members stand in its padding
  Answer answer_ : 2 = Answer::none;
  Phase phase_ : 2 = Phase::connecting;
  bool connect_called_ : 1 = false;
  bool busy_ : 1 = false;  // a handler's task is in hand
  bool paused_ : 1 = false;
  bool pump_posted_ : 1 = false;
  // Bytes of their own, which a call from a wrong thread reads before it is refused.
  bool closing_ = false;        // this side ended it: nothing is handled any more but the end
  bool closed_ = false;         // the connection is gone
  BroadcastKinds intercepted_;  // the consumer hears them, not its client

  std::uint32_t place_ : 28 = 0;  // among the LiveSessions
  bool has_alarms_ : 1 = false;
  bool unshare_posted_ : 1 = false;
  bool kept_uncounted_ : 1 = false;   // what the consumer keeps counts no longer among the host's held bytes
  bool end_waits_ : 1 = false;        // the connection is gone, and the mailbox had no memory for that
  std::uint32_t handlers_begun_ = 0;  // so that a late word of one is not taken for the next one's
  LiveSessions& home_;                // on its executor
  Scope scope_;
  std::unique_ptr<Consumer> consumer_;
  Channel channel_;                       // empty without a layer
  std::unique_ptr<RunningHandler> work_;  // null while it has nothing in hand
};

inline const std::shared_ptr<Session>& Session::self() const noexcept {
  assert(phase_ != Phase::over && "nothing of it is asked for any more");
  return home_.at(place_);
}

// What a session does in a job of its own: whatever it throws is the end of this session, and of nothing else.
template <class Work>
void Session::guarded(Work work) noexcept {
  const auto kept = self();
  try {
    work();
  } catch (...) {
    broke(std::current_exception());
  }
}

inline Executor& Session::executor() const noexcept { return home_.executor(); }

}  // namespace sluice

// SPDX-License-Identifier: MIT
// The life of a session, and what comes in. session_order.cpp has the order of things, session_calls.cpp what goes out,
// session_holding.cpp what is too much.
#include "consumer/session.hpp"

#include <fmt/format.h>

#include <exception>
#include <stdexcept>
#include <utility>

#include "consumer/alarms.hpp"
#include "consumer/no_route.hpp"
#include "core/failure.hpp"
#include "sluice/layer/layer_notices.hpp"

namespace sluice {
namespace {

const UserId nobody;

}  // namespace

Session::Session(std::shared_ptr<HostState> host, Scope scope, std::shared_ptr<Connection> connection,
                 LiveSessions& home)
    : host_(std::move(host)), delivery_(std::move(connection)), home_(home), scope_(std::move(scope)) {
  count(host_->counters.opened);
  count(host_->counters.connections);
}

// ---------------------------------------------------------------- life

Task<> Session::start_up() {
  if (closed_) co_return;
  Application::Destination destination;
  if (!host_->application->resolve(scope_, destination)) {
    count(host_->counters.no_route);
    home_.rare_log().write(LogLevel::warning, "no route",
                           [this] { return explain_no_route(*host_->application, scope_); });
    end({}, 404);
    co_return;
  }
  for (Middleware* middleware : destination.middlewares) {
    const Verdict verdict = co_await middleware->handle(scope_);
    if (closed_) co_return;
    if (!verdict.passed()) {
      deny(verdict.denial());
      co_return;
    }
  }
  consumer_ = (*destination.factory)(scope_);
  if (!consumer_) throw std::logic_error("the application's factory made no consumer");
  consumer_->bind(*this);
  intercepted_ = consumer_->event_handlers().intercepted();
  delivery_.set_default_policy(consumer_->when_slow());

  const auto groups = consumer_->groups();
  if (!host_->layer && !groups.empty()) {
    throw std::logic_error("the consumer has static groups, but its host has no channel layer: give Host one");
  }
  if (host_->layer) {
    auto channel = co_await host_->layer->open_channel(*this);
    if (!channel) throw std::runtime_error(channel.error().message());
    channel_ = std::move(*channel);
    for (std::string_view group : groups) {
      const auto joined = co_await host_->layer->group_add(group, channel_);
      if (!joined) throw std::runtime_error(joined.error().message());
    }
  }
  if (closed_) co_return;
  connect_called_ = true;
  co_await consumer_->connect();
}

Task<> Session::say_goodbye(const CloseReason& reason) {
  if (channel_) channel_.leave_groups();
  if (connect_called_) co_await consumer_->disconnect(reason);
}

void Session::over() {
  if (has_alarms_) executor().local<Alarms>().drop(*this);
  let_go();
  home_.remove(*this);  // may be the last reference: the caller holds one
}

void Session::let_go() noexcept {
  phase_ = Phase::over;
  stop_counting_kept();
  delivery_.reset();
  channel_ = {};
  consumer_.reset();
  delivery_.release();  // the connection may hold this session as its events
  host_->counters.connections.fetch_sub(1, std::memory_order_relaxed);
}

void Session::abandon() noexcept {
  if (phase_ == Phase::over) return;
  closing_ = closed_ = true;  // a consumer's destructor has nobody to talk to
  phase_ = Phase::over;       // nor has a handler's frame
  drop_work();
  if (busy_) home_.handler_waits_no_more();
  busy_ = false;
  mailbox_.drop_layer();
  mailbox_.drop_messages();
  let_go();
}

// This side ends it: nothing more is handled but the end, and every group is left.
void Session::end(const CloseReason& reason, int status_before_accept) {
  if (closing_ || closed_) return;
  closing_ = true;
  shut(reason, status_before_accept);
}

void Session::shut(const CloseReason& reason, int status_before_accept) noexcept {
  close_connection(reason, status_before_accept);
  mailbox_.drop_layer();
  if (channel_) channel_.leave_groups();
}

// What has no memory to be sent is not sent, but the end is tried twice.
void Session::close_connection(const CloseReason& reason, int status_before_accept) noexcept {
  try {
    if (answer_ == Answer::accepted) delivery_.flush(delivery_context());
  } catch (...) {
    log_failure("what waited for a slow client was lost at its connection's end", std::current_exception());
  }
  for (bool again : {true, false}) {
    try {
      if (answer_ == Answer::accepted) return delivery_.connection().close(again ? reason : CloseReason(reason.code()));
      if (answer_ == Answer::none) delivery_.connection().deny(Denial(status_before_accept));
      answer_ = Answer::denied;
      return;
    } catch (...) {
      if (!again) log_failure("a connection could not be closed", std::current_exception());
    }
  }
}

// ---------------------------------------------------------------- the grace

// What was at work when the connection ended has one grace, with all that the client had said before; disconnect() has
// another.
void Session::watch_the_grace() {
  const bool goodbye = phase_ == Phase::disconnecting;
  executor().post_after(host_->options.limits.disconnect_grace, [weak = std::weak_ptr(self()), goodbye] {
    const auto kept = weak.lock();
    if (!kept || kept->phase_ == Phase::over || goodbye != (kept->phase_ == Phase::disconnecting)) return;
    kept->guarded([&] { kept->out_of_grace(); });
  });
}

// The connection is long gone and a handler still waits for something: it is destroyed where it stands.
void Session::out_of_grace() {
  closing_ = true;
  if (!busy_) return;
  count(host_->counters.destroyed_handlers);
  home_.rare_log().write(LogLevel::warning, "grace", [&] {
    return fmt::format("{} [{}]: a handler still waited {} ms after the connection had ended, destroyed",
                       scope_.quoted_path(), channel_name(), host_->options.limits.disconnect_grace.count());
  });
  destroy_handler();
}

// Where it stands; what comes behind it goes on.
void Session::destroy_handler() {
  drop_work();
  busy_ = false;
  home_.handler_waits_no_more();
  if (phase_ == Phase::disconnecting) return over();
  phase_ = Phase::serving;
  pump();
}

// ---------------------------------------------------------------- from the connection

void Session::on_message(Message message) {
  if (closing_ || closed_) return;
  try {
    if (!busy_ && mailbox_.empty() && phase_ == Phase::serving) {
      handle(std::move(message));
    } else {
      put_client(Mail(std::move(message)));
      pump_soon();
    }
  } catch (...) {
    return broke(std::current_exception());
  }
  const bool full = mailbox_.client_size() >= limits().client_mail;
  if (!paused_ && (busy_ || full)) {  // the client waits until its handler is done
    if (full) count(host_->counters.full_mailboxes);
    paused_ = true;
    delivery_.connection().pause_reading();
  }
}

void Session::on_closed(const CloseReason& reason) {
  if (phase_ == Phase::over) return;
  if (answer_ == Answer::none && phase_ == Phase::serving) complain_of_silence();
  closed_ = true;
  if (!connect_called_) closing_ = true;  // no consumer is there to handle what the client sent
  mailbox_.drop_layer();
  delivery_.reset();
  if (channel_) channel_.leave_groups();
  try {
    mailbox_.put_client(Mail(Closed{reason}), host_->held);
  } catch (...) {
    end_waits_ = true;
  }
  if (!busy_ && phase_ != Phase::connecting) pump();
  if (phase_ != Phase::connecting && phase_ != Phase::serving) return;
  try {
    watch_the_grace();  // it has not said goodbye yet
  } catch (...) {       // nobody would ever end the handler: it ends now
    guarded([this] { out_of_grace(); });
  }
}

// The client saw a 503 when the time for the handshake was over, or it was not so patient.
void Session::complain_of_silence() {
  home_.rare_log().write(LogLevel::warning, "no answer", [this] {
    return fmt::format("{}: connect() finished without accept() or deny(), and so the client was never let in",
                       scope_.quoted_path());
  });
}

void Session::on_stop(const CloseReason& reason) {
  if (closing_ || closed_) return;
  guarded([&] {
    put_layer(Mail(Stop{reason}));
    pump_soon();
  });
}

Task<> Session::tell_of_stop(const CloseReason& reason) {
  Consumer& consumer = *consumer_;
  co_await consumer.on_stop();
  close_behind_broadcasts(reason);
}

// What a group_send that has returned by now has sent is a job that this executor has not run yet, perhaps. It will
// have run it two jobs from here: the first of them may come before jobs that other threads have posted, the second
// not.
void Session::close_behind_broadcasts(const CloseReason& reason) {
  executor().post([kept = self(), reason] {
    if (kept->phase_ == Phase::over) return;
    kept->guarded([&] {
      kept->executor().post([kept, reason] {
        if (kept->closing_ || kept->closed_) return;
        kept->guarded([&] {
          kept->put_layer(Mail(Stop{reason, true}));
          kept->pump_soon();
        });
      });
    });
  });
}

// ---------------------------------------------------------------- from the layer

void Session::deliver(const Event& event) {
  if (is_layer_notice(event.type()) && !consumer_->event_handlers().handles(event.type())) return;
  if (closing_ || closed_) return count(host_->counters.dropped_at_close);
  // What arrives at an idle consumer within one turn waits for nobody: only its bytes are bounded.
  const bool too_many = busy_ && mailbox_.events() >= (channel_ ? channel_.capacity() : ChannelLayerOptions().capacity);
  if (too_many || mailbox_.layer_bytes() + event.memory() > limits().queued_bytes) {
    if (host_->options.mailbox_overflow == MailboxOverflow::drop_newest)
      return count(host_->counters.mailbox_overflows);
    return overflow("events wait for a busy consumer");
  }
  put_layer(Mail(event));
  pump_soon();
}

void Session::put_client(Mail mail) {
  const std::size_t before = held_bytes();
  mailbox_.put_client(std::move(mail), host_->held);
  hold(before);
}

void Session::put_layer(Mail mail) {
  const std::size_t before = held_bytes();
  mailbox_.put_layer(std::move(mail), host_->held);
  hold(before);
}

void Session::deliver(const DeliveryRun& run) {
  if (closing_ || closed_) return count(host_->counters.dropped_at_close);
  if (intercepted_.contain(run.kind)) return intercept(run);
  if (busy_ || !mailbox_.empty() || answer_ != Answer::accepted) return put_aside(run);
  if (!delivery_.take_credit(run.joined)) return deliver_without_credit(run);
  delivery_.connection().send(run.joined);
}

// A broadcast passes no mail that came before it. Its bytes count as if they were written already: that is where they
// go.
void Session::put_aside(const DeliveryRun& run) {
  const WhenSlow when_slow = delivery_.policy_of(run.group);
  // Before accept() none may be missed: there is no client yet whose consumer could be called with the gap.
  const WhenSlow at_a_bound = answer_ == Answer::accepted ? when_slow : WhenSlow::close;
  switch (delivery_.admit(run.joined.size(), at_a_bound, mailbox_.layer_bytes(), limits())) {
    case DeliveryQueue::Admission::wait: break;
    case DeliveryQueue::Admission::miss:
      if (!delivery_.has_missed()) put_layer(Mail(Missed()));
      return delivery_.miss(run, host_->counters);
    case DeliveryQueue::Admission::close_slow_client: return overflow("broadcasts wait for a busy consumer");
  }
  if (when_slow != WhenSlow::close) {  // each by itself: each has its key
    for (const Delivery& delivery : run.deliveries) {
      put_layer(Mail(PassingBroadcast{delivery.frame, std::string(run.group), std::string(delivery.key), when_slow}));
    }
    pump_soon();
    return unshare_soon();
  }
  if (const std::size_t before = held_bytes(); mailbox_.join_passing(run.group, when_slow, run.joined)) {
    hold(before);
  } else {
    put_layer(Mail(PassingBroadcast{run.joined, std::string(run.group), {}, when_slow}));
  }
  pump_soon();
  unshare_soon();
}

void Session::unshare_soon() {
  if (unshare_posted_) return;
  home_.unshare_soon(self());
  unshare_posted_ = true;
}

void Session::unshare() noexcept {
  unshare_posted_ = false;
  if (phase_ == Phase::over) return;
  guarded([this] { mailbox_.unshare(home_.frames()); });
}

// ---------------------------------------------------------------- to the client

void Session::go_on_with(DeliveryQueue::Next next) {
  if (next == DeliveryQueue::Next::nothing) return;
  if (next == DeliveryQueue::Next::close_slow_client) return overflow("messages wait for a slow client");
  put_layer(Mail(GapIsNext()));
  pump_soon();
}

void Session::deliver_without_credit(const DeliveryRun& run) { go_on_with(delivery_.deliver(run, delivery_context())); }

void Session::on_drained() {
  if (!closing_ && !closed_) go_on_with(delivery_.catch_up(delivery_context()));
}

Identity Session::identity() const noexcept {
  return {scope_.web_socket_id(), scope_.user() ? scope_.user()->id() : nobody};
}

}  // namespace sluice

// SPDX-License-Identifier: MIT
// The life of a session. session_handlers.cpp runs its handlers.
#include "consumer/session.hpp"

#include <fmt/format.h>

#include <exception>
#include <stdexcept>
#include <utility>

#include "consumer/executor_check.hpp"
#include "consumer/no_route.hpp"
#include "consumer/session_fields.hpp"
#include "consumer/session_reports.hpp"
#include "core/failure.hpp"
#include "sluice/layer/layer_notices.hpp"

namespace sluice::SLUICE_ABI {

Session::Session(std::shared_ptr<HostState> host, Scope scope, std::shared_ptr<Connection> connection,
                 LiveSessions& home)
    : queues_(std::move(host), std::move(connection), home), hosted_(std::move(scope)) {
  count(queues_.host().counters.opened);
  count(queues_.host().counters.connections);
}

// ---------------------------------------------------------------- from the handshake to the end

Task<> Session::start() {
  HostState& host = queues_.host();
  ClientLink& client = queues_.client();
  if (client.closed()) co_return;
  Application::Destination destination;
  if (!host.application->resolve(hosted_.scope(), destination)) {
    count(host.counters.no_route);
    queues_.home().failure_log().write(
        LogLevel::warning, "no route",
        [this] { return explain_no_route(*queues_.host().application, hosted_.scope()); },
        [&] { return SessionFields(hosted_.scope(), queues_.channel_name()); });
    close({}, 404);
    co_return;
  }
  for (Middleware* middleware : destination.middlewares) {
    const Verdict verdict = co_await middleware->handle(hosted_.scope());
    if (client.closed()) co_return;
    if (!verdict.passed()) {
      if (!client.open()) co_return;
      must_run_on(executor(), "deny()");
      client.deny(verdict.denial(), host.counters);
      SessionReports(*this).ended_by(EndedBy::host);
      SessionReports(*this).denied(verdict.denial().http_status());
      co_return;
    }
  }
  hosted_.make(*destination.factory, *this);
  queues_.intercept(hosted_->event_handlers().intercepted());
  client.delivery().set_default_policy(hosted_->when_slow());

  const auto groups = hosted_->groups();
  if (!host.layer && !groups.empty()) {
    throw std::logic_error("the consumer has static groups, but its host has no channel layer: give Host one");
  }
  if (host.layer) {
    auto channel = co_await host.layer->open_channel(*this);
    if (!channel) throw std::runtime_error(channel.error().message());
    queues_.set_channel(std::move(*channel));
    for (std::string_view group : groups) {
      const auto joined = co_await host.layer->group_add(group, queues_.channel());
      if (!joined) throw std::runtime_error(joined.error().message());
    }
  }
  if (client.closed()) co_return;
  connect_called_ = true;
  co_await hosted_->connect();
}

Task<> Session::run_disconnect(const CloseReason& reason) {
  queues_.leave_groups();
  if (connect_called_) co_await hosted_->disconnect(reason);
}

void Session::finish() {
  release();
  queues_.slot().leave(*this);
}

void Session::release() noexcept {
  phase_ = Phase::finished;
  SessionReports(*this).finished();
  HostState& host = queues_.host();
  hosted_.stop_counting_kept(host.held);  // first: destructors in the handler's frame may call kept_changed()
  queues_.handler().release(host.held, queues_.home());
  queues_.client().delivery().reset();
  queues_.set_channel({});
  hosted_.release();
  queues_.client().release();
  host.counters.connections.fetch_sub(1, std::memory_order_relaxed);
}

void Session::abandon() noexcept {
  if (phase_ == Phase::finished) return;
  queues_.client().set_closing();  // calls from destructors of handlers and the consumer do nothing
  queues_.client().set_closed();
  queues_.mailbox().drop_layer();
  queues_.mailbox().drop_messages();
  release();
}

void Session::close(const CloseReason& reason, int status_before_accept) {
  if (!queues_.client().open()) return;
  queues_.client().set_closing();
  SessionReports(*this).ended_by(EndedBy::host);  // unless another end is noted already
  shut(reason, status_before_accept);
}

void Session::shut(const CloseReason& reason, int status_before_accept) noexcept {
  if (!queues_.client().answered()) SessionReports(*this).denied(status_before_accept);
  queues_.client().close(reason, status_before_accept, queues_.context());
  queues_.mailbox().drop_layer();
  queues_.leave_groups();
}

// ---------------------------------------------------------------- clients that are too slow, sessions that hold too
// much

void Session::follow(SessionQueues::Next next) {
  switch (next) {
    case SessionQueues::Next::nothing: return;
    case SessionQueues::Next::close_slow_client: return close_overflowing("messages wait for a slow client");
    case SessionQueues::Next::close_busy_consumer: return close_overflowing("broadcasts wait for a busy consumer");
    case SessionQueues::Next::notify_gap: queues_.put_layer(Mail(GapIsNext())); return queues_.pump_soon();
  }
}

void Session::close_overflowing(std::string_view why) noexcept {
  count(queues_.host().counters.mailbox_overflows);
  queues_.home().failure_log().write(
      LogLevel::warning, why,
      [&] {
        return fmt::format("{} [{}]: too many {}, closed with 1013", hosted_.scope().quoted_path(),
                           queues_.channel_name(), why);
      },
      [&] { return SessionFields(hosted_.scope(), queues_.channel_name()); });
  close_soon();
}

// An event for it is lost, mostly for lack of memory. The client connects again, and fetches its data.
void Session::missed() noexcept {
  queues_.host().drop(MailDrop::no_memory);
  if (!queues_.client().open()) return;
  queues_.home().failure_log().write(
      LogLevel::error, "missed",
      [&] {
        return fmt::format("{} [{}]: an event for this consumer was lost, closed with 1013",
                           hosted_.scope().quoted_path(), queues_.channel_name());
      },
      [&] { return SessionFields(hosted_.scope(), queues_.channel_name()); });
  close_soon();
}

// Called while the hub iterates over a group, so that leaving the group is a later job.
void Session::close_soon() noexcept {
  static const CloseReason& reason = *new CloseReason(close_code::try_again_later, "too slow");  // needs no memory here
  queues_.client().set_closing();
  SessionReports(*this).ended_by(EndedBy::host);
  queues_.mailbox().drop_layer();
  queues_.client().delivery().drop_waiting();
  try {
    executor().post([kept = queues_.slot().session()] {
      if (!kept->queues_.client().closed()) kept->shut(reason, 503);
    });
  } catch (...) {  // the groups are left when the connection ends
    queues_.client().close(reason, 503, queues_.context());
  }
}

void Session::shed() noexcept {
  if (phase_ == Phase::finished) return;
  HostState& host = queues_.host();
  count(host.counters.shed_consumers);
  queues_.home().failure_log().write(
      LogLevel::warning, "shed",
      [&] {
        return fmt::format(
            "{} [{}]: consumers hold more than ConsumerLimits::server_held_bytes, and this one {} bytes of it: closed "
            "with 1013, its handler destroyed",
            hosted_.scope().quoted_path(), queues_.channel_name(), all_bytes());
      },
      [&] { return SessionFields(hosted_.scope(), queues_.channel_name()); });
  hosted_.stop_counting_kept(host.held);  // it is released with the connection
  const auto kept = queues_.slot().session();
  guarded([this, &host] {
    close(CloseReason(close_code::try_again_later, "server busy"), 503);
    queues_.mailbox().drop_layer();
    queues_.mailbox().drop_messages();
    if (!queues_.handler().waits()) return;
    count(host.counters.destroyed_handlers);
    destroy_handler();
  });
}

// ---------------------------------------------------------------- the grace

// A handler that runs when the connection ends has one grace, together with earlier messages of the client;
// disconnect() has another.
void Session::start_grace() {
  const bool in_disconnect = phase_ == Phase::disconnecting;
  executor().post_after(queues_.limits().disconnect_grace,
                        [weak = std::weak_ptr(queues_.slot().session()), in_disconnect] {
                          const auto kept = weak.lock();
                          if (!kept || kept->phase_ == Phase::finished) return;
                          if (in_disconnect != (kept->phase_ == Phase::disconnecting)) return;
                          kept->guarded([&] { kept->end_grace(); });
                        });
}

// The connection has ended and a handler still waits after the grace: it is destroyed.
void Session::end_grace() {
  queues_.client().set_closing();
  if (!queues_.handler().waits()) return;
  count(queues_.host().counters.destroyed_handlers);
  queues_.home().failure_log().write(
      LogLevel::warning, "grace",
      [&] {
        return fmt::format("{} [{}]: a handler still waited {} ms after the connection had ended, destroyed",
                           hosted_.scope().quoted_path(), queues_.channel_name(),
                           queues_.limits().disconnect_grace.count());
      },
      [&] { return SessionFields(hosted_.scope(), queues_.channel_name()); });
  destroy_handler();
}

// ---------------------------------------------------------------- from the connection

void Session::on_drained() {
  if (queues_.client().open()) follow(queues_.client().delivery().catch_up(queues_.context()));
}

void Session::on_closed(const CloseReason& reason) {
  if (phase_ == Phase::finished) return;
  ClientLink& client = queues_.client();
  if (!client.answered() && phase_ == Phase::serving) {  // it got a 503, or disconnected before
    queues_.home().failure_log().write(
        LogLevel::warning, "no answer",
        [this] {
          return fmt::format("{}: connect() finished without accept() or deny(), so the client was never accepted",
                             hosted_.scope().quoted_path());
        },
        [&] { return SessionFields(hosted_.scope(), queues_.channel_name()); });
  }
  client.set_closed();
  SessionReports(*this).closed(reason);
  if (!connect_called_) client.set_closing();  // there is no consumer to handle the client's messages
  queues_.mailbox().drop_layer();
  client.delivery().reset();
  queues_.leave_groups();
  queues_.put_end(reason);
  if (!queues_.handler().waits() && phase_ != Phase::connecting) pump();
  if (phase_ != Phase::connecting && phase_ != Phase::serving) return;
  try {
    start_grace();  // disconnect() has not begun yet
  } catch (...) {   // nothing would ever end the handler: it ends now
    guarded([this] { end_grace(); });
  }
}

void Session::on_stop(const CloseReason& reason) {
  if (!queues_.client().open()) return;
  guarded([&] {
    queues_.put_layer(Mail(Stop{reason}));
    queues_.pump_soon();
  });
}

// Then the connection is closed. A broadcast sent before this may still be queued on this executor. Posting twice puts
// the close behind it: the first post may overtake jobs from other threads, the second cannot.
Task<> Session::run_on_stop(const CloseReason& reason) {
  co_await hosted_->on_stop();
  executor().post([kept = queues_.slot().session(), reason] {
    if (kept->phase_ == Phase::finished) return;
    kept->guarded([&] {
      kept->executor().post([kept, reason] {
        if (!kept->queues_.client().open()) return;
        kept->guarded([&] {
          kept->queues_.put_layer(Mail(Stop{reason, true}));
          kept->queues_.pump_soon();
        });
      });
    });
  });
}

// ---------------------------------------------------------------- from the layer

void Session::deliver(const Event& event) {
  if (is_layer_notice(event.type()) && !hosted_->event_handlers().handles(event.type())) return;
  HostState& host = queues_.host();
  if (!queues_.client().open()) return host.drop(MailDrop::after_close);
  if (!queues_.has_room_for(event)) {
    const bool may_drop = host.options.mailbox_overflow == MailboxOverflow::drop_newest &&
                          !hosted_->event_handlers().must_arrive(event.type());
    if (may_drop) return host.drop(MailDrop::mailbox_full);
    return close_overflowing("events wait for a busy consumer");
  }
  queues_.put_layer(Mail(event));
  queues_.pump_soon();
}

void Session::deliver(const DeliveryRun& run) {
  if (!queues_.client().open() || queues_.intercepts(run.kind) || !queues_.may_send(run.joined)) return queue(run);
  queues_.client().connection().send(run.joined);
}

// A function of its own, so that the fast path of deliver() saves no registers: 7 instructions less per delivery.
void Session::queue(const DeliveryRun& run) {
  if (!queues_.client().open()) return queues_.host().drop(MailDrop::after_close);
  if (!queues_.intercepts(run.kind)) return follow(queues_.queue(run));
  for (const Delivery& delivery : run.deliveries) deliver(delivery.event);
}

void Session::unshare() noexcept {
  queues_.slot().unshare_runs();
  if (phase_ != Phase::finished) guarded([this] { queues_.unshare(); });
}

}  // namespace sluice::SLUICE_ABI

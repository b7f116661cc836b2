// SPDX-License-Identifier: MIT
#include "sluice/consumer/consumer.hpp"

#include <fmt/format.h>

#include <stdexcept>
#include <utility>

#include "consumer/executor_check.hpp"
#include "consumer/session.hpp"
#include "consumer/session_reports.hpp"

namespace sluice::SLUICE_ABI {
namespace {

// A group that could not be joined leaves no policy behind: clients that invent names must not fill the memory.
void forget_policy(SessionQueues& queues, std::string_view group) {
  if (!queues.channel().in_group(group)) queues.client().delivery().leave(group);
}

Task<Result<void>> finish_joining(SessionQueues& queues, std::string_view group, Task<Result<void>> joining) {
  auto joined = co_await joining;
  if (!joined) forget_policy(queues, group);
  co_return joined;
}

}  // namespace

Task<> Consumer::connect() {
  accept();
  return {};
}

Task<> Consumer::receive(const Message&) { return {}; }

Task<> Consumer::on_stop() { return {}; }

Task<> Consumer::disconnect(const CloseReason&) { return {}; }

Task<> Consumer::on_gap(const Gap&) { return {}; }

const EventHandlers& Consumer::event_handlers() const {
  static const EventHandlers none;
  return none;
}

Session& Consumer::session() const {
  if (session_) return *session_;
  throw std::logic_error("a consumer has no connection before connect(): pass its constructor what it needs");
}

// ---------------------------------------------------------------- the connection

void Consumer::accept(const Acceptance& acceptance) {
  Session& session = this->session();
  ClientLink& client = session.queues().client();
  if (!client.open()) return;
  must_run_on(session.executor(), "accept()");
  client.accept(acceptance, session.hosted().scope(), session.queues().host().counters);
  SessionReports(session).accepted();
}

void Consumer::deny(const Denial& denial) {
  Session& session = this->session();
  ClientLink& client = session.queues().client();
  if (!client.open()) return;
  must_run_on(session.executor(), "deny()");
  client.deny(denial, session.queues().host().counters);
  SessionReports(session).ended_by(EndedBy::consumer);
  SessionReports(session).denied(denial.http_status());
  session.queues().leave_groups();
}

void Consumer::send(MessageKind kind, std::string_view data) {
  Session& session = this->session();
  SessionQueues& queues = session.queues();
  if (!queues.client().open()) return queues.host().drop(MailDrop::sent_after_close);
  must_run_on(session.executor(), "send()");
  if (!queues.client().accepted()) throw std::logic_error("send(): accept() comes first");
  const auto next = queues.send(queues.home().frames().encode(kind, data));
  if (next != SessionQueues::Next::nothing) session.follow(next);
}

void Consumer::close(const CloseReason& reason) {
  Session& session = this->session();
  if (!may_be_sent(reason.code())) {
    throw std::invalid_argument(
        fmt::format("close(): {} is no code that may be sent (RFC 6455 section 7.4)", reason.code()));
  }
  if (reason.text().size() > max_close_text_bytes) {
    throw std::invalid_argument(
        fmt::format("close(): the reason has {} bytes, at most {} fit", reason.text().size(), max_close_text_bytes));
  }
  ClientLink& client = session.queues().client();
  if (!client.open()) return;
  must_run_on(session.executor(), "close()");
  if (!client.answered()) count(session.queues().host().counters.denied);
  SessionReports(session).ended_by(EndedBy::consumer);
  session.close(reason, 403);
}

bool Consumer::connected() const { return session().queues().client().connected(); }

// ---------------------------------------------------------------- groups

Task<Result<void>> Consumer::group_add(std::string_view group) {
  SessionQueues& queues = session().queues();
  if (!queues.channel()) {
    return Error(ErrorCode::layer_unavailable, fmt::format("group_add \"{}\": the host has no layer", group));
  }
  if (!queues.client().open()) {
    return Error(ErrorCode::channel_closed, fmt::format("group_add \"{}\": the connection has ended", group));
  }
  must_run_on(queues.home().executor(), "group_add()");
  return queues.host().layer->group_add(group, queues.channel());
}

Task<Result<void>> Consumer::group_add(std::string_view group, WhenSlow when_slow) {
  SessionQueues& queues = session().queues();
  DeliveryQueue& delivery = queues.client().delivery();
  const bool may_join = queues.channel() && queues.client().open();
  if (may_join) must_run_on(queues.home().executor(), "group_add()");
  if (!may_join || (when_slow == WhenSlow::close && !delivery.may_drop())) return group_add(group);
  delivery.set_policy(group, when_slow);
  auto joining = group_add(group);
  if (!joining.await_ready()) return finish_joining(queues, group, std::move(joining));
  auto joined = joining.take();
  if (!joined) forget_policy(queues, group);
  return joined;
}

// No message of the group reaches the client any more, so waiting ones are dropped.
Task<Result<void>> Consumer::group_discard(std::string_view group) {
  SessionQueues& queues = session().queues();
  if (queues.client().open()) must_run_on(queues.home().executor(), "group_discard()");
  queues.host().drop(MailDrop::after_close, queues.client().delivery().leave(group));
  if (!queues.channel()) {
    return Error(ErrorCode::layer_unavailable, fmt::format("group_discard \"{}\": the host has no layer", group));
  }
  return queues.host().layer->group_discard(group, queues.channel());
}

std::string Consumer::channel_name() const { return session().queues().channel_name(); }

ChannelLayer& Consumer::layer() const {
  ChannelLayer* const layer = session().queues().host().layer;
  if (!layer) throw std::logic_error("layer(): the host has no channel layer: give Host one");
  return *layer;
}

// ---------------------------------------------------------------- everything else

void Consumer::hear_later(std::chrono::nanoseconds delay, Event event) {
  SessionQueues& queues = session().queues();
  if (!queues.client().open()) return;
  must_run_on(queues.home().executor(), "hear_later()");
  queues.slot().add_alarm(delay, std::move(event));
}

void Consumer::keep_until_handled(std::shared_ptr<const void> referred, std::size_t bytes) {
  SessionQueues& queues = session().queues();
  queues.handler().keep(std::move(referred), bytes, queues.home());
}

void Consumer::kept_changed() {
  Session& session = this->session();
  if (!session.hosted().counts_kept()) return;
  LiveSessions& home = session.queues().home();
  HeldBytes& held = session.queues().host().held;
  const bool more = session.hosted().count_kept(held);
  home.note_keeper(session, kept_bytes());
  if (more && held.too_many()) home.shed_soon(session.queues().slot().session());
}

const Scope& Consumer::scope() const { return session().hosted().scope(); }
const ConsumerLimits& Consumer::limits() const { return session().queues().limits(); }
void Consumer::limit_met() { count(session().queues().host().counters.limits_met); }

}  // namespace sluice::SLUICE_ABI

// SPDX-License-Identifier: MIT
// Runs handlers one at a time: takes mail in turns, and calls its handler.
#include <fmt/format.h>

#include <exception>
#include <stdexcept>
#include <typeinfo>
#include <utility>

#include "consumer/session.hpp"
#include "consumer/session_fields.hpp"
#include "consumer/session_reports.hpp"
#include "core/failure.hpp"
#include "json/quoted.hpp"

namespace sluice::SLUICE_ABI {
namespace {

constexpr std::size_t mails_per_turn = 32;  // then other sessions have their turn

}  // namespace

void Session::begin() {
  if (phase_ == Phase::finished) return;
  SessionReports(*this).opened();
  guarded([this] { run(HandlerKind::connect, {}, [this] { return start(); }); });
  if (!queues_.handler().waits() && phase_ != Phase::finished) pump();
}

void Session::on_message(Message message) {
  ClientLink& client = queues_.client();
  if (!client.open()) return;
  try {
    if (queues_.idle() && phase_ == Phase::serving) {  // without a Mail: a tenth of the cost
      auto& given = std::get<Message>(queues_.handler().prepare(queues_.home()).mail);
      given = std::move(message);
      run(HandlerKind::receive, {}, [&] { return hosted_->receive(given); });
    } else {
      queues_.put_client(Mail(std::move(message)));
      queues_.pump_soon();
    }
  } catch (...) {
    return broke(std::current_exception());
  }
  const bool full = queues_.mailbox().client_size() >= queues_.limits().client_mail;
  if (!client.paused() && (queues_.handler().waits() || full)) {  // the client waits until its handler has finished
    if (full) count(queues_.host().counters.full_mailboxes);
    client.pause_reading();
  }
}

void Session::pump() noexcept {
  queues_.slot().pump_runs();
  if (phase_ == Phase::finished) return;
  guarded([this] {
    const auto may_run = [this] { return !queues_.handler().waits() && phase_ != Phase::finished; };
    for (std::size_t turn = 0; turn < mails_per_turn && may_run(); ++turn) {
      if (queues_.read_on()) break;  // messages of the client arrive before the next turn
      RunningHandler* const running = queues_.take_mail();
      if (!running) break;
      handle(*running);
    }
    if (!may_run()) return;
    queues_.read_on();
    if (queues_.has_mail()) queues_.pump_soon();
  });
}

// There was no memory, or an executor took no job. A closed connection still needs its disconnect().
void Session::broke(std::exception_ptr error) noexcept {
  count(queues_.host().counters.failed_handlers);
  log_failure("a connection ends with 1011, as its session failed", error);
  if (phase_ == Phase::finished) return;
  if (!queues_.client().closed()) return close(CloseReason(close_code::internal_error, "internal error"), 500);
  if (queues_.handler().waits()) return;
  if (phase_ == Phase::disconnecting) return finish();
  try {
    queues_.pump_soon();
  } catch (...) {
    phase_ = Phase::disconnecting;
    finish();
  }
}

// ---------------------------------------------------------------- a handler for each kind of mail

void Session::handle(RunningHandler& running) {
  const bool closing = queues_.client().closing();
  Mail& mail = running.mail;
  if (auto* message = std::get_if<Message>(&mail)) {
    if (!closing) return run(HandlerKind::receive, running.arrived, [&] { return hosted_->receive(*message); });
  } else if (auto* event = std::get_if<Event>(&mail)) {
    if (!closing) return run(HandlerKind::event, running.arrived, [&] { return handle(*event); });
  } else if (auto* passing = std::get_if<PassingBroadcast>(&mail)) {
    follow(queues_.send(*passing));
  } else if (std::holds_alternative<Missed>(mail)) {
    ClientLink& client = queues_.client();
    client.delivery().take_missed(!client.connected(), queues_.context());
  } else if (std::holds_alternative<GapIsNext>(mail)) {
    return notify_gap(running);
  } else if (auto* stop = std::get_if<Stop>(&mail)) {
    if (!closing && !stop->notified) {
      return run(HandlerKind::stop, running.arrived, [&] { return run_on_stop(stop->reason); });
    }
    if (!closing) SessionReports(*this).ended_by(EndedBy::stop);
    close(stop->reason, 503);
  } else {
    phase_ = Phase::disconnecting;
    queues_.client().set_closing();
    run(HandlerKind::disconnect, running.arrived, [&] { return run_disconnect(std::get<Closed>(mail).reason); });
    if (!queues_.handler().waits()) return finish();
    try {
      return start_grace();
    } catch (...) {  // nothing would ever end the handler: it ends now
      return end_grace();
    }
  }
  queues_.release_handler();
}

Task<> Session::handle(const Event& event) {
  auto call = hosted_->event_handlers().call(*hosted_, event);
  HostState& host = queues_.host();
  if (call) {
    if (call->argument) queues_.handler().keep(std::move(call->argument), 0, queues_.home());
    return std::move(call->task);
  }
  const bool unknown = call.error().code() == ErrorCode::not_found;
  count(unknown ? host.counters.unknown_events : host.counters.undecodable_events);
  if (host.options.strict_events) throw std::runtime_error(call.error().message());
  const std::string type = json::in_quotes(event.type());
  queues_.home().event_log().write(
      LogLevel::warning, type,
      [&] {
        return fmt::format("{}: event {} ignored, {}", hosted_.scope().quoted_path(), type, call.error().message());
      },
      [&] { return SessionFields(hosted_.scope(), queues_.channel_name()); });
  return {};
}

void Session::notify_gap(RunningHandler& running) {
  ClientLink& client = queues_.client();
  if (client.closing()) return queues_.release_handler();
  auto next = client.delivery().begin_gap();
  if (!next) {
    follow(client.delivery().catch_up(queues_.context()));
    return queues_.release_handler();
  }
  auto gap = std::make_shared<const Gap>(*std::move(next));
  running.argument = gap;
  count(queues_.host().counters.gaps_told);
  run(HandlerKind::gap, running.arrived, [&] { return hosted_->on_gap(*gap); });
}

// ---------------------------------------------------------------- the life of a handler

template <class Start>
void Session::run(HandlerKind kind, Mailbox::Time arrived, Start start) {
  if (kind != HandlerKind::disconnect || connect_called_) SessionReports(*this).handler_begun(kind, arrived);
  Task<> task;
  try {
    task = start();
  } catch (...) {
    handler_failed(std::current_exception());
    return handler_done();
  }
  if (task.finished()) return handler_done();
  // The handler may finish later. Its coroutine is still on the stack then, so the rest is a later job.
  const auto on_finished = [](void* self) noexcept {
    auto& session = *static_cast<Session*>(self);
    assert(session.executor().runs_here() && "a Task resumes where it waited");
    SessionSlot& slot = session.queues_.slot();
    slot.home().resume_soon(slot.session(), session.queues_.handler().number());
  };
  bool finished = false;
  try {
    finished = queues_.handler().start(std::move(task), {on_finished, this}, queues_.home());
    if (finished) queues_.handler().take_result(queues_.home());
  } catch (...) {
    handler_failed(std::current_exception());
    finished = true;
  }
  if (finished) return handler_done();
  queues_.hold_handler();  // only now is it known that the handler waits, and keeps its arguments
}

void Session::resume(std::uint64_t handler) noexcept {
  if (phase_ == Phase::finished || !queues_.handler().is(handler)) return;  // it was destroyed meanwhile
  guarded([this] {
    try {
      queues_.handler().take_result(queues_.home());
    } catch (...) {
      handler_failed(std::current_exception());
    }
    handler_done();
    if (phase_ == Phase::disconnecting) return finish();
    pump();
  });
}

void Session::handler_done() {
  SessionReports(*this).handler_ended();
  queues_.release_handler();
  DeliveryQueue& delivery = queues_.client().delivery();
  if (delivery.in_gap()) follow(delivery.end_gap(queues_.context()));
  if (phase_ == Phase::connecting) {
    phase_ = Phase::serving;
    if (!queues_.host().options.keep_headers) hosted_.scope().forget_headers();
  }
}

// Destroys it; the mail behind it is handled.
void Session::destroy_handler() {
  SessionReports(*this).handler_destroyed();
  queues_.release_handler();
  if (phase_ == Phase::disconnecting) return finish();
  phase_ = Phase::serving;
  pump();
}

// The one place that handles exceptions from user code. The subject names the consumer's class, so that a flood from
// one path does not suppress the lines of the others.
void Session::handler_failed(std::exception_ptr error) noexcept {
  count(queues_.host().counters.failed_handlers);
  SessionReports(*this).handler_failed(error);
  try {
    const std::string handler = handler_name();
    const Consumer* const consumer = hosted_.get();
    queues_.home().failure_log().write(
        LogLevel::error, consumer ? handler + typeid(*consumer).name() : handler,
        [&] {
          return fmt::format("{} [{}]: {} threw: {}", hosted_.scope().quoted_path(), queues_.channel_name(), handler,
                             text_of(error));
        },
        [&] { return SessionFields(hosted_.scope(), queues_.channel_name()); });
  } catch (...) {
    log_failure("a handler threw", error);
  }
  if (phase_ != Phase::disconnecting) close(CloseReason(close_code::internal_error, "internal error"), 500);
}

// The handler that threw.
std::string Session::handler_name() const {
  if (phase_ == Phase::disconnecting) return "disconnect()";
  if (phase_ == Phase::connecting) {
    if (connect_called_) return "connect()";
    return hosted_.get() ? "what comes before connect()" : "a middleware or the consumer's constructor";
  }
  const Mail& mail = queues_.handler().running().mail;
  if (const auto* event = std::get_if<Event>(&mail)) return fmt::format("the event {}", json::in_quotes(event->type()));
  if (std::holds_alternative<GapIsNext>(mail)) return "on_gap()";
  if (std::holds_alternative<Stop>(mail)) return "on_stop()";
  return "receive()";
}

}  // namespace sluice::SLUICE_ABI

// SPDX-License-Identifier: MIT
// One thing at a time: mail is taken in turns and brought to its handler.
#include <fmt/format.h>

#include <exception>
#include <stdexcept>
#include <typeinfo>
#include <utility>

#include "consumer/session.hpp"
#include "core/failure.hpp"
#include "json/quoted.hpp"

namespace sluice {
namespace {

constexpr std::size_t mails_per_turn = 32;  // then others have their turn

}  // namespace

void Session::begin() {
  if (phase_ == Phase::over) return;
  guarded([this] { run([this] { return start_up(); }); });
  if (!busy_ && phase_ != Phase::over) pump();
}

void Session::pump() noexcept {
  pump_posted_ = false;
  if (phase_ != Phase::over) guarded([this] { take_mail(); });
}

// There was no memory, or an executor took no job. A connection that is gone needs its goodbye all the same.
void Session::broke(std::exception_ptr error) noexcept {
  count(host_->counters.failed_handlers);
  log_failure("a connection ends with 1011, what it was doing failed", error);
  if (phase_ == Phase::over) return;
  if (!closed_) return end(CloseReason(close_code::internal_error, "internal error"), 500);
  if (busy_) return;
  if (phase_ == Phase::disconnecting) return over();
  try {
    pump_soon();
  } catch (...) {
    phase_ = Phase::disconnecting;
    over();
  }
}

void Session::take_mail() {
  for (std::size_t turn = 0; turn < mails_per_turn && !busy_ && phase_ != Phase::over; ++turn) {
    if (read_on()) break;  // what the client said meanwhile arrives before the next turn
    if (mailbox_.empty() && !end_waits_) break;
    RunningHandler& at_work = work();  // before the mail is taken, which would be lost without it
    const std::size_t held = held_bytes();
    if (auto mail = mailbox_.take()) {
      at_work.hand = std::move(*mail);
    } else {
      at_work.hand = Closed{CloseReason(close_code::abnormal)};
      end_waits_ = false;
    }
    home_.note_holder(*this, held, held_bytes());
    handle(at_work);
  }
  if (busy_ || phase_ == Phase::over) return;
  read_on();
  if (!mailbox_.empty()) pump_soon();
}

// Without a message that waits, a client that was paused is read again: events alone must not keep it waiting
// (behaviour DI-7).
bool Session::read_on() {
  if (!paused_ || closed_ || mailbox_.client_size() > 0) return false;
  paused_ = false;
  delivery_.connection().resume_reading();
  return true;
}

// What most mail is, without the detour through a Mail: a tenth of the cost.
void Session::handle(Message&& message) {
  auto& in_hand = std::get<Message>(work().hand);  // as it was lent
  in_hand = std::move(message);
  run([&] { return consumer_->receive(in_hand); });
}

void Session::handle(RunningHandler& at_work) {
  if (auto* message = std::get_if<Message>(&at_work.hand)) {
    if (!closing_) return run([&] { return consumer_->receive(*message); });
  } else if (auto* event = std::get_if<Event>(&at_work.hand)) {
    if (!closing_) return handle(*event);
  } else if (auto* passing = std::get_if<PassingBroadcast>(&at_work.hand)) {
    if (!connected() || !delivery_context().in_group(passing->group)) {
      count(host_->counters.dropped_at_close);
    } else if (delivery_.take_credit(passing->frame)) {
      delivery_.connection().send(passing->frame);
    } else {
      go_on_with(delivery_.send(passing->frame, passing->group, passing->when_slow, passing->key, delivery_context()));
    }
  } else if (std::holds_alternative<Missed>(at_work.hand)) {
    delivery_.take_missed(!connected(), delivery_context());
  } else if (std::holds_alternative<GapIsNext>(at_work.hand)) {
    return notify_gap(at_work);
  } else if (auto* stop = std::get_if<Stop>(&at_work.hand)) {
    if (!closing_ && !stop->told) return run([&] { return tell_of_stop(stop->reason); });
    end(stop->reason, 503);
  } else {
    phase_ = Phase::disconnecting;
    closing_ = true;
    run([&] { return say_goodbye(std::get<Closed>(at_work.hand).reason); });
    if (!busy_) return over();
    try {
      return watch_the_grace();
    } catch (...) {  // nobody would ever end the handler: it ends now
      return out_of_grace();
    }
  }
  drop_work();
}

void Session::handle(const Event& event) {
  run([&]() -> Task<> {
    auto call = consumer_->event_handlers().call(*consumer_, event);
    if (call) {
      if (call->argument) keep_until_handled(std::move(call->argument), 0);
      return std::move(call->task);
    }
    const bool unknown = call.error().code() == ErrorCode::not_found;
    count(unknown ? host_->counters.unknown_events : host_->counters.undecodable_events);
    if (host_->options.strict_events) throw std::runtime_error(call.error().message());
    const std::string type = json::in_quotes(event.type());
    home_.event_log().write(LogLevel::warning, type, [&] {
      return fmt::format("{}: event {} ignored, {}", scope_.quoted_path(), type, call.error().message());
    });
    return {};
  });
}

// The consumer hears the broadcasts instead of its client. Apart from deliver, whose ordinary way then saves no
// register: 6 instructions of a delivery.
void Session::intercept(const DeliveryRun& run) {
  for (const Delivery& delivery : run.deliveries) deliver(delivery.event);
}

void Session::notify_gap(RunningHandler& at_work) {
  if (closing_) return drop_work();
  auto next = delivery_.begin_gap();
  if (!next) {
    go_on_with(delivery_.catch_up(delivery_context()));
    return drop_work();
  }
  auto gap = std::make_shared<const Gap>(*std::move(next));
  at_work.argument = gap;
  count(host_->counters.gaps_told);
  run([&] { return consumer_->on_gap(*gap); });
}

template <class Start>
void Session::run(Start start) {
  Task<> begun;
  try {
    begun = start();
  } catch (...) {
    failed(std::current_exception());
    return handler_done();
  }
  if (begun.finished()) return handler_done();
  try {
    handler_waits();
  } catch (...) {
    failed(std::current_exception());
    return handler_done();
  }
  Task<>& task = work_->task = std::move(begun);
  if (task.start({&Session::woken, this})) return finish_task();
  // Only now is it known that the handler waits, and holds what it was given.
  RunningHandler& at_work = *work_;
  const std::size_t before = held_bytes();
  at_work.held = cost_of(at_work.hand) + at_work.argument_bytes;
  host_->held.add(at_work.held);
  hold(before);
}

void Session::handler_waits() {
  work();
  home_.handler_waits();
  busy_ = true;
  ++handlers_begun_;
}

RunningHandler& Session::work() {
  if (!work_) work_ = home_.lend();
  return *work_;
}

// An idle connection holds nothing of its last message.
void Session::drop_work() noexcept {
  if (!work_) return;
  if (work_->held > 0) {
    const std::size_t before = held_bytes();
    host_->held.subtract(std::exchange(work_->held, 0));
    home_.note_holder(*this, before, held_bytes());
  }
  home_.give_back(std::move(work_));
}

// The handler has finished after all. Its coroutine is still on the stack here, so the rest is a job of its own.
void Session::woken(void* self) noexcept {
  auto& session = *static_cast<Session*>(self);
  const auto handler = session.handlers_begun_;
  assert(session.executor().runs_here() && "a Task goes on where it waited");
  session.home_.resume_soon(session.self(), handler);
}

void Session::go_on(std::uint32_t handler) noexcept {
  if (phase_ == Phase::over || !busy_ || handlers_begun_ != handler) return;  // it was destroyed meanwhile
  guarded([this] { go_on_now(); });
}

void Session::go_on_now() {
  finish_task();
  if (phase_ == Phase::disconnecting) {
    over();
  } else {
    pump();
  }
}

void Session::finish_task() {
  busy_ = false;
  home_.handler_waits_no_more();
  try {
    work_->task.take();
  } catch (...) {
    failed(std::current_exception());
  }
  handler_done();
}

void Session::handler_done() {
  drop_work();
  if (delivery_.in_gap()) go_on_with(delivery_.end_gap(delivery_context()));
  if (phase_ == Phase::connecting) {
    phase_ = Phase::serving;
    if (!host_->options.keep_headers) scope_.forget_headers();
  }
}

// Whose exception it would be.
std::string Session::at_work() const {
  if (phase_ == Phase::disconnecting) return "disconnect()";
  if (phase_ == Phase::connecting) {
    if (connect_called_) return "connect()";
    return consumer_ ? "what comes before connect()" : "a middleware or the consumer's constructor";
  }
  const Mail& hand = work_->hand;
  if (const auto* event = std::get_if<Event>(&hand)) return fmt::format("the event {}", json::in_quotes(event->type()));
  if (std::holds_alternative<GapIsNext>(hand)) return "on_gap()";
  if (std::holds_alternative<Stop>(hand)) return "on_stop()";
  return "receive()";
}

// The one place where an exception from user code ends up.
void Session::failed(std::exception_ptr error) noexcept {
  count(host_->counters.failed_handlers);
  try {
    report(error);
  } catch (...) {
    log_failure("a handler threw", error);
  }
  if (phase_ != Phase::disconnecting) end(CloseReason(close_code::internal_error, "internal error"), 500);
}

// The subject names the consumer's class, so that a flood from one path leaves the lines of the others alone.
void Session::report(const std::exception_ptr& error) {
  const std::string handler = at_work();
  const Consumer* const consumer = consumer_.get();
  home_.rare_log().write(LogLevel::error, consumer ? handler + typeid(*consumer).name() : handler, [&] {
    return fmt::format("{} [{}]: {} threw: {}", scope_.quoted_path(), channel_name(), handler, text_of(error));
  });
}

void Session::pump_soon() {
  if (busy_ || pump_posted_) return;
  home_.pump_soon(self());
  pump_posted_ = true;
}

}  // namespace sluice

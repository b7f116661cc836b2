// SPDX-License-Identifier: MIT
#include "consumer/session.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <stdexcept>
#include <utility>

#include "sluice/core/log.hpp"
#include "sluice/layer/layer_notices.hpp"

namespace sluice {
namespace {

constexpr std::size_t mails_per_turn = 32;  // then others have their turn

std::string what_of(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& exception) {
    return exception.what();
  } catch (...) {
    return "an exception that is no std::exception";
  }
}

const UserId nobody;

}  // namespace

Session::Session(std::shared_ptr<HostState> host, Scope scope, std::shared_ptr<Connection> connection,
                 Executor& executor)
    : host_(std::move(host)),
      executor_(executor),
      frames_(executor.local<FrameBuffer>()),
      connection_(std::move(connection)),
      scope_(std::move(scope)) {
  count(host_->counters.opened);
  count(host_->counters.connections);
}

Session::~Session() {
  closing_ = closed_ = true;  // a consumer that ends with its executor has nobody to talk to
  host_->counters.connections.fetch_sub(1, std::memory_order_relaxed);
}

// ---------------------------------------------------------------- life

void Session::begin() {
  place_ = executor_.local<LiveSessions>().add(shared_from_this());
  run([this] { return start_up(); });
  if (!busy_) pump();
}

Task<> Session::start_up() {
  if (closed_) co_return;
  Application::Destination destination;
  if (!host_->application->resolve(scope_, destination)) {
    count(host_->counters.no_route);
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
  handlers_ = &consumer_->event_handlers();

  const auto groups = consumer_->groups();
  if (!host_->layer && !groups.empty()) {
    throw std::logic_error("the consumer has static groups, but its host has no channel layer: give Host one");
  }
  if (host_->layer) {
    auto channel = co_await host_->layer->open_channel(*this);
    if (!channel) throw std::runtime_error(channel.error().message());
    channel_.emplace(std::move(*channel));
    for (std::string_view group : groups) {
      const auto joined = co_await host_->layer->group_add(group, *channel_);
      if (!joined) throw std::runtime_error(joined.error().message());
    }
  }
  if (closed_) co_return;
  connect_called_ = true;
  co_await consumer_->connect();
}

Task<> Session::say_goodbye() {
  if (channel_) channel_->leave_groups();
  if (connect_called_) co_await consumer_->disconnect(close_reason_);
}

void Session::over() {
  phase_ = Phase::over;
  channel_.reset();
  consumer_.reset();
  connection_.reset();
  executor_.local<LiveSessions>().remove(place_);  // may be the last reference: the caller holds one
}

// This side ends it: nothing more is handled but the end, and every group is left.
void Session::end(const CloseReason& reason, int status_before_accept) {
  if (closing_ || closed_) return;
  closing_ = true;
  shut(reason, status_before_accept);
}

void Session::shut(const CloseReason& reason, int status_before_accept) {
  if (answer_ == Answer::accepted) {
    connection_->close(reason);
  } else if (answer_ == Answer::none) {
    answer_ = Answer::denied;
    connection_->deny(Denial(status_before_accept));
  }
  drop_layer_mail();
  if (channel_) channel_->leave_groups();
}

void Session::drop_layer_mail() {
  mailbox_.drop_layer();
  events_waiting_ = passing_bytes_ = 0;
}

// ---------------------------------------------------------------- one thing at a time

void Session::pump() {
  pump_posted_ = false;
  for (std::size_t turn = 0; turn < mails_per_turn && !busy_ && phase_ != Phase::over; ++turn) {
    if (read_on()) break;  // what the client said meanwhile arrives before the next turn
    std::optional<Mail> mail = mailbox_.take();
    if (!mail) break;
    handle(std::move(*mail));
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
  connection_->resume_reading();
  return true;
}

void Session::handle(Mail mail) {
  hand_ = std::move(mail);
  if (auto* message = std::get_if<Message>(&hand_)) {
    if (!closing_) run([&] { return consumer_->receive(*message); });
  } else if (auto* event = std::get_if<Event>(&hand_)) {
    --events_waiting_;
    if (!closing_) handle(*event);
  } else if (auto* passing = std::get_if<PassingBroadcast>(&hand_)) {
    passing_bytes_ -= passing->frame.size();
    if (connected()) {
      connection_->send(passing->frame);
    } else {
      count(host_->counters.dropped_at_close);
    }
    hand_ = Message();
  } else {
    phase_ = Phase::disconnecting;
    closing_ = true;
    close_reason_ = std::get<Closed>(hand_).reason;
    run([this] { return say_goodbye(); });
    if (!busy_) {
      over();
    } else {
      watch_the_grace();
    }
  }
}

void Session::handle(const Event& event) {
  run([&]() -> Task<> {
    auto call = handlers_->call(*consumer_, event);
    if (call) {
      argument_ = std::move(call->argument);
      return std::move(call->task);
    }
    const bool unknown = call.error().code() == ErrorCode::not_found;
    count(unknown ? host_->counters.unknown_events : host_->counters.undecodable_events);
    if (host_->options.strict_events) throw std::runtime_error(call.error().message());
    if (host_->first_time(event.type())) {
      log(LogLevel::warning, fmt::format("{}: event \"{}\" ignored, {} (said once per type)", scope_.path(),
                                         event.type(), call.error().message()));
    }
    return {};
  });
}

template <class Start>
void Session::run(Start start) {
  try {
    task_ = start();
  } catch (...) {
    return failed(std::current_exception());
  }
  busy_ = true;
  ++handlers_begun_;
  if (task_.start({&Session::woken, this})) finish_task();
}

// The handler has finished after all. Its coroutine is still on the stack here, so the rest is a job of its own.
void Session::woken(void* self) noexcept {
  auto& session = *static_cast<Session*>(self);
  session.executor_.post([kept = session.shared_from_this(), handler = session.handlers_begun_] {
    if (!kept->busy_ || kept->handlers_begun_ != handler) return;  // destroyed by the grace meanwhile
    kept->finish_task();
    if (kept->phase_ == Phase::disconnecting) {
      kept->over();
    } else {
      kept->pump();
    }
  });
}

void Session::finish_task() {
  busy_ = false;
  try {
    task_.take();
  } catch (...) {
    failed(std::current_exception());
  }
  task_ = {};
  argument_.reset();
  hand_ = Message();  // an idle connection holds nothing of the last message
  if (phase_ == Phase::connecting) phase_ = Phase::serving;
}

// The one place where an exception from user code ends up.
void Session::failed(std::exception_ptr error) noexcept {
  count(host_->counters.failed_handlers);
  log(LogLevel::error, fmt::format("{} [{}]: a handler threw: {}", scope_.path(), channel_name(), what_of(error)));
  if (phase_ != Phase::disconnecting) end(CloseReason(close_code::internal_error, "internal error"), 500);
}

void Session::pump_soon() {
  if (busy_ || pump_posted_) return;
  pump_posted_ = true;
  executor_.local<LiveSessions>().pump_soon(shared_from_this());
}

void LiveSessions::pump_soon(std::shared_ptr<Session> session) {
  ready_.push_back(std::move(session));
  if (ready_.size() > 1) return;
  executor_.post([this] {
    for (const auto& ready : std::exchange(ready_, {})) ready->pump();
  });
}

void Session::watch_the_grace() {
  executor_.post_after(host_->options.limits.disconnect_grace, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->out_of_grace();
  });
}

// The connection is long gone and a handler still waits for something: it is destroyed where it stands.
void Session::out_of_grace() {
  if (!busy_) return;
  count(host_->counters.destroyed_handlers);
  log(LogLevel::warning, fmt::format("{} [{}]: a handler still waited {} ms after the connection had ended, destroyed",
                                     scope_.path(), channel_name(), host_->options.limits.disconnect_grace.count()));
  task_ = {};
  argument_.reset();
  busy_ = false;
  if (phase_ == Phase::disconnecting) return over();
  phase_ = Phase::serving;
  closing_ = true;
  pump();
}

// ---------------------------------------------------------------- from the connection

void Session::on_message(Message message) {
  if (closing_ || closed_) return;
  if (!busy_ && mailbox_.empty() && phase_ == Phase::serving) {
    handle(Mail(std::move(message)));
  } else {
    mailbox_.put_client(Mail(std::move(message)));
    pump_soon();
  }
  if (!paused_ && (busy_ || mailbox_.client_size() >= mails_per_turn)) {  // the client waits until its handler is done
    paused_ = true;
    connection_->pause_reading();
  }
}

void Session::on_closed(const CloseReason& reason) {
  closed_ = true;
  drop_layer_mail();
  if (channel_) channel_->leave_groups();
  mailbox_.put_client(Mail(Closed{reason}));
  if (busy_) {
    watch_the_grace();
  } else if (phase_ != Phase::connecting) {
    pump();
  }
}

// ---------------------------------------------------------------- from the layer

void Session::deliver(const Event& event) {
  if (is_layer_notice(event.type()) && !handlers_->handles(event.type())) return;
  if (closing_ || closed_) return count(host_->counters.dropped_at_close);
  if (events_waiting_ >= channel_->capacity()) {
    if (host_->options.mailbox_overflow == MailboxOverflow::drop_newest)
      return count(host_->counters.mailbox_overflows);
    return overflow("events wait for a busy consumer");
  }
  ++events_waiting_;
  mailbox_.put_layer(Mail(event));
  pump_soon();
}

void Session::deliver(const DeliveryRun& run) {
  if (closing_ || closed_) return count(host_->counters.dropped_at_close);
  if (handlers_->intercepts(run.kind)) {
    for (const Delivery& delivery : run.deliveries) deliver(delivery.event);
  } else if (!busy_ && mailbox_.empty() && answer_ == Answer::accepted) {
    connection_->send(run.joined);
  } else {
    put_aside(run);
  }
}

// A broadcast passes no mail that came before it. Its bytes count as if they were written already: that is where they
// go.
void Session::put_aside(const DeliveryRun& run) {
  passing_bytes_ += run.joined.size();
  if (passing_bytes_ + connection_->queued_bytes() > host_->options.limits.queued_bytes) {
    return overflow("broadcasts wait for a busy consumer");
  }
  Frame* last = mailbox_.last_passing_frame();
  if (!last || !last->extend(run.joined)) mailbox_.put_layer(Mail(PassingBroadcast{run.joined}));
  pump_soon();
}

// Called while the hub walks through a group, so that leaving the group is a job of its own.
void Session::overflow(std::string_view why) {
  count(host_->counters.mailbox_overflows);
  if (host_->first_time(why)) {
    log(LogLevel::warning,
        fmt::format("{} [{}]: too many {}, closed with 1013 (said once)", scope_.path(), channel_name(), why));
  }
  closing_ = true;
  drop_layer_mail();
  executor_.post([self = shared_from_this()] {
    if (!self->closed_) self->shut(CloseReason(close_code::try_again_later, "too slow"), 503);
  });
}

Identity Session::identity() const noexcept {
  return {scope_.web_socket_id(), scope_.user() ? scope_.user()->id() : nobody};
}

// ---------------------------------------------------------------- from the consumer

void Session::accept(const Acceptance& acceptance) {
  if (closing_ || closed_) return;
  if (answer_ != Answer::none) throw std::logic_error("accept(): the handshake is answered already");
  const std::string& chosen = acceptance.subprotocol();
  if (!chosen.empty() && std::ranges::find(scope_.subprotocols(), chosen) == scope_.subprotocols().end()) {
    throw std::invalid_argument(fmt::format("accept(): the client did not offer the subprotocol \"{}\"", chosen));
  }
  answer_ = Answer::accepted;
  count(host_->counters.accepted);
  connection_->accept(acceptance);
}

void Session::deny(const Denial& denial) {
  if (closing_ || closed_) return;
  if (answer_ != Answer::none) throw std::logic_error("deny(): the handshake is answered already; close() it");
  if (denial.http_status() < 300 || denial.http_status() > 599) {
    throw std::invalid_argument(fmt::format("deny(): {} is no HTTP status to refuse with", denial.http_status()));
  }
  answer_ = Answer::denied;
  count(host_->counters.denied);
  closing_ = true;
  connection_->deny(denial);
  if (channel_) channel_->leave_groups();
}

void Session::send(MessageKind kind, std::string_view data) {
  if (closing_ || closed_) return count(host_->counters.sends_after_close);
  if (answer_ != Answer::accepted) throw std::logic_error("send(): accept() comes first");
  connection_->send(frames_.encode(kind, data));
}

void Session::close(const CloseReason& reason) {
  if (!may_be_sent(reason.code())) {
    throw std::invalid_argument(
        fmt::format("close(): {} is no code that may be sent (RFC 6455 section 7.4)", reason.code()));
  }
  if (reason.text().size() > max_close_text_bytes) {
    throw std::invalid_argument(
        fmt::format("close(): the reason has {} bytes, at most {} fit", reason.text().size(), max_close_text_bytes));
  }
  if (answer_ == Answer::none && !closing_ && !closed_) count(host_->counters.denied);
  end(reason, 403);
}

Task<Result<void>> Session::group_add(std::string_view group) {
  if (!channel_)
    return Error(ErrorCode::layer_unavailable, fmt::format("group_add \"{}\": the host has no layer", group));
  if (closing_ || closed_) {
    return Error(ErrorCode::channel_closed, fmt::format("group_add \"{}\": the connection has ended", group));
  }
  return host_->layer->group_add(group, *channel_);
}

Task<Result<void>> Session::group_discard(std::string_view group) {
  if (!channel_)
    return Error(ErrorCode::layer_unavailable, fmt::format("group_discard \"{}\": the host has no layer", group));
  return host_->layer->group_discard(group, *channel_);
}

ChannelLayer& Session::layer() const {
  if (!host_->layer) throw std::logic_error("layer(): the host has no channel layer: give Host one");
  return *host_->layer;
}

}  // namespace sluice

// SPDX-License-Identifier: MIT
// Requests and the handshake; see asio_connection.hpp.
#include "net/http_side.hpp"

#include <fmt/format.h>

#include <exception>
#include <utility>

#include "core/failure.hpp"
#include "net/tls_session.hpp"
#include "sluice/core/rare_log.hpp"
#include "ws/deflate_negotiation.hpp"
#include "ws/handshake.hpp"
#include "ws/http_response.hpp"

namespace sluice::net {
namespace {

// Who has been silent for longer than this is no client that has just connected, or just been answered.
constexpr auto request_on_its_way = std::chrono::milliseconds(500);
// Reads that may follow each other when a request is late: more than a kernel's receive buffer holds.
constexpr int most_late_bursts = 64;

// Runs what an application gave us, and says what came of it: empty, or the text of its exception.
template <class Work>
std::string thrown_by(Work work) {
  try {
    work();
    return {};
  } catch (...) {
    const std::string text = text_of(std::current_exception());
    return text.empty() ? "an exception without a text" : text;
  }
}

}  // namespace

void AsioConnection::end_http() noexcept {
  rare_->http.reset();
  keep_if_used();
}

bool AsioConnection::answering() const noexcept { return http().state != Http::State::reading; }

void AsioConnection::read_requests(std::span<char>& input) {
  while (phase_ == Phase::http && !answering()) {
    std::string_view bytes(input.data(), input.size());
    const HttpReader::Step step = http().reader.next(bytes);
    input = input.last(bytes.size());
    const bool whole = step == HttpReader::Step::request || step == HttpReader::Step::upgrade;
    if (whole && !seated()) return refuse_for_want_of_seats();
    if (whole && !identify()) return;
    switch (step) {
      case HttpReader::Step::need_more: return;
      case HttpReader::Step::expects_continue:
        queue_.push_bytes(ws::continue_response, shard_.spares());
        write_soon();
        break;
      case HttpReader::Step::request: answer_request(); break;
      case HttpReader::Step::upgrade: return open_websocket();
      case HttpReader::Step::refused: return refuse(http().reader.refusal());
    }
  }
}

void AsioConnection::answer_request() {
  shard_.counters().http_requests.add();
  ws::HttpHead& head = http().reader.head();
  http().state = Http::State::handling;
  http().keep_alive = head.keep_alive;
  http().head_only = http().reader.head_only();
  HttpHandler* const handler = shard_.options().http;
  if (!handler) return respond(HttpResponse(404, "not found\n"));

  head.request.scheme = http().secure ? "https" : "http";
  http().request.emplace(std::move(head.method), scope_of(head.request), http().reader.take_body());
  shard_.enter(*this, Shard::Stage::handler);  // which may take its time
  const auto wake = [](void* who) noexcept {
    auto& connection = *static_cast<AsioConnection*>(who);
    if (connection.phase_ == Phase::gone) return connection.handler_done_for_nobody();
    connection.shard_.executor().post([self = connection.self_] {
      self->phase_ == Phase::gone ? self->handler_done_for_nobody() : self->request_answered();
    });
  };
  bool finished = false;
  const std::string thrown = thrown_by([&] {
    http().task.emplace(handler->handle(*http().request));
    finished = http().task->start({wake, this});
  });
  if (!thrown.empty()) {
    report_handler(thrown);
    http().request.reset();
    return respond(HttpResponse(500, "internal error\n"));
  }
  if (finished) request_answered();
}

HttpResponse AsioConnection::take_answer() {
  HttpResponse response(500, "internal error\n");
  const std::string thrown = thrown_by([&] { response = http().task->take(); });
  if (!thrown.empty()) {
    report_handler(thrown);
  }
  http().task.reset();
  http().request.reset();
  return response;
}

void AsioConnection::request_answered() { respond(take_answer()); }

// Its client has gone while a handler is at work: the socket ends now, and the handler may finish within a grace, as a
// consumer's may.
void AsioConnection::keep_for_handler() {
  if (!has_http() || !http().task || shard_.torn_down()) return;
  auto kept = std::make_shared<std::shared_ptr<AsioConnection>>(self_);
  http().kept_for_handler = kept;
  shard_.keep(kept);
  shard_.executor().post_after(shard_.limits().disconnect_grace, [kept] { kept->reset(); });
}

bool AsioConnection::kept_for_handler() const noexcept { return has_http() && !http().kept_for_handler.expired(); }

// Called by the handler's coroutine, which stands on the stack: it is destroyed by a job.
void AsioConnection::handler_done_for_nobody() {
  const auto kept = http().kept_for_handler.lock();
  if (kept && *kept) shard_.executor().post([last = std::move(*kept)] { (void)last->take_answer(); });
}

void AsioConnection::report_handler(std::string_view thrown) {
  shard_.failures().write(LogLevel::error, "http handler", [&] {
    return fmt::format("http {}: the handler threw: {}", http().request->scope().quoted_path(), thrown);
  });
}

// Whoever else holds the connection must not keep its handler.
void AsioConnection::drop_request() noexcept {
  if (!has_http()) return;
  http().task.reset();
  http().request.reset();
}

void AsioConnection::respond(const HttpResponse& response) {
  count_answer(response.status());
  const bool keep_alive = http().keep_alive && !shard_.stopping();
  const ws::Answering answering{keep_alive, http().head_only, shard_.date()};
  auto bytes = ws::http_response(response, answering);
  if (!bytes) {
    shard_.failures().write(LogLevel::error, "response", [&] {
      return fmt::format("http: the handler's response can't be sent: {}", bytes.error().message());
    });
    bytes = ws::http_response(HttpResponse(500, "internal error\n"), answering);
  }
  queue_.push_bytes(*bytes, shard_.spares());
  if (!keep_alive) return leave(true);
  http().state = Http::State::responding;
  shard_.enter(*this, Shard::Stage::handshake);  // to be taken, and for the next request
  write_soon();
}

// A long response has as long as it keeps moving.
void AsioConnection::http_progress() {
  if (phase_ == Phase::leaving) shard_.enter(*this, Shard::Stage::closing);
  if (phase_ == Phase::http && http().state == Http::State::responding) shard_.enter(*this, Shard::Stage::handshake);
}

void AsioConnection::http_written() {
  if (http().state != Http::State::responding) return;  // that was 100 Continue
  http().state = Http::State::reading;
  http().waits_since = shard_.executor().now();
  if (shard_.stopping()) shard_.plan_to_go(*this);
  go_on_soon();
}

// The server stops. A request that has begun is answered; one that is on its way, perhaps, is waited for.
void AsioConnection::leave_if_idle() {
  if (answering() || http().reader.begun()) return;
  const auto idle_from = http().waits_since + request_on_its_way;
  if (shard_.executor().now() < idle_from) return shard_.go_away_at(*this, idle_from);
  http().proxy_header.reset();  // it is too late for one
  leave(true);
}

Scope AsioConnection::scope_of(const RequestInfo& request) const {
  Scope scope(request);
  if (!stream_.tls()) return scope;
  if (auto shown = stream_.tls()->client_certificate()) scope.put(std::move(*shown));
  return scope;
}

void AsioConnection::open_websocket() {
  phase_ = Phase::opening;
  shard_.enter(*this, Shard::Stage::handshake);
  RequestInfo info = std::move(http().reader.head().request);
  ws::drop_handshake_headers(info);
  info.subprotocols = http().reader.upgrade().subprotocols;
  info.scheme = http().secure ? "wss" : "ws";
  in_open_ = true;
  std::shared_ptr<ConnectionEvents> events;
  const std::string thrown =
      thrown_by([&] { events = shard_.gateway().open(scope_of(info), self_, shard_.executor()); });
  in_open_ = false;
  events_ = std::move(events);
  if (!thrown.empty()) {
    shard_.failures().write(LogLevel::error, "gateway",
                            [&] { return fmt::format("handshake: the gateway threw: {}", thrown); });
    if (phase_ == Phase::opening) return refuse({500, "internal error", {}});
    if (phase_ == Phase::open) fail(CloseReason(close_code::internal_error), Ending::by_gateway);
  }
  if (told_) tell_now();
  if (phase_ != Phase::opening) end_http();
}

void AsioConnection::accept(const Acceptance& acceptance) {
  if (phase_ != Phase::opening) return;
  const ws::Upgrade& upgrade = http().reader.upgrade();
  const auto compression = ws::agree_on_deflate(upgrade.extensions, shard_.options().deflate);
  const auto response = ws::accept_response(upgrade, acceptance, compression ? compression->response : "");
  if (!response) {
    shard_.failures().write(LogLevel::error, "accept",
                            [&] { return fmt::format("accept: {}", response.error().message()); });
    return refuse({500, "internal error", {}});
  }
  queue_.push_bytes(*response, shard_.spares());
  phase_ = Phase::open;
  if (compression) compress_as(compression->parameters);
  counted_ = true;
  shard_.counters().opened.add();
  shard_.counters().open.add();
  begin_life();
  if (!in_open_) end_http();
  write_soon();
  go_on_soon();  // what came right behind the request
  if (shard_.stopping()) shard_.plan_to_go(*this);
}

void AsioConnection::deny(const Denial& denial) {
  if (phase_ != Phase::opening) return;
  count_answer(denial.http_status());
  const auto response = ws::denial_response(denial, shard_.date());
  if (!response) {
    shard_.failures().write(LogLevel::error, "deny",
                            [&] { return fmt::format("deny: {}", response.error().message()); });
    return refuse({500, "internal error", {}});
  }
  decline(*response, denial.http_status());
}

void AsioConnection::refuse(const ws::HttpRefusal& refusal) {
  decline(ws::refusal_response(refusal, shard_.date(), has_http() && http().reader.head_only()), refusal.status);
}

void AsioConnection::decline(std::string_view response, int status) {
  shard_.counters().count_refusal(status);
  const bool told_nobody = phase_ == Phase::http;
  queue_.push_bytes(response, shard_.spares());
  leave(true);
  if (!told_nobody) tell_closed(CloseReason(close_code::abnormal), Ending::by_gateway);
}

// What waits in the kernel has come in time: it is we that are late.
void AsioConnection::request_late() {
  for (int burst = 0; burst < most_late_bursts && !answering() && unread_bytes(); ++burst) {
    unread_ = true;
    use_unread();
    if (phase_ != Phase::http) return;
  }
  if (answering() && due() > shard_.executor().now()) return;
  if (awaits_proxy_header()) return proxy_header_missing();
  if (http().state == Http::State::handling) return lost();  // it has said its last, and waited long
  if (!http().reader.begun() || answering())
    return stream_.tls() ? leave(false) : end();  // silent, or deaf to our answer
  refuse({408, "the request did not arrive in time", {}});
}

}  // namespace sluice::net

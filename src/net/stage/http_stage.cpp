// SPDX-License-Identifier: MIT
#include "net/stage/http_stage.hpp"

#include <fmt/format.h>

#include <utility>

#include "core/quoted.hpp"
#include "net/socket/tls_session.hpp"
#include "net/stage/asio_connection.hpp"
#include "net/stage/connection_reports.hpp"
#include "net/stage/thrown_by.hpp"
#include "sluice/core/log_throttle.hpp"
#include "sluice/http/response.hpp"
#include "sluice/ws/handshake.hpp"

namespace sluice::SLUICE_ABI::net {
namespace {

// A client that was silent for longer than this has neither just connected, nor just read an answer.
constexpr auto request_on_its_way = std::chrono::milliseconds(500);

}  // namespace

HttpStage::HttpStage(AsioConnection& connection, const AcceptedSocket& accepted)
    : connection_(connection),
      proxy_(connection.shard(), connection.socket().stream(), connection.slot(), accepted),
      reader_(connection.shard().limits()),
      waits_since_(connection.shard().executor().now()),
      handler_(connection) {}

ServerShard& HttpStage::shard() const noexcept { return connection_.shard(); }

bool HttpStage::speaks_http() const noexcept { return connection_.phase() == AsioConnection::Phase::http; }

void HttpStage::queue(std::string_view bytes) {
  connection_.socket().push_bytes(bytes);
  connection_.write_soon();
}

// --- requests

bool HttpStage::read_proxy_header() {
  switch (proxy_.read_header()) {
    case ProxyIntake::HeaderStep::need_more: return false;
    case ProxyIntake::HeaderStep::complete: return true;
    case ProxyIntake::HeaderStep::refused:
      report_missing_header();
      connection_.end();
      return false;
    case ProxyIntake::HeaderStep::over_capacity: break;
  }
  ConnectionReports(connection_).refused(ConnectionRefusal::address_full);
  if (!connection_.socket().stream().tls()) {
    refuse(ProxyIntake::too_many_connections());
    return false;
  }
  // A client that speaks TLS can read an answer only after its handshake: its request is refused.
  if (!shard().admit_over_capacity()) {
    connection_.end();
    return false;
  }
  connection_.slot().release();
  return true;
}

void HttpStage::report_missing_header() noexcept {
  if (proxy_.header_begun()) ConnectionReports(connection_).refused(ConnectionRefusal::bad_proxy_header);
}

// Only two limits apply here: the refusals of an address, and its connections.
void HttpStage::refuse_client(const http::Refusal& refusal) {
  if (refusal.status == 429) ConnectionReports(connection_).refused(ConnectionRefusal::too_many_refusals);
  if (refusal.status == 503) ConnectionReports(connection_).refused(ConnectionRefusal::address_full);
  refuse(refusal);
}

void HttpStage::on_bytes(std::span<char>& input) {
  while (speaks_http() && wants_bytes()) {
    std::string_view bytes(input.data(), input.size());
    const HttpReader::Step step = reader_.next(bytes);
    input = input.last(bytes.size());
    if (step == HttpReader::Step::request || step == HttpReader::Step::upgrade) {
      if (!connection_.slot()) return refuse(ProxyIntake::too_many_connections());
      const auto refusal = proxy_.identify(reader_.head().request);
      ConnectionReports(connection_).request_begun(reader_.head().method, reader_.head().request);
      if (refusal) return refuse_client(*refusal);
    }
    switch (step) {
      case HttpReader::Step::need_more: return;
      case HttpReader::Step::expects_continue: queue(http::continue_response); break;
      case HttpReader::Step::request: answer_request(); break;
      case HttpReader::Step::upgrade: return open_websocket();
      case HttpReader::Step::refused: return refuse(reader_.refusal());
    }
  }
}

void HttpStage::on_end() {
  if (wants_bytes()) connection_.leave(false);
}

void HttpStage::answer_request() {
  shard().counters().http_requests.add();
  http::Head& head = reader_.head();
  state_ = State::handling;
  keep_alive_ = head.keep_alive;
  head_only_ = reader_.head_only();
  HttpHandler* const handler = shard().options().http;
  if (!handler) return respond(HttpResponse(404, "not found\n"));

  head.request.scheme = proxy_.secure() ? "https" : "http";
  shard().deadlines().enter(connection_, ShardDeadlines::Kind::handler);  // it has no deadline
  HttpRequest request(std::move(head.method), scope_of(head.request), reader_.take_body());
  if (handler_.begin(*handler, std::move(request))) on_handler_finished();
}

void HttpStage::on_handler_finished() { respond(handler_.take()); }

void HttpStage::respond(const HttpResponse& response) {
  proxy_.count_answer(response.status());
  keep_alive_ = keep_alive_ && !shard().stopping();
  const http::Answering answering{keep_alive_, head_only_, shard().date(), reader_.head().version};
  const auto bytes = http::response_bytes(response, answering);
  if (!bytes) {
    shard().failures().write(LogLevel::error, "response", [&] {
      return fmt::format("http: the handler's response can't be sent: {}", bytes.error().message());
    });
    return respond(HttpResponse(500, "internal error\n"));
  }
  queue(*bytes);
  ConnectionReports(connection_).answer_begun(response);
  const http::BodyEnd end = http::body_end(response, answering);
  if (!response.pieces() || end == http::BodyEnd::no_body) return on_body_end();
  state_ = State::streaming;
  stream_ = std::make_unique<ResponseStream>(connection_, response.pieces(),
                                             http::BodyFraming(end, response.length().value_or(0)),
                                             in_quotes(reader_.head().request.path));
  stream_->begin();
}

void HttpStage::on_body_end() {
  ConnectionReports(connection_).answered();
  if (!keep_alive_) return connection_.leave(true);
  state_ = State::responding;
  wait_for_client();
}

// To take the response, and to send the next request.
void HttpStage::wait_for_client() {
  BufferedSocket& socket = connection_.socket();
  patience_.reset();
  if (socket.waits_for_room()) patience_.emplace(socket.unacknowledged());
  shard().deadlines().enter(connection_, ShardDeadlines::Kind::handshake);
}

void HttpStage::on_progress() {
  if (!speaks_http()) return shard().deadlines().enter(connection_, ShardDeadlines::Kind::closing);
  if (state_ == State::responding || (state_ == State::streaming && !waits_for_body())) wait_for_client();
}

// The kernel may hold so much of a response that it takes a slow client longer than a deadline to read a third of it,
// and only then takes more.
bool HttpStage::client_takes_response() {
  if (state_ != State::responding && state_ != State::streaming) return false;
  return patience_ && patience_->takes_share(connection_.socket().unacknowledged());
}

void HttpStage::on_drained() {
  if (state_ == State::streaming) return stream_->on_drained();
  if (state_ != State::responding) return;  // that was 100 Continue
  state_ = State::reading;
  stream_.reset();
  waits_since_ = shard().executor().now();
  if (shard().stopping()) shard().shutdown().plan(connection_);
  connection_.resume_soon();
}

// --- ends

void HttpStage::on_deadline() {
  if (handler_.response_waits()) return on_handler_finished();
  if (waits_for_body()) return stream_->on_deadline();
  // The bytes that the driver has just read may have brought a request, with a deadline of its own.
  if (!wants_bytes() && connection_.due() > shard().executor().now()) return;
  if (opening()) return refuse({503, "the application did not answer the handshake in time", {}});
  if (awaits_proxy_header()) {
    proxy_.count_missing_header();
    report_missing_header();
    return connection_.end();
  }
  if (handling()) return connection_.lost();  // the client has ended its side, and waited long
  if (client_takes_response()) return shard().deadlines().enter(connection_, ShardDeadlines::Kind::handshake);
  if (is_streaming()) return connection_.end();
  if (!wants_bytes() || !reader_.begun()) {  // the client does not read our answer, or sends nothing
    return connection_.socket().stream().tls() ? connection_.leave(false) : connection_.end();
  }
  refuse({408, "the request did not arrive in time", {}});
}

// A client that waits and one that has vanished look the same: the application gets handshake_time for the next bytes.
void HttpStage::on_half_closed() {
  half_closed_ = true;
  shard().deadlines().enter(connection_, ShardDeadlines::Kind::handshake);
}

void HttpStage::shutdown() {
  if (!wants_bytes() || reader_.begun()) return;
  const auto idle_from = waits_since_ + request_on_its_way;
  if (shard().executor().now() < idle_from) return shard().shutdown().shut_down_at(connection_, idle_from);
  connection_.leave(true);
}

void HttpStage::on_lost() {
  if (opening()) connection_.websocket().finish(CloseReason(close_code::abnormal), CloseCause::vanished);
  handler_.keep_for_grace();
}

// The connection may be held by others for long, but its handler ends.
void HttpStage::drop_request() noexcept {
  handler_.drop();
  if (stream_) stream_->drop();
}

void HttpStage::refuse(const http::Refusal& refusal) {
  decline(http::refusal_response(refusal, shard().date(), reader_.head_only()), refusal.status);
}

void HttpStage::decline(std::string_view response, int status) {
  shard().counters().count_refusal(status);
  ConnectionReports(connection_).answered(status);
  queue(response);
  connection_.leave(true);
  if (opening()) connection_.websocket().finish(CloseReason(close_code::abnormal), CloseCause::by_gateway);
}

// --- the handshake of a WebSocket

Scope HttpStage::scope_of(const RequestInfo& request) const {
  Scope scope(request);
  const TlsSession* const tls = connection_.socket().stream().tls();
  if (!tls) return scope;
  if (auto shown = tls->client_certificate()) scope.put(std::move(*shown));
  return scope;
}

// The Connection of the gateway keeps the whole connection alive.
std::shared_ptr<Connection> HttpStage::connection() const noexcept {
  return {connection_.self(), &connection_.websocket()};
}

void HttpStage::open_websocket() {
  state_ = State::opening;
  shard().deadlines().enter(connection_, ShardDeadlines::Kind::handshake);
  RequestInfo info = std::move(reader_.head().request);
  ws::drop_handshake_headers(info);
  info.subprotocols = reader_.upgrade().subprotocols;
  info.scheme = proxy_.secure() ? "wss" : "ws";
  std::shared_ptr<ConnectionEvents> events;
  inside_open_ = true;
  const std::string thrown =
      thrown_by([&] { events = shard().gateway().open(scope_of(info), connection(), shard().executor()); });
  inside_open_ = false;
  connection_.websocket().attach(std::move(events));
  if (thrown.empty()) return;
  shard().failures().write(LogLevel::error, "gateway",
                           [&] { return fmt::format("handshake: the gateway threw: {}", thrown); });
  if (speaks_http()) return refuse({500, "internal error", {}});
  if (connection_.phase() != AsioConnection::Phase::open) return;
  connection_.websocket().fail(CloseReason(close_code::internal_error), CloseCause::by_gateway);
}

Result<std::optional<ws::DeflateParameters>> HttpStage::accept(const Acceptance& acceptance) {
  const ws::Upgrade& upgrade = reader_.upgrade();
  const auto compression = ws::agree_on_deflate(upgrade.extensions, shard().options().deflate);
  const auto response = ws::accept_response(upgrade, acceptance, compression ? compression->response : "");
  if (!response) {
    shard().failures().write(LogLevel::error, "accept",
                             [&] { return fmt::format("accept: {}", response.error().message()); });
    refuse({500, "internal error", {}});
    return response.error();
  }
  queue(*response);
  if (!compression) return std::optional<ws::DeflateParameters>();
  return std::optional(compression->parameters);
}

void HttpStage::deny(const Denial& denial) {
  proxy_.count_answer(denial.http_status());
  const auto response = http::denial_response(denial, shard().date());
  if (!response) {
    shard().failures().write(LogLevel::error, "deny",
                             [&] { return fmt::format("deny: {}", response.error().message()); });
    return refuse({500, "internal error", {}});
  }
  decline(*response, denial.http_status());
}

}  // namespace sluice::SLUICE_ABI::net

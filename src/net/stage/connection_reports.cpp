// SPDX-License-Identifier: MIT
#include "net/stage/connection_reports.hpp"

#include <exception>
#include <memory>
#include <utility>

#include "core/failure.hpp"

namespace sluice::SLUICE_ABI::net {
namespace {

// As the counters of ServerStats, without "closed_".
std::string_view name_of(CloseCause cause) noexcept {
  switch (cause) {
    case CloseCause::by_peer: return "by_peer";
    case CloseCause::by_gateway: return "by_gateway";
    case CloseCause::by_stop: return "by_stop";
    case CloseCause::vanished: return "vanished";
    case CloseCause::too_slow: return "too_slow";
    case CloseCause::too_big: return "too_big";
    case CloseCause::protocol_error: return "protocol_error";
    case CloseCause::invalid_payload: return "invalid_payload";
    case CloseCause::too_many_frames: return "too_many_frames";
    case CloseCause::too_fast: return "too_fast";
    case CloseCause::timed_out: return "timed_out";
    case CloseCause::idle: return "idle";
    case CloseCause::too_old: return "too_old";
    case CloseCause::shed: return "shed";
    case CloseCause::late_message: return "late_message";
    case CloseCause::shed_unused: return "shed_unused";
  }
  return "";
}

WebSocketEndedBy ended_by(CloseCause cause) noexcept {
  switch (cause) {
    case CloseCause::by_peer:
    case CloseCause::vanished: return WebSocketEndedBy::client;
    case CloseCause::by_gateway: return WebSocketEndedBy::gateway;
    case CloseCause::by_stop: return WebSocketEndedBy::stop;
    default: return WebSocketEndedBy::limit;
  }
}

}  // namespace

ConnectionRecord* ConnectionReports::record() const noexcept {
  ColdState* const cold = connection_.cold_if_any();
  return cold ? cold->record.get() : nullptr;
}

void ConnectionReports::add(std::uint64_t ConnectionRecord::*sum, std::size_t bytes) noexcept {
  if (ConnectionRecord* const record = this->record()) record->*sum += bytes;
}

template <class Call>
void ConnectionReports::each(const ConnectionRecord& record, Call call) noexcept {
  const ObservedSocket socket{record.id, record.client_address};
  connection_.shard().context().observers.each([&](ServerObserver& observer) { call(observer, socket); });
}

// Without memory for its record this connection is not observed.
void ConnectionReports::report_accepted(const IpEndpoint& peer) noexcept {
  try {
    auto made = std::make_unique<ConnectionRecord>();
    made->id = connection_.shard().context().next_socket_id();
    made->client_address = to_text(peer);
    connection_.cold().record = std::move(made);
  } catch (...) {
    return log_failure("a connection is not observed", std::current_exception());
  }
  if (!connection_.slot()) return report_refused(connection_.shard().context().refusal_without_slot());
  each(*record(), [](ServerObserver& observer, const ObservedSocket& socket) { observer.connection_accepted(socket); });
}

void ConnectionReports::report_refused(ConnectionRefusal cause) noexcept {
  const ConnectionRecord* const record = this->record();
  if (!record) return;
  each(*record,
       [cause](ServerObserver& observer, const ObservedSocket& socket) { observer.connection_refused(socket, cause); });
}

// --- requests

void ConnectionReports::note_request(std::string_view method, const RequestInfo& request) noexcept {
  ConnectionRecord* const record = this->record();
  if (!record) return;
  record->has_request = true;
  record->request_at = now();
  record->status = 0;
  record->route.clear();
  try {
    record->method = method;
    record->path = request.path;
    if (!request.client_address.empty()) record->client_address = request.client_address;
  } catch (...) {  // no memory for the names
  }
}

void ConnectionReports::note_answer(const HttpResponse& response) noexcept {
  ConnectionRecord* const record = this->record();
  if (!record) return;
  record->status = response.status();
  try {
    record->route = response.route();
  } catch (...) {  // as above
  }
}

void ConnectionReports::report_refusal(int status) noexcept {
  ConnectionRecord* const record = this->record();
  if (!record) return;
  if (!std::exchange(record->has_request, true)) {  // it was never whole
    record->method.clear();
    record->path.clear();
    record->request_at = now();
  }
  record->route.clear();
  record->status = status;
  report_answered(true);
}

void ConnectionReports::report_answered(bool complete) noexcept {
  ConnectionRecord* const record = this->record();
  if (!record || !std::exchange(record->has_request, false)) return;
  const HttpAnswer answer{record->method, record->path, record->route, record->status, now() - record->request_at,
                          complete};
  each(*record,
       [&answer](ServerObserver& observer, const ObservedSocket& socket) { observer.http_answered(socket, answer); });
}

// --- the WebSocket, and the end

void ConnectionReports::report_opened() noexcept {
  ConnectionRecord* const record = this->record();
  if (!record) return;
  record->has_request = false;
  record->is_websocket = true;
  record->opened_at = now();
  each(*record, [path = std::string_view(record->path)](ServerObserver& observer, const ObservedSocket& socket) {
    observer.websocket_opened(socket, path);
  });
}

void ConnectionReports::note_closed(const CloseReason& reason, CloseCause cause) noexcept {
  ConnectionRecord* const record = this->record();
  if (!record) return;
  record->closed_at = now();
  record->cause = cause;
  try {
    record->reason = reason;
  } catch (...) {
    record->reason = CloseReason(reason.code());
  }
}

void ConnectionReports::report_ended() noexcept {
  report_answered(false);
  ConnectionRecord* const record = this->record();
  if (!record || !std::exchange(record->is_websocket, false)) return;
  if (record->closed_at == ConnectionRecord::Time()) record->closed_at = now();
  const WebSocketEnd end{record->reason,         ended_by(record->cause),
                         name_of(record->cause), record->closed_at - record->opened_at,
                         record->bytes_in,       record->bytes_out};
  each(*record,
       [&end](ServerObserver& observer, const ObservedSocket& socket) { observer.websocket_closed(socket, end); });
}

}  // namespace sluice::SLUICE_ABI::net

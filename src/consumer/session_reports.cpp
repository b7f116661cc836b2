// SPDX-License-Identifier: MIT
#include "consumer/session_reports.hpp"

#include <utility>

#include "core/failure.hpp"

namespace sluice::SLUICE_ABI {
namespace {

// Copies the event's type: the event may be destroyed before its handler has ended.
HandlerCall call_of(const SessionRecord& record) noexcept {
  const bool is_event = record.kind == HandlerKind::event;
  return {record.kind, is_event ? std::string_view(record.event) : to_string(record.kind), record.waited};
}

}  // namespace

template <class Call>
void SessionReports::each(const SessionRecord& record, Call call) noexcept {
  const ObservedConnection connection{record.id, session_.hosted().scope()};
  host().observers.each([&](HostObserver& observer) { call(observer, connection); });
}

// Without memory for its record this connection is not observed.
void SessionReports::report_opened() noexcept {
  try {
    SessionRecord& record = session_.hosted().scope().put(SessionRecord());
    record.id = host().last_observed.fetch_add(1, std::memory_order_relaxed) + 1;
    record.opened = now();
    each(record, [](HostObserver& observer, const ObservedConnection& connection) { observer.opened(connection); });
  } catch (...) {
    log_failure("a connection is not observed", std::current_exception());
  }
}

void SessionReports::report_accepted() noexcept {
  const SessionRecord* const record = this->record();
  if (!record) return;
  const auto after = now() - record->opened;
  each(*record,
       [after](HostObserver& observer, const ObservedConnection& connection) { observer.accepted(connection, after); });
}

void SessionReports::report_denied(int status) noexcept {
  const SessionRecord* const record = this->record();
  if (!record) return;
  each(*record,
       [status](HostObserver& observer, const ObservedConnection& connection) { observer.denied(connection, status); });
}

void SessionReports::note_end(EndedBy by) noexcept {
  SessionRecord* const record = this->record();
  if (record && record->ended_by == EndedBy::transport) record->ended_by = by;
}

void SessionReports::note_closed(const CloseReason& reason) noexcept {
  SessionRecord* const record = this->record();
  if (!record) return;
  record->closed = now();
  try {
    record->reason = reason;
  } catch (...) {
    record->reason = CloseReason(reason.code());
  }
}

void SessionReports::report_finished() noexcept {
  SessionRecord* const record = this->record();
  if (!record) return;
  report_ended(true);
  if (record->closed == SessionRecord::Time()) {  // the host ends before the connection
    record->closed = now();
    if (record->ended_by == EndedBy::transport) record->ended_by = EndedBy::host;
  }
  const ConnectionEnd end{record->reason, record->ended_by, record->closed - record->opened};
  each(*record,
       [&end](HostObserver& observer, const ObservedConnection& connection) { observer.closed(connection, end); });
}

void SessionReports::report_begun(HandlerKind kind, SessionRecord::Time since) noexcept {
  SessionRecord* const record = this->record();
  if (!record) return;
  record->handler_begun = now();
  record->kind = kind;
  record->waited = since == SessionRecord::Time() ? std::chrono::nanoseconds(0) : record->handler_begun - since;
  record->error.clear();
  record->event.clear();
  if (kind == HandlerKind::event) {
    try {
      record->event = std::get<Event>(session_.queues().handler().running().mail).type();
    } catch (...) {  // no memory for the name
    }
  }
  record->handler_runs = true;
  each(*record, [call = call_of(*record)](HostObserver& observer, const ObservedConnection& connection) {
    observer.handler_begun(connection, call);
  });
}

void SessionReports::note_failure(const std::exception_ptr& error) noexcept {
  SessionRecord* const record = this->record();
  if (!record) return;
  try {
    record->error = text_of(error);
    if (record->error.empty()) record->error = "an exception without a text";
  } catch (...) {
    record->error = "no memory";  // fits into the string itself
  }
}

void SessionReports::report_ended(bool destroyed) noexcept {
  SessionRecord* const record = this->record();
  if (!record || !std::exchange(record->handler_runs, false)) return;
  const HandlerResult result{now() - record->handler_begun, record->error, destroyed};
  each(*record, [&, call = call_of(*record)](HostObserver& observer, const ObservedConnection& connection) {
    observer.handler_ended(connection, call, result);
  });
}

}  // namespace sluice::SLUICE_ABI

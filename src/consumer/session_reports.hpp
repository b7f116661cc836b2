// SPDX-License-Identifier: MIT
// The reports of a session to the observers of its host.
#pragma once

#include <exception>
#include <string>

#include "consumer/session.hpp"
#include "sluice/consumer/host_observer.hpp"

namespace sluice::SLUICE_ABI {

/// The record of one observed connection. It is in the connection's scope, so it costs nothing without observers. Its
/// executor only.
struct SessionRecord {
  using Time = Executor::Clock::time_point;

  std::uint64_t id = 0;
  Time opened{}, closed{}, handler_begun{};
  CloseReason reason{close_code::abnormal};
  EndedBy ended_by = EndedBy::transport;
  bool handler_runs = false;
  HandlerKind kind = HandlerKind::connect;
  std::chrono::nanoseconds waited{0};
  std::string event;  // its type
  std::string error;  // the handler's exception
};

/// Reports of one session. Without observers each is one test. Its executor only.
class SessionReports {
 public:
  explicit SessionReports(Session& session) noexcept : session_(session) {}

  void opened() noexcept {
    if (observed()) report_opened();
  }
  void accepted() noexcept {
    if (observed()) report_accepted();
  }
  void denied(int status) noexcept {
    if (observed()) report_denied(status);
  }
  /// This side ends the connection; the first call decides.
  void ended_by(EndedBy by) noexcept {
    if (observed()) note_end(by);
  }
  /// The connection is closed. finished() reports it.
  void closed(const CloseReason& reason) noexcept {
    if (observed()) note_closed(reason);
  }
  void finished() noexcept {
    if (observed()) report_finished();
  }
  /// `since`: the arrival of its mail; nullopt: now.
  void handler_begun(HandlerKind kind, SessionRecord::Time since) noexcept {
    if (observed()) report_begun(kind, since);
  }
  void handler_failed(const std::exception_ptr& error) noexcept {
    if (observed()) note_failure(error);
  }
  void handler_ended() noexcept {
    if (observed()) report_ended(false);
  }
  /// If one runs.
  void handler_destroyed() noexcept {
    if (observed()) report_ended(true);
  }

 private:
  HostState& host() const noexcept { return session_.queues().host(); }
  bool observed() const noexcept { return static_cast<bool>(host().observers); }
  SessionRecord* record() const noexcept { return session_.hosted().scope().find<SessionRecord>(); }
  SessionRecord::Time now() const { return session_.executor().now(); }
  template <class Call>
  void each(const SessionRecord& record, Call call) noexcept;

  void report_opened() noexcept;
  void report_accepted() noexcept;
  void report_denied(int status) noexcept;
  void note_end(EndedBy by) noexcept;
  void note_closed(const CloseReason& reason) noexcept;
  void report_finished() noexcept;
  void report_begun(HandlerKind kind, SessionRecord::Time since) noexcept;
  void note_failure(const std::exception_ptr& error) noexcept;
  void report_ended(bool destroyed) noexcept;

  Session& session_;
};

}  // namespace sluice::SLUICE_ABI

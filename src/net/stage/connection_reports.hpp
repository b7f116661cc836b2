// SPDX-License-Identifier: MIT
// What a connection reports to the observers of its server.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "net/proxy/addresses.hpp"
#include "net/shard/counters.hpp"
#include "net/stage/asio_connection.hpp"
#include "sluice/net/server_observer.hpp"
#include "sluice/transport/http.hpp"

namespace sluice::SLUICE_ABI::net {

/// One connection that is observed: what its reports need. Its executor only.
struct ConnectionRecord {
  using Time = std::chrono::steady_clock::time_point;

  std::uint64_t id = 0;
  std::string client_address;
  std::uint64_t bytes_in = 0, bytes_out = 0;

  // The request that is not answered yet.
  bool has_request = false;
  std::string method, path, route;
  int status = 0;  // 0: no answer has begun
  Time request_at{};

  // The WebSocket.
  bool is_websocket = false;
  Time opened_at{}, closed_at{};
  CloseReason reason{close_code::abnormal};
  CloseCause cause = CloseCause::vanished;
};

/// Reports of one connection. Each is a test and nothing else where the server has no observers. Its executor only.
class ConnectionReports {
 public:
  explicit ConnectionReports(AsioConnection& connection) noexcept : connection_(connection) {}

  /// A connection without a slot is reported as refused.
  void accepted(const IpEndpoint& peer) noexcept {
    if (observed()) report_accepted(peer);
  }
  void refused(ConnectionRefusal cause) noexcept {
    if (observed()) report_refused(cause);
  }
  void received(std::size_t bytes) noexcept {
    if (observed()) add(&ConnectionRecord::bytes_in, bytes);
  }
  void written(std::size_t bytes) noexcept {
    if (observed()) add(&ConnectionRecord::bytes_out, bytes);
  }
  /// A request is whole.
  void request_begun(std::string_view method, const RequestInfo& request) noexcept {
    if (observed()) note_request(method, request);
  }
  void answer_begun(const HttpResponse& response) noexcept {
    if (observed()) note_answer(response);
  }
  void answered() noexcept {
    if (observed()) report_answered(true);
  }
  /// The server's own answer.
  void answered(int status) noexcept {
    if (observed()) report_refusal(status);
  }
  void websocket_opened() noexcept {
    if (observed()) report_opened();
  }
  void websocket_closed(const CloseReason& reason, CloseCause cause) noexcept {
    if (observed()) note_closed(reason, cause);
  }
  /// The socket is closed.
  void ended() noexcept {
    if (observed()) report_ended();
  }

 private:
  bool observed() const noexcept { return connection_.shard().observed(); }
  ConnectionRecord* record() const noexcept;
  ConnectionRecord::Time now() const { return connection_.shard().executor().now(); }
  void add(std::uint64_t ConnectionRecord::*sum, std::size_t bytes) noexcept;
  template <class Call>
  void each(const ConnectionRecord& record, Call call) noexcept;

  void report_accepted(const IpEndpoint& peer) noexcept;
  void report_refused(ConnectionRefusal cause) noexcept;
  void note_request(std::string_view method, const RequestInfo& request) noexcept;
  void note_answer(const HttpResponse& response) noexcept;
  void report_answered(bool complete) noexcept;
  void report_refusal(int status) noexcept;
  void report_opened() noexcept;
  void note_closed(const CloseReason& reason, CloseCause cause) noexcept;
  void report_ended() noexcept;

  AsioConnection& connection_;
};

}  // namespace sluice::SLUICE_ABI::net

// SPDX-License-Identifier: MIT
// Observers that write spans in the shape of OpenTelemetry, one JSON object per line. With its SDK, SpanLog::write()
// would hand the span to an exporter instead.
#pragma once

#include <chrono>
#include <cstdio>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sluice/auth/web_socket_id.hpp"
#include "sluice/consumer/host_observer.hpp"
#include "sluice/json/writer.hpp"
#include "sluice/layer/layer_observer.hpp"
#include "sluice/net/server_observer.hpp"

/// Where a span belongs: 32 hex digits of its trace, 16 of its parent (none: it is the first).
struct SpanContext {
  std::string trace_id, parent_id;
};

inline std::string hex_digits(std::size_t count) {
  std::string digits = sluice::new_web_socket_id();  // a random UUID
  std::erase(digits, '-');
  return digits.substr(0, count);
}

/// The caller's trace, if it sent one (W3C Trace Context: 00-TRACE-PARENT-FLAGS), or a new one.
inline SpanContext context_of(const sluice::Scope& scope) {
  const std::string_view sent = scope.header("traceparent").value_or("");
  const bool fits = sent.size() == 55 && sent.starts_with("00-") && sent[35] == '-' && sent[52] == '-' &&
                    sent.substr(3, 49).find_first_not_of("0123456789abcdef-") == sent.npos;
  if (fits) return {std::string(sent.substr(3, 32)), std::string(sent.substr(36, 16))};
  return {hex_digits(32), {}};
}

using Attributes = std::vector<std::pair<std::string_view, std::string>>;

/// Writes spans to standard output. Any thread.
class SpanLog {
 public:
  /// A span that has just ended. `error`: empty, or why its work failed.
  void write(std::string_view name, const SpanContext& context, const std::string& span_id,
             std::chrono::nanoseconds duration, const Attributes& attributes, std::string_view error = {}) {
    const std::chrono::nanoseconds end = std::chrono::system_clock::now().time_since_epoch();
    sluice::json::Writer out;
    out.begin_object().key("traceId").value(context.trace_id).key("spanId").value(span_id);
    out.key("parentSpanId").value(context.parent_id).key("name").value(name);
    out.key("startTimeUnixNano").value(std::to_string((end - duration).count()));
    out.key("endTimeUnixNano").value(std::to_string(end.count()));
    out.key("attributes").begin_object();
    for (const auto& [key, value] : attributes) out.key(key).value(value);
    out.end_object();
    if (!error.empty()) out.key("error").value(error);
    out.end_object();
    const std::lock_guard lock(mutex_);
    std::printf("%s\n", std::string(out.take_text().view()).c_str());
    std::fflush(stdout);
  }

 private:
  std::mutex mutex_;
};

/// A span for each connection, and below it one for each call of a handler.
class ConsumerSpans final : public sluice::HostObserver {
 public:
  explicit ConsumerSpans(SpanLog& log) : log_(log) {}

  void opened(const sluice::ObservedConnection& connection) override {
    connection.scope.put(ConnectionSpan{context_of(connection.scope), hex_digits(16)});
  }
  void handler_ended(const sluice::ObservedConnection& connection, const sluice::HandlerCall& call,
                     const sluice::HandlerResult& result) override {
    const ConnectionSpan* const span = connection.scope.find<ConnectionSpan>();
    if (!span) return;  // opened() found no memory
    log_.write(call.name, {span->context.trace_id, span->id}, hex_digits(16), result.duration,
               {{"handler", std::string(to_string(call.kind))}, {"waited_ns", std::to_string(call.waited.count())}},
               result.error);
  }
  void closed(const sluice::ObservedConnection& connection, const sluice::ConnectionEnd& end) override {
    const ConnectionSpan* const span = connection.scope.find<ConnectionSpan>();
    if (!span) return;
    log_.write("connection", span->context, span->id, end.duration,
               {{"url.path", std::string(connection.scope.path())},
                {"client.address", std::string(connection.scope.client_address())},
                {"websocket.close_code", std::to_string(end.reason.code())},
                {"ended_by", std::string(to_string(end.by))}});
  }

 private:
  struct ConnectionSpan {
    SpanContext context;
    std::string id;
  };

  SpanLog& log_;
};

/// A span for each HTTP request.
class RequestSpans final : public sluice::ServerObserver {
 public:
  explicit RequestSpans(SpanLog& log) : log_(log) {}

  void http_answered(const sluice::ObservedSocket& socket, const sluice::HttpAnswer& answer) override {
    const std::string name = std::string(answer.method) + ' ' + std::string(answer.route);
    log_.write(name, {hex_digits(32), {}}, hex_digits(16), answer.duration,
               {{"url.path", std::string(answer.path)},
                {"client.address", std::string(socket.client_address)},
                {"http.response.status_code", std::to_string(answer.status)}},
               answer.status >= 500 ? "the server failed" : "");
  }

 private:
  SpanLog& log_;
};

/// A span for each delivery of an event, from its publishing on.
class EventSpans final : public sluice::LayerObserver {
 public:
  explicit EventSpans(SpanLog& log) : log_(log) {}

  void delivered(const sluice::DeliveredEvents& events) override {
    log_.write("deliver", {hex_digits(32), {}}, hex_digits(16), events.duration,
               {{"messaging.destination.name", std::string(events.to)},
                {"type", std::string(events.type)},
                {"deliveries", std::to_string(events.deliveries)}});
  }

 private:
  SpanLog& log_;
};

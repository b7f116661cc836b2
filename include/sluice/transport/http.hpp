// SPDX-License-Identifier: MIT
// A plain HTTP request and its answer, for what a WebSocket server has to answer beside its sockets.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sluice/transport/scope.hpp"

namespace sluice {

/// One request with its whole body. A value.
class HttpRequest {
 public:
  HttpRequest() = default;
  HttpRequest(std::string method, RequestInfo info, std::string body)
      : HttpRequest(std::move(method), Scope(std::move(info)), std::move(body)) {}
  HttpRequest(std::string method, Scope scope, std::string body)
      : method_(std::move(method)), scope_(std::move(scope)), body_(std::move(body)) {}

  /// "GET", as it came.
  const std::string& method() const noexcept { return method_; }
  std::string_view path() const noexcept { return scope_.path(); }
  const std::string& body() const noexcept { return body_; }
  std::optional<std::string_view> header(std::string_view name) const noexcept { return scope_.header(name); }
  /// The rest, as a connection has it: query_value, cookie, addresses.
  const Scope& scope() const noexcept { return scope_; }

 private:
  std::string method_;
  Scope scope_;
  std::string body_;
};

/// The answer. Content-Length and Connection are the server's business. A value.
class HttpResponse {
 public:
  explicit HttpResponse(int status = 200, std::string body = {}, std::string content_type = "text/plain; charset=utf-8")
      : status_(status), body_(std::move(body)), content_type_(std::move(content_type)) {}
  static HttpResponse json(std::string body, int status = 200) {
    return HttpResponse(status, std::move(body), "application/json");
  }
  static HttpResponse html(std::string body) { return HttpResponse(200, std::move(body), "text/html; charset=utf-8"); }

  HttpResponse& add_header(std::string name, std::string value) {
    headers_.emplace_back(std::move(name), std::move(value));
    return *this;
  }

  int status() const noexcept { return status_; }
  const std::string& body() const noexcept { return body_; }
  const std::string& content_type() const noexcept { return content_type_; }
  const std::vector<std::pair<std::string, std::string>>& headers() const noexcept { return headers_; }

 private:
  int status_;
  std::string body_;
  std::string content_type_;
  std::vector<std::pair<std::string, std::string>> headers_;
};

}  // namespace sluice

// SPDX-License-Identifier: MIT
// A plain HTTP request and its response, for what a WebSocket server answers beside its sockets.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sluice/abi.hpp"
#include "sluice/core/task.hpp"
#include "sluice/transport/scope.hpp"

namespace sluice::SLUICE_ABI {

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

/// The body of a response that is produced in pieces, such as a download that is read from a database while it is sent.
///
///     class Rows final : public sluice::HttpBody {
///      public:
///       sluice::Task<std::optional<std::string>> next() override {
///         auto read = pool_.run([&database = database_, from = std::exchange(from_, from_ + 500)] {
///           return database.csv(from, 500);  // of rows `from` to `from` + 499; nullopt behind the last
///         });
///         co_return co_await read;
///       }
///     ...
///     return HttpResponse::stream("text/csv", std::make_shared<Rows>(database, pool));
///
/// The request is destroyed before the first call: copy what you need of it. When the client disconnects, the server
/// destroys the body, also while a next() is suspended. Work that runs on another thread must therefore not refer to
/// the body. Its executor only.
class SLUICE_API HttpBody {
 public:
  virtual ~HttpBody() = default;
  /// The next piece; nullopt: the body has ended. It is called once the client has taken nearly all earlier bytes, and
  /// once the last call has finished. A few dozen kilobytes are a good size. An exception ends the connection, so that
  /// the client sees that the body is not whole, and is logged.
  virtual Task<std::optional<std::string>> next() = 0;
};

/// The response. The server writes Content-Length, Transfer-Encoding and Connection itself. A value; copies share the
/// body that comes in pieces, and only one of them can be sent.
class SLUICE_API HttpResponse {
 public:
  explicit HttpResponse(int status = 200, std::string body = {}, std::string content_type = "text/plain; charset=utf-8")
      : status_(status), body_(std::move(body)), content_type_(std::move(content_type)) {}
  static HttpResponse json(std::string body, int status = 200) {
    return HttpResponse(status, std::move(body), "application/json");
  }
  static HttpResponse html(std::string body) { return HttpResponse(200, std::move(body), "text/html; charset=utf-8"); }
  /// A response whose body is sent piece by piece; the server holds about one piece in memory. `length` is the sum of
  /// the pieces' sizes, if it is known; a body that does not have this size ends the connection. In response to HEAD,
  /// next() is not called.
  static HttpResponse stream(std::string content_type, std::shared_ptr<HttpBody> pieces,
                             std::optional<std::uint64_t> length = {}, int status = 200) {
    HttpResponse response(status, {}, std::move(content_type));
    response.pieces_ = std::move(pieces);
    response.length_ = length;
    return response;
  }

  HttpResponse& add_header(std::string name, std::string value) {
    headers_.emplace_back(std::move(name), std::move(value));
    return *this;
  }

  /// The pattern of the request's path, such as `/api/tables/{id}`: for observers, which need few names. It is not
  /// sent.
  HttpResponse& set_route(std::string pattern) {
    route_ = std::move(pattern);
    return *this;
  }

  int status() const noexcept { return status_; }
  const std::string& route() const noexcept { return route_; }
  /// Empty where the body comes in pieces.
  const std::string& body() const noexcept { return body_; }
  /// Null where the body is whole.
  const std::shared_ptr<HttpBody>& pieces() const noexcept { return pieces_; }
  /// The body's length in bytes; nullopt if it is not known.
  std::optional<std::uint64_t> length() const noexcept { return pieces_ ? length_ : body_.size(); }
  const std::string& content_type() const noexcept { return content_type_; }
  const std::vector<std::pair<std::string, std::string>>& headers() const noexcept { return headers_; }

 private:
  int status_;
  std::string body_;
  std::string content_type_;
  std::vector<std::pair<std::string, std::string>> headers_;
  std::string route_;
  std::shared_ptr<HttpBody> pieces_;
  std::optional<std::uint64_t> length_;
};

}  // namespace sluice::SLUICE_ABI

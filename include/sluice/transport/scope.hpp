// SPDX-License-Identifier: MIT
// What is known of a connection: its request, its two ends, and what middleware and routes found out. Channels' scope.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "sluice/transport/user.hpp"

namespace sluice {

/// One piece of the path that a route captured, converted as the route says: `<int:year>` gives a number.
using CapturedValue = std::variant<std::string, std::int64_t>;

/// What the routes took from the path (Channels: scope["url_route"]). A value.
struct UrlRoute {
  std::vector<CapturedValue> args;                            // positional, outer routes first
  std::vector<std::pair<std::string, CapturedValue>> kwargs;  // named; an inner route overrides an outer one

  const CapturedValue* find(std::string_view name) const noexcept;
};

/// The request of one connection as a transport hands it over. Headers keep their order and repetitions; their names
/// are lower case. A value.
struct RequestInfo {
  std::string path;          // percent-decoded, valid UTF-8
  std::string raw_path;      // as it came
  std::string query_string;  // after the '?', as it came; valid UTF-8
  std::vector<std::pair<std::string, std::string>> headers;
  std::vector<std::string> subprotocols;  // offered by the client, in its order
  std::string client_address;             // "127.0.0.1:51234"
  std::string server_address;
  std::string scheme = "ws";  // or "wss"
};

/// A connection's scope. It belongs to one connection and is never shared. Its executor only.
class Scope {
 public:
  Scope() = default;
  explicit Scope(RequestInfo request) : request_(std::move(request)) {}
  Scope(Scope&&) noexcept = default;
  Scope& operator=(Scope&&) noexcept = default;

  // --- the request
  std::string_view path() const noexcept { return request_.path; }
  std::string_view raw_path() const noexcept { return request_.raw_path; }
  std::string_view query_string() const noexcept { return request_.query_string; }
  std::string_view scheme() const noexcept { return request_.scheme; }
  std::string_view client_address() const noexcept { return request_.client_address; }
  std::string_view server_address() const noexcept { return request_.server_address; }
  const std::vector<std::pair<std::string, std::string>>& headers() const noexcept { return request_.headers; }
  const std::vector<std::string>& subprotocols() const noexcept { return request_.subprotocols; }

  /// The first header of this name, in any case.
  std::optional<std::string_view> header(std::string_view name) const noexcept;
  /// The last header of this name, in any case.
  std::optional<std::string_view> last_header(std::string_view name) const noexcept;
  /// The first non-empty value of a query parameter, decoded (%xx and +; pairs are separated by & only); nothing when
  /// the parameter is absent or blank (behaviour MW-3, MW-5). What %xx stands for may be any bytes.
  std::optional<std::string> query_value(std::string_view name) const;
  /// The value of a cookie in the first Cookie header (behaviour MW-17).
  std::optional<std::string_view> cookie(std::string_view name) const noexcept;

  // --- what routes and middleware found out
  /// The path that is left for an inner router, or all of it.
  std::string_view path_remaining() const noexcept {
    return path_remaining_ ? std::string_view(*path_remaining_) : path();
  }
  void set_path_remaining(std::string rest) { path_remaining_ = std::move(rest); }
  void clear_path_remaining() noexcept { path_remaining_.reset(); }
  bool has_path_remaining() const noexcept { return path_remaining_.has_value(); }
  const UrlRoute& url_route() const noexcept { return url_route_; }
  UrlRoute& url_route() noexcept { return url_route_; }
  /// A named capture as text or as a number, if there is one of that kind.
  std::optional<std::string_view> captured_text(std::string_view name) const noexcept;
  std::optional<std::int64_t> captured_int(std::string_view name) const noexcept;

  /// The user, or null while nobody is authenticated. An anonymous user that was let in is not null.
  const User* user() const noexcept { return user_ ? &*user_ : nullptr; }
  void set_user(std::optional<User> user) { user_ = std::move(user); }
  /// This connection's public id (a UUID), that a back end names to leave the author out; empty before authentication.
  std::string_view web_socket_id() const noexcept { return web_socket_id_; }
  void set_web_socket_id(std::string id) { web_socket_id_ = std::move(id); }

  /// Anything else that middleware finds out: one object per type.
  template <class T>
  T& put(T value) {
    auto made = std::make_shared<T>(std::move(value));
    T& reference = *made;
    for (Extra& extra : extras_) {
      if (extra.key == &key_of<T>) {
        extra.value = std::move(made);
        return reference;
      }
    }
    extras_.push_back({&key_of<T>, std::move(made)});
    return reference;
  }
  template <class T>
  T* find() noexcept {
    for (Extra& extra : extras_) {
      if (extra.key == &key_of<T>) return static_cast<T*>(extra.value.get());
    }
    return nullptr;
  }
  template <class T>
  const T* find() const noexcept {
    return const_cast<Scope*>(this)->find<T>();
  }

 private:
  struct Extra {
    const void* key;
    std::shared_ptr<void> value;
  };
  template <class T>
  static constexpr char key_of = 0;

  RequestInfo request_;
  std::optional<std::string> path_remaining_;
  UrlRoute url_route_;
  std::optional<User> user_;
  std::string web_socket_id_;
  std::vector<Extra> extras_;
};

}  // namespace sluice

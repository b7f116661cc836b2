// SPDX-License-Identifier: MIT
// What is known of a connection: its request, both addresses, and what middleware and routes added. The scope of
// Channels.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <typeinfo>
#include <utility>
#include <variant>
#include <vector>

#include "sluice/abi.hpp"
#include "sluice/transport/packed_texts.hpp"
#include "sluice/transport/user.hpp"

namespace sluice::SLUICE_ABI {

/// One piece of the path that a route captured, converted as the route says: `<int:year>` gives a number.
using CapturedValue = std::variant<std::string, std::int64_t>;

/// The captures of the routes (Channels: scope["url_route"]). A value.
struct SLUICE_API UrlRoute {
  std::vector<CapturedValue> args;                            // positional, outer routes first
  std::vector<std::pair<std::string, CapturedValue>> kwargs;  // named; an inner route overrides an outer one

  const CapturedValue* find(std::string_view name) const noexcept;
};

/// The request of one connection, made by a transport. Headers keep their order and repetitions; their names are lower
/// case. A value.
struct RequestInfo {
  std::string path;          // percent-decoded, valid UTF-8
  std::string raw_path;      // as it came; empty: as path
  std::string query_string;  // after the '?', as it came; valid UTF-8
  std::vector<std::pair<std::string, std::string>> headers;
  std::vector<std::string> subprotocols;  // offered by the client, in its order
  std::string client_address;             // "127.0.0.1:51234"
  std::string server_address;
  std::string scheme = "ws";  // or "wss"
};

/// A request's headers in their order, each a name in lower case and a value: `for (auto [name, value] : headers)`.
/// It lives as long as its scope. One thread at a time.
class Headers {
 public:
  struct Header {
    std::string_view name;
    std::string_view value;
    friend bool operator==(const Header&, const Header&) = default;
  };
  class Iterator {
   public:
    Iterator(const PackedTexts& texts, std::size_t at) noexcept : texts_(&texts), at_(at) {}
    Header operator*() const noexcept { return {(*texts_)[at_], (*texts_)[at_ + 1]}; }
    Iterator& operator++() noexcept {
      at_ += 2;
      return *this;
    }
    friend bool operator==(const Iterator&, const Iterator&) = default;

   private:
    const PackedTexts* texts_;
    std::size_t at_;
  };

  Headers(const PackedTexts& texts, std::size_t first) noexcept : texts_(texts), first_(first) {}
  std::size_t size() const noexcept { return (texts_.size() - first_) / 2; }
  bool empty() const noexcept { return size() == 0; }
  Header operator[](std::size_t index) const noexcept {
    return {texts_[first_ + 2 * index], texts_[first_ + 2 * index + 1]};
  }
  Iterator begin() const noexcept { return {texts_, first_}; }
  Iterator end() const noexcept { return {texts_, texts_.size()}; }

 private:
  const PackedTexts& texts_;
  std::size_t first_;
};

/// A connection's scope. It belongs to one connection and is never shared. It exists as long as the connection, so the
/// request is packed into one allocation. Its executor only.
class SLUICE_API Scope {
 public:
  Scope() : Scope(RequestInfo()) {}
  explicit Scope(const RequestInfo& request);
  Scope(Scope&&) noexcept = default;
  Scope& operator=(Scope&&) noexcept = default;

  // --- the request
  std::string_view path() const noexcept { return request_[path_at]; }
  std::string_view raw_path() const noexcept {
    const std::string_view raw = request_[raw_path_at];
    return raw.empty() ? path() : raw;
  }
  /// raw_path() as log lines show it: in quotes, escaped, and cut after 200 bytes.
  std::string quoted_path() const;
  std::string_view query_string() const noexcept { return request_[query_at]; }
  std::string_view scheme() const noexcept { return request_[scheme_at]; }
  std::string_view client_address() const noexcept { return request_[client_at]; }
  std::string_view server_address() const noexcept { return request_[server_at]; }
  /// Without the headers of the WebSocket handshake (Connection, Upgrade, Sec-WebSocket-*).
  Headers headers() const noexcept { return {request_, fixed_texts + subprotocols_}; }
  /// The client's offers, in its order. The views are valid as long as the scope keeps its headers.
  std::vector<std::string_view> subprotocols() const;
  bool offers_subprotocol(std::string_view name) const noexcept;
  /// Releases the headers: an idle connection then uses a few hundred bytes less.
  void forget_headers();

  /// The first header of this name, in any case.
  std::optional<std::string_view> header(std::string_view name) const noexcept;
  /// The last header of this name, in any case.
  std::optional<std::string_view> last_header(std::string_view name) const noexcept;
  /// The first non-empty value of a query parameter, decoded (%xx and +; pairs are separated by & only); nothing when
  /// the parameter is absent or blank (behaviour MW-3, MW-5). What %xx stands for may be any bytes.
  std::optional<std::string> query_value(std::string_view name) const;
  /// The value of a cookie in the first Cookie header (behaviour MW-17).
  std::optional<std::string_view> cookie(std::string_view name) const noexcept;

  // --- what routes and middleware added
  /// The path that is left for an inner router: all of it, less the beginning that outer routes took.
  std::string_view path_remaining() const noexcept { return path().substr(path_taken_); }
  std::size_t path_taken() const noexcept { return path_taken_; }
  void set_path_taken(std::size_t bytes) noexcept {
    path_taken_ = static_cast<std::uint32_t>(std::min(bytes, path().size()));
  }
  const UrlRoute& url_route() const noexcept;
  void set_url_route(UrlRoute route);
  /// A named capture as text or as a number, if there is one of that kind.
  std::optional<std::string_view> captured_text(std::string_view name) const noexcept;
  std::optional<std::int64_t> captured_int(std::string_view name) const noexcept;

  /// The user, or null before authentication. An anonymous user that was accepted is not null.
  const User* user() const noexcept { return found_ && found_->user ? &*found_->user : nullptr; }
  void set_user(std::optional<User> user) {
    if (user || found_) found().user = std::move(user);
  }
  /// This connection's public id (a UUID), which a back end names to exclude the author; empty before authentication.
  std::string_view web_socket_id() const noexcept {
    return found_ ? std::string_view(found_->web_socket_id) : std::string_view();
  }
  void set_web_socket_id(std::string id) { found().web_socket_id = std::move(id); }

  /// Anything else that middleware adds: one object per type.
  template <class T>
  T& put(T value) {
    auto made = std::make_shared<T>(std::move(value));
    T& reference = *made;
    for (Extra& extra : found().extras) {
      if (*extra.type == typeid(T)) {
        extra.value = std::move(made);
        return reference;
      }
    }
    found().extras.push_back({&typeid(T), std::move(made)});
    return reference;
  }
  template <class T>
  T* find() noexcept {
    if (!found_) return nullptr;
    for (Extra& extra : found_->extras) {
      if (*extra.type == typeid(T)) return static_cast<T*>(extra.value.get());
    }
    return nullptr;
  }
  template <class T>
  const T* find() const noexcept {
    return const_cast<Scope*>(this)->find<T>();
  }

 private:
  struct Extra {
    const std::type_info*
        type;  // not the address of a variable: a program and its shared libraries would have one each
    std::shared_ptr<void> value;
  };
  // Takes no memory while it is empty.
  struct Found {
    UrlRoute url_route;
    std::optional<User> user;
    std::string web_socket_id;
    std::vector<Extra> extras;
  };
  Found& found() {
    if (!found_) found_ = std::make_unique<Found>();
    return *found_;
  }

  enum : std::size_t { path_at, raw_path_at, query_at, scheme_at, client_at, server_at, fixed_texts };

  PackedTexts request_;  // the fixed texts, the subprotocols, then the headers' names and values
  std::uint32_t subprotocols_ = 0;
  std::uint32_t path_taken_ = 0;
  std::unique_ptr<Found> found_;  // null: nothing was added
};

}  // namespace sluice::SLUICE_ABI

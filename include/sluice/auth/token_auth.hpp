// SPDX-License-Identifier: MIT
// A middleware that reads a token from the handshake and puts its user into the scope.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "sluice/abi.hpp"
#include "sluice/auth/jwt_verifier.hpp"
#include "sluice/auth/user_resolver.hpp"
#include "sluice/consumer/middleware.hpp"
#include "sluice/core/log_throttle.hpp"
#include "sluice/core/result.hpp"
#include "sluice/observe/metric.hpp"
#include "sluice/transport/limits.hpp"
#include "sluice/transport/scope.hpp"

namespace sluice::SLUICE_ABI {

/// Where a token is read from, and what happens to a connection without one. The places are read in this order, and the
/// first that is not empty decides. A value.
struct TokenAuthOptions {
  std::string query_parameter = "jwt_token";  // its first value that is not blank is used; empty: not read
  bool authorization_header = true;           // `Authorization: JWT <token>` or `Bearer <token>`; two of them are none
  /// A name that the client offers as a subprotocol, with the token as the offer behind it: "jwt" for `new
  /// WebSocket(url, ["jwt", token])`. The consumer must accept the connection with this name, otherwise a browser
  /// closes it: TokenAuth puts the name into the scope as ChosenSubprotocol, and CoreConsumer accepts with it. Empty:
  /// not read.
  std::string subprotocol = {};
  /// A cookie's name. A browser sends cookies for any page, so put an OriginCheck in front. Empty: not read.
  std::string cookie = {};
  /// The token `anonymous` stands for an anonymous user (behaviour MW-8). Such a visitor of a CoreConsumer receives
  /// broadcast_to_all_users like all others (CC-23): send members' data to named users or to a page.
  bool allow_anonymous = true;
  /// Use the id that a client proposes as `web_socket_id` in its query, if it is a UUID of version 4 in lower case and
  /// no open connection of another user of this process has it: for clients whose HTTP requests name an id of their
  /// own. Two connections of one user may then have the same id, and a broadcast that names it excludes both.
  bool client_web_socket_ids = false;
  /// False: connections without a user reach the consumer, which notifies them (as CoreConsumer does, behaviour CC-1).
  /// True: their handshake is answered with 401.
  bool refuse_unauthenticated = false;
  /// The rate of clients with bad tokens that reach the consumer, of all addresses together. Above it they are answered
  /// with 401, which counts against their address. per_second 0: no bound.
  Rate told_in_band = {.per_second = 20, .burst = 200};
};

/// When the connection's token expires: in the scope of every connection whose token has an `exp` and a user. A token
/// is checked once, at the handshake. Its connection outlives it, unless the consumer does otherwise (behaviour MW-11):
///
///     if (const auto* expiry = scope().find<TokenExpiry>()) hear_later(expiry->left, Event::named("token_expired"));
///
/// A value.
struct TokenExpiry {
  TokenTime at;
  std::chrono::milliseconds left;  // from the handshake on, by the verifier's clock; from none to a hundred years
};

/// The outcome for a request's token. A value.
struct Authentication {
  bool presented = false;    // there was a token, good or bad
  std::optional<User> user;  // anonymous users are users
  std::optional<TokenTime> expires_at;
};

/// What a TokenAuth decided since it was made, handshakes and plain requests together. A value.
struct SLUICE_API AuthStats {
  std::uint64_t accepted = 0;   // a good token of a user
  std::uint64_t anonymous = 0;  // the token `anonymous`, where it is allowed
  std::uint64_t missing = 0;    // no token
  std::uint64_t bad_token = 0;  // a token that does not verify
  std::uint64_t no_user = 0;    // a good token without a user

  static constexpr std::string_view metric_prefix = "sluice_auth";
  /// The metrics of these numbers. Any thread.
  static std::span<const observe::Metric<AuthStats>> metrics() noexcept;
};

class ClaimedIds;
class Allowance;

/// Sets the scope's user and web_socket_id (behaviour MW-2 to MW-8): no token gives neither, a bad token an id, a good
/// one both. The reason of a bad token is logged, and not sent to the client. Any thread.
class SLUICE_API TokenAuth final : public Middleware {
 public:
  TokenAuth(std::shared_ptr<const JwtVerifier> verifier, std::shared_ptr<UserResolver> resolver,
            TokenAuthOptions options = {});
  ~TokenAuth() override;

  /// Refuses with 400 when the query string is not UTF-8 (MW-6), and with 401 if the options say so.
  Task<Verdict> handle(Scope& scope) override;

  /// The same for a plain HTTP request: `authenticate(request.scope())`. ErrorCode::parse_failed when the query string
  /// is not UTF-8; a failing resolver's exception is passed on.
  Task<Result<Authentication>> authenticate(const Scope& scope) const;

  AuthStats stats() const noexcept;

 private:
  Result<std::optional<std::string>> find_token(const Scope& scope) const;
  Task<Authentication> check(std::string token, std::string client) const;
  Task<Verdict> admit(Scope& scope, std::string token) const;
  Verdict verdict(const Scope& scope) const;
  void take_over_id(Scope& scope) const;

  enum class Outcome : std::uint8_t { accepted, anonymous, missing, bad_token, no_user };
  void count(Outcome outcome) const noexcept {
    outcomes_[static_cast<std::size_t>(outcome)].fetch_add(1, std::memory_order_relaxed);
  }

  std::shared_ptr<const JwtVerifier> verifier_;
  std::shared_ptr<UserResolver> resolver_;
  TokenAuthOptions options_;
  std::shared_ptr<ClaimedIds> claimed_;  // null: clients propose none
  std::unique_ptr<Allowance> told_in_band_;
  mutable std::array<std::atomic<std::uint64_t>, 5> outcomes_{};
  mutable LogThrottle refusals_;
};

}  // namespace sluice::SLUICE_ABI

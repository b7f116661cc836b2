// SPDX-License-Identifier: MIT
// Who is connecting? The middleware that finds a token in the handshake and puts its user into the scope.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "sluice/auth/jwt_verifier.hpp"
#include "sluice/auth/user_resolver.hpp"
#include "sluice/consumer/middleware.hpp"
#include "sluice/core/result.hpp"
#include "sluice/transport/scope.hpp"

namespace sluice {

/// Where a token may stand, and what becomes of a connection without one. The places are looked at in this order, and
/// the first that holds something decides. A value.
struct TokenAuthOptions {
  std::string query_parameter = "jwt_token";  // its first value that is not blank counts; empty: not looked at
  bool authorization_header = true;           // `Authorization: JWT <token>` or `Bearer <token>`
  /// A name that the client offers as a subprotocol, with the token as the offer behind it: "jwt" for
  /// `new WebSocket(url, ["jwt", token])`. The consumer must accept the connection with this name, or a browser gives
  /// up. Empty: not looked at.
  std::string subprotocol = {};
  /// A cookie's name. A browser sends cookies for any page, so put an OriginCheck in front. Empty: not looked at.
  std::string cookie = {};
  bool allow_anonymous = true;  // the token `anonymous` stands for an anonymous user (behaviour MW-8)
  /// False: connections without a user are let through, and the consumer tells them (as CoreConsumer does, behaviour
  /// CC-1). True: their handshake is answered with 401.
  bool refuse_unauthenticated = false;
};

/// When the connection's token expires: in the scope of every connection whose token has an `exp` and a user. A token
/// is checked once, at the handshake, and outlived by its connection unless the consumer wants otherwise: it then sends
/// itself an event, which finds it or, once it is gone, nobody (behaviour MW-11).
///
///     if (const auto* expiry = scope().find<TokenExpiry>()) {
///       Executor::current()->post_after(expiry->left, [&layer = layer(), me = channel_name()] {
///         if (auto sent = layer.send(me, Event::named("token_expired")); !sent) log(LogLevel::warning, ...);
///       });
///     }
///
/// A value.
struct TokenExpiry {
  TokenTime at;
  std::chrono::milliseconds left;  // from the handshake on, by the verifier's clock; not negative, a century at most
};

/// What became of a request's token. A value.
struct Authentication {
  bool presented = false;    // there was a token, good or bad
  std::optional<User> user;  // anonymous users are users
  std::optional<TokenTime> expires_at;
};

/// Sets the scope's user and web_socket_id (behaviour MW-2 to MW-8): no token gives neither, a bad token an id, a good
/// one both. Why a token is bad is logged, and not told to the client. Any thread.
class TokenAuth final : public Middleware {
 public:
  TokenAuth(std::shared_ptr<const JwtVerifier> verifier, std::shared_ptr<UserResolver> resolver,
            TokenAuthOptions options = {});

  /// Refuses with 400 when the query string is not UTF-8 (MW-6), and with 401 if the options say so.
  Task<Verdict> handle(Scope& scope) override;

  /// The same for a plain HTTP request: `authenticate(request.scope())`. ErrorCode::parse_failed when the query string
  /// is not UTF-8; a failing resolver's exception is passed on.
  Task<Result<Authentication>> authenticate(const Scope& scope) const;

 private:
  Result<std::optional<std::string>> find_token(const Scope& scope) const;
  Task<Authentication> check(std::string token, std::string client) const;
  Task<Verdict> admit(Scope& scope, std::string token) const;
  Verdict verdict(const Scope& scope) const;

  std::shared_ptr<const JwtVerifier> verifier_;
  std::shared_ptr<UserResolver> resolver_;
  TokenAuthOptions options_;
};

}  // namespace sluice

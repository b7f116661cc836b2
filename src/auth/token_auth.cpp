// SPDX-License-Identifier: MIT
#include "sluice/auth/token_auth.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <stdexcept>
#include <utility>

#include "auth/allowance.hpp"
#include "auth/claimed_ids.hpp"
#include "core/ascii.hpp"
#include "sluice/auth/web_socket_id.hpp"
#include "sluice/json/utf8.hpp"

namespace sluice::SLUICE_ABI {
namespace {

constexpr std::string_view anonymous_token = "anonymous";
constexpr std::chrono::hours longest_left{100 * 365 * 24};  // a timer counts in nanoseconds, which end after 292 years

// `JWT <token>` or `Bearer <token>`: the scheme in any case, then spaces (RFC 9110 section 11.4).
std::string_view token_of_authorization(std::string_view header) noexcept {
  for (const std::string_view scheme : {"jwt", "bearer"}) {
    const std::size_t size = scheme.size();
    if (header.size() <= size || header[size] != ' ') continue;
    if (!equals_ignoring_case(header.substr(0, size), scheme)) continue;
    const std::size_t begin = std::min(header.find_first_not_of(' ', size), header.size());
    const std::size_t end = header.find_last_not_of(' ') + 1;
    return begin < end ? header.substr(begin, end - begin) : std::string_view();
  }
  return {};
}

// Several lines of one header are one value (RFC 9110 section 5.3). Two tokens count as none: a proxy may have checked
// the other one.
std::string all_of(const Scope& scope, std::string_view name) {
  std::string all;
  for (const auto [key, value] : scope.headers()) {
    if (!equals_ignoring_case(key, name)) continue;
    if (!all.empty()) all += ", ";
    all += value;
  }
  return all;
}

// The offer behind this name.
std::string_view token_of_subprotocols(const Scope& scope, std::string_view name) {
  const auto offers = scope.subprotocols();
  const auto found = std::ranges::find(offers, name);
  return found == offers.end() || found + 1 == offers.end() ? std::string_view() : *(found + 1);
}

Verdict unauthorized() { return Verdict::refuse(Denial(401, {}, {{"WWW-Authenticate", "Bearer"}})); }

}  // namespace

TokenAuth::TokenAuth(std::shared_ptr<const JwtVerifier> verifier, std::shared_ptr<UserResolver> resolver,
                     TokenAuthOptions options)
    : verifier_(std::move(verifier)), resolver_(std::move(resolver)), options_(std::move(options)) {
  if (!verifier_ || !resolver_) throw std::invalid_argument("TokenAuth needs a verifier and a resolver");
  if (options_.query_parameter.empty() && !options_.authorization_header && options_.subprotocol.empty() &&
      options_.cookie.empty()) {
    throw std::invalid_argument("TokenAuth: every source of tokens is switched off");
  }
  if (options_.told_in_band.per_second > 0) told_in_band_ = std::make_unique<Allowance>(options_.told_in_band);
  if (options_.client_web_socket_ids) claimed_ = std::make_shared<ClaimedIds>();
}

TokenAuth::~TokenAuth() = default;

AuthStats TokenAuth::stats() const noexcept {
  const auto read = [this](Outcome outcome) {
    return outcomes_[static_cast<std::size_t>(outcome)].load(std::memory_order_relaxed);
  };
  return {.accepted = read(Outcome::accepted),
          .anonymous = read(Outcome::anonymous),
          .missing = read(Outcome::missing),
          .bad_token = read(Outcome::bad_token),
          .no_user = read(Outcome::no_user)};
}

Task<Verdict> TokenAuth::handle(Scope& scope) {
  scope.set_user(std::nullopt);
  scope.set_web_socket_id({});
  auto token = find_token(scope);
  if (!token) return Verdict::refuse(Denial(400, "The query string is not UTF-8."));
  if (!options_.subprotocol.empty() && scope.offers_subprotocol(options_.subprotocol)) {
    scope.put(ChosenSubprotocol{options_.subprotocol});
  }
  if (!*token) {
    count(Outcome::missing);
    return verdict(scope);
  }
  scope.set_web_socket_id(new_web_socket_id());
  return admit(scope, std::move(**token));
}

Task<Verdict> TokenAuth::admit(Scope& scope, std::string token) const {
  auto checking = check(std::move(token), std::string(scope.client_address()));
  Authentication found = co_await checking;
  if (found.user && found.expires_at) {
    const auto left = std::clamp<std::chrono::milliseconds>(*found.expires_at - verifier_->now(), {}, longest_left);
    scope.put(TokenExpiry{*found.expires_at, left});
  }
  scope.set_user(std::move(found.user));
  if (!scope.user() && told_in_band_ && !told_in_band_->take()) co_return unauthorized();
  if (claimed_ && scope.user()) take_over_id(scope);
  co_return verdict(scope);
}

// The scope keeps the claim, and so as long as the connection.
void TokenAuth::take_over_id(Scope& scope) const {
  const auto proposed = scope.query_value("web_socket_id");
  if (!proposed || !is_web_socket_id(*proposed)) return;
  auto claim = ClaimedIds::claim(claimed_, *proposed, scope.user()->id());
  if (!claim) return;
  scope.set_web_socket_id(*proposed);
  scope.put(ClaimedId{std::move(claim)});
}

Verdict TokenAuth::verdict(const Scope& scope) const {
  return scope.user() || !options_.refuse_unauthenticated ? Verdict::pass() : unauthorized();
}

Task<Result<Authentication>> TokenAuth::authenticate(const Scope& scope) const {
  auto token = find_token(scope);
  if (!token) co_return token.error();
  if (!*token) {
    count(Outcome::missing);
    co_return Authentication{};
  }
  auto checking = check(std::move(**token), std::string(scope.client_address()));
  co_return co_await checking;
}

Task<Authentication> TokenAuth::check(std::string token, std::string client) const {
  Authentication found;
  found.presented = true;
  if (token == anonymous_token) {
    if (options_.allow_anonymous) found.user.emplace();
    count(found.user ? Outcome::anonymous : Outcome::bad_token);
    co_return found;
  }
  const auto claims = verifier_->verify(token);
  if (!claims) {
    count(Outcome::bad_token);
    refusals_.write(LogLevel::info, "token",
                    [&] { return fmt::format("a token from {}: {}", client, claims.error().message()); });
    co_return found;
  }
  auto resolving = resolver_->resolve(*claims);
  found.user = co_await resolving;
  found.expires_at = claims->expires_at();
  count(found.user ? Outcome::accepted : Outcome::no_user);
  if (!found.user) {
    refusals_.write(LogLevel::info, "user", [&] { return fmt::format("a token from {}: no user for it", client); });
  }
  co_return found;
}

Result<std::optional<std::string>> TokenAuth::find_token(const Scope& scope) const {
  if (!options_.query_parameter.empty()) {
    if (!json::is_valid_utf8(scope.query_string())) {
      return Error(ErrorCode::parse_failed, "the query string is not UTF-8");
    }
    if (auto token = scope.query_value(options_.query_parameter)) return token;
  }
  std::string_view token;
  const std::string authorization = options_.authorization_header ? all_of(scope, "authorization") : std::string();
  token = token_of_authorization(authorization);
  if (token.empty() && !options_.subprotocol.empty()) token = token_of_subprotocols(scope, options_.subprotocol);
  if (token.empty() && !options_.cookie.empty()) token = scope.cookie(options_.cookie).value_or("");
  return token.empty() ? std::nullopt : std::optional(std::string(token));
}

}  // namespace sluice::SLUICE_ABI

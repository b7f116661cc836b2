// SPDX-License-Identifier: MIT
#include "sluice/auth/jwt_verifier.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <stdexcept>
#include <utility>

#include "core/base64.hpp"
#include "json/quoted.hpp"

namespace sluice::SLUICE_ABI {
namespace {

template <class... Args>
Error refused(fmt::format_string<Args...> why, Args&&... args) {
  return Error(ErrorCode::refused, fmt::format(why, std::forward<Args>(args)...));
}

TokenTime system_now() { return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now()); }

// header, claims, signature (RFC 7515 section 7.1), still encoded.
struct Parts {
  std::string_view header;
  std::string_view claims;
  std::string_view signature;
};

std::optional<Parts> split(std::string_view token) noexcept {
  if (std::ranges::count(token, '.') != 2) return std::nullopt;
  const std::size_t first = token.find('.');
  const std::size_t second = token.rfind('.');
  return Parts{token.substr(0, first), token.substr(first + 1, second - first - 1), token.substr(second + 1)};
}

bool has_duplicate_keys(json::Value map) {
  std::vector<std::string_view> keys;
  for (const auto& [key, value] : map.members()) keys.push_back(key);
  std::ranges::sort(keys);
  return std::ranges::adjacent_find(keys) != keys.end();
}

// A JSON map that every parser reads in the same way (RFC 7515 section 4, RFC 7519 section 4).
Result<json::Document> parse_map(std::string_view what, std::string_view encoded) {
  const auto text = base64_decode(encoded, Base64::url_not_padded);
  if (!text) return refused("the {} is not base64url", what);
  auto document = json::Document::parse(*text);
  if (!document && document.error().code() == ErrorCode::number_too_large) {
    return refused("the {} has a number beyond 64 bits", what);
  }
  if (!document) return refused("the {} is not JSON: {}", what, document.error().message());
  if (!document->root().is_object()) return refused("the {} is not a JSON map", what);
  if (has_duplicate_keys(document->root())) return refused("the {} has a key twice", what);
  return document;
}

bool is_type_jwt(std::string_view type) noexcept {
  return type.size() == 3 && (type[0] | 0x20) == 'j' && (type[1] | 0x20) == 'w' && (type[2] | 0x20) == 't';
}

bool is_for(json::Value audience, std::string_view us) {
  if (audience.as_string() == us) return true;
  for (const json::Value one : audience.elements()) {
    if (one.as_string() == us) return true;
  }
  return false;
}

}  // namespace

JwtVerifier::JwtVerifier(JwtOptions options) : options_(std::move(options)) {
  if (options_.algorithms.empty()) {
    throw std::invalid_argument("JwtVerifier: no algorithms; list those that your issuer signs with");
  }
  if (options_.leeway < std::chrono::seconds(0)) throw std::invalid_argument("JwtVerifier: the leeway is negative");
  // Added to times of any year: a sum beyond the clock's end would refuse every token.
  if (options_.leeway > std::chrono::hours(24 * 365)) {
    throw std::invalid_argument("JwtVerifier: the leeway is longer than a year");
  }
  if (!options_.now) options_.now = system_now;
  set_keys(std::exchange(options_.keys, {}));
}

void JwtVerifier::set_keys(std::vector<JwtKey> keys) {
  Keys checked = check(std::move(keys));
  const std::lock_guard lock(mutex_);
  keys_ = std::move(checked);
}

JwtVerifier::Keys JwtVerifier::keys() const {
  const std::lock_guard lock(mutex_);
  return keys_;
}

JwtVerifier::Keys JwtVerifier::check(std::vector<JwtKey> keys) const {
  if (keys.empty()) throw std::invalid_argument("JwtVerifier: no keys");
  for (const JwtAlgorithm algorithm : options_.algorithms) {
    if (std::ranges::none_of(keys, [algorithm](const JwtKey& key) { return key.fits(algorithm); })) {
      throw std::invalid_argument(fmt::format(
          "JwtVerifier: {} is allowed, but no key fits it; leave it out, or add a key", to_string(algorithm)));
    }
  }
  for (const JwtKey& key : keys) {
    bool used = false;
    for (const JwtAlgorithm algorithm : options_.algorithms) {
      if (!key.fits(algorithm)) continue;
      used = true;
      if (key.long_enough(algorithm) || options_.allow_short_secret) continue;
      throw std::invalid_argument(
          fmt::format("JwtVerifier: a secret is too short for {}; make one with `openssl rand -hex 32` or longer, or "
                      "set allow_short_secret for a demonstration",
                      to_string(algorithm)));
    }
    if (!used) {
      throw std::invalid_argument(
          fmt::format("JwtVerifier: the key {} fits none of the allowed algorithms", json::in_quotes(key.kid())));
    }
  }
  return std::make_shared<const std::vector<JwtKey>>(std::move(keys));
}

bool JwtVerifier::allows(JwtAlgorithm algorithm) const noexcept {
  return std::ranges::find(options_.algorithms, algorithm) != options_.algorithms.end();
}

Result<Claims> JwtVerifier::verify(std::string_view token) const {
  if (token.size() > options_.token_bytes) {
    return refused("{} bytes, more than the {} a token may have", token.size(), options_.token_bytes);
  }
  const auto parts = split(token);
  if (!parts) return refused("not three parts with dots between");
  if (parts->signature.empty()) return refused("no signature");
  const auto signature = base64_decode(parts->signature, Base64::url_not_padded);
  if (!signature) return refused("the signature is not base64url");

  const std::string_view signed_text = token.substr(0, token.rfind('.'));
  auto checked = check_signature(signed_text, parts->header, *signature);
  if (!checked) return checked.error();
  auto document = parse_map("payload", parts->claims);
  if (!document) return document.error();
  Claims claims(std::move(*document));
  if (checked = check_times(claims); !checked) return checked.error();
  if (checked = check_recipient(claims); !checked) return checked.error();
  return claims;
}

Result<void> JwtVerifier::check_signature(std::string_view signed_text, std::string_view encoded_header,
                                          std::string_view signature) const {
  const auto document = parse_map("header", encoded_header);
  if (!document) return document.error();
  const json::Value header = document->root();
  // RFC 7515 section 4.1.11: critical extensions must be understood, and this verifier understands none.
  if (header["crit"]) return refused("the header has a crit");
  const auto name = header["alg"].as_string();
  if (!name) return refused("the header has no alg");
  const auto algorithm = jwt_algorithm(*name);
  if (!algorithm || !allows(*algorithm)) return refused("alg {} is not allowed", json::in_quotes(*name));
  if (const json::Value type = header["typ"]; type && !is_type_jwt(type.as_string().value_or(""))) {
    return refused("typ is {}, not \"JWT\"", json::shown(type));
  }
  const auto kid = header["kid"].as_string();
  if (header["kid"] && !kid) return refused("kid is not a text");

  // Only keys that the list allows are tried: a token without a kid must not cost one attempt for each key.
  const Keys keys = this->keys();
  const bool any_named = std::ranges::any_of(*keys, [](const JwtKey& key) { return !key.kid().empty(); });
  bool tried = false;
  for (const JwtKey& key : *keys) {
    const bool may_be_meant = kid && any_named ? key.kid() == *kid : kid || key.kid().empty();
    if (!may_be_meant || !key.fits(*algorithm)) continue;
    tried = true;
    if (key.verifies(signed_text, signature, *algorithm)) return {};
  }
  if (tried) return refused("the signature does not verify");
  if (!kid) return refused("no kid, and all {} keys are named", *name);
  return refused("no {} key has the kid {}", *name, json::in_quotes(*kid));
}

Result<void> JwtVerifier::check_times(const Claims& claims) const {
  for (const std::string_view name : std::array<std::string_view, 3>{"exp", "nbf", "iat"}) {
    if (claims[name] && !claims.time(name)) return refused("{} is not a point in time", name);
  }
  const TokenTime now = this->now();
  const auto seconds = [](TokenTime::duration time) { return std::chrono::duration<double>(time).count(); };
  const auto expires = claims.expires_at();
  if (!expires && options_.require_exp) return refused("no exp");
  if (expires && now >= *expires + options_.leeway) return refused("expired {:.0f} s ago", seconds(now - *expires));
  if (const auto begins = claims.time("nbf"); begins && now + options_.leeway < *begins) {
    return refused("not valid for another {:.0f} s (nbf)", seconds(*begins - now));
  }
  if (const auto issued = claims.issued_at(); issued && now + options_.leeway < *issued) {
    return refused("issued {:.0f} s in the future (iat)", seconds(*issued - now));
  }
  return {};
}

Result<void> JwtVerifier::check_recipient(const Claims& claims) const {
  if (!options_.issuer.empty() && claims["iss"].as_string() != options_.issuer) {
    return refused("iss is {}, not {}", json::shown(claims["iss"]), json::in_quotes(options_.issuer));
  }
  // RFC 7519 section 4.1.3: a verifier that is not in an aud that is present must refuse the token.
  const json::Value audience = claims["aud"];
  if (options_.audience.empty() && audience)
    return refused("aud is {}, and no audience is configured", json::shown(audience));
  if (!options_.audience.empty() && !is_for(audience, options_.audience)) {
    return refused("aud is {}, not {}", json::shown(audience), json::in_quotes(options_.audience));
  }
  for (const RequiredClaim& required : options_.required_claims) {
    const json::Value claim = claims[required.name];
    if (claim.is_missing() || claim.is_null()) return refused("no {}", required.name);
    if (required.text && claim.as_string() != *required.text) {
      return refused("{} is {}, not {}", required.name, json::shown(claim), json::in_quotes(*required.text));
    }
  }
  for (const auto& [name, text] : options_.refused_claims) {
    if (claims[name].as_string() == text) return refused("{} is {}", name, json::in_quotes(text));
  }
  return {};
}

}  // namespace sluice::SLUICE_ABI

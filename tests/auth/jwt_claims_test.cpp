// SPDX-License-Identifier: MIT
// The requirements for the claims of a signed token.
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "auth/support/minting.hpp"
#include "auth/support/verifying.hpp"
#include "sluice/auth/jwt_verifier.hpp"
#include "support/catch.hpp"

using namespace sluice;
using namespace verifying;
using namespace std::chrono_literals;
using minting::mint;

TEST_CASE("a token is valid from nbf to exp, with the leeway on both sides", "[auth][MW-9]") {
  struct Row {
    std::chrono::seconds leeway;
    std::string claims;
    std::string reason;
  };
  const std::vector<Row> table = {
      {0s, R"({"exp":1001})", "ok"},
      {0s, R"({"exp":1000.5})", "ok"},
      {0s, R"({"exp":1000})", "expired 0 s ago"},
      {0s, R"({"exp":988})", "expired 12 s ago"},
      {30s, R"({"exp":971})", "ok"},
      {30s, R"({"exp":970})", "expired 30 s ago"},
      {0s, R"({"exp":9999,"nbf":1000})", "ok"},
      {0s, R"({"exp":9999,"nbf":1001})", "not valid for another 1 s (nbf)"},
      {30s, R"({"exp":9999,"nbf":1030})", "ok"},
      {30s, R"({"exp":9999,"nbf":1031})", "not valid for another 31 s (nbf)"},
      {0s, R"({"exp":9999,"iat":1000})", "ok"},
      {0s, R"({"exp":9999,"iat":1001})", "issued 1 s in the future (iat)"},
      {30s, R"({"exp":9999,"iat":1030})", "ok"},
      {30s, R"({"exp":9999,"iat":1031})", "issued 31 s in the future (iat)"},
      {0s, R"({})", "no exp"},
      {0s, R"({"exp":null})", "exp is not a point in time"},
      {0s, R"({"exp":"1060"})", "exp is not a point in time"},
      {0s, R"({"exp":true})", "exp is not a point in time"},
      {0s, R"({"exp":-1})", "exp is not a point in time"},
      {0s, R"({"exp":1e30})", "exp is not a point in time"},
      {0s, R"({"exp":253402300800})", "exp is not a point in time"},
      {0s, R"({"exp":253402300799})", "ok"},
      {0s, R"({"exp":9999,"nbf":"soon"})", "nbf is not a point in time"},
      {0s, R"({"exp":9999,"iat":[1]})", "iat is not a point in time"},
  };
  for (const auto& [leeway, claims, reason] : table) {
    CAPTURE(leeway.count(), claims);
    JwtOptions options = hs256_options();
    options.leeway = leeway;
    CHECK(outcome_of_claims(std::move(options), claims) == reason);
  }
  JwtOptions options = hs256_options();
  options.require_exp = false;
  CHECK(outcome_of_claims(options, R"({})") == "ok");
  CHECK(outcome_of_claims(options, R"({"exp":999})") == "expired 1 s ago");
}

TEST_CASE("a token expires while the clock goes on", "[auth][MW-9]") {
  TokenTime now = at_1000;
  JwtOptions options = hs256_options();
  options.now = [&now] { return now; };
  const JwtVerifier verifier(std::move(options));
  const std::string token = mint("HS256", R"({"exp":1060})", secret_signer);
  CHECK(outcome(verifier, token) == "ok");
  now += 59'999ms;
  CHECK(outcome(verifier, token) == "ok");
  now += 1ms;
  CHECK(outcome(verifier, token) == "expired 0 s ago");
}

TEST_CASE("a verifier without a clock uses the system clock", "[auth]") {
  JwtOptions options = hs256_options();
  options.now = {};
  const JwtVerifier verifier(std::move(options));
  CHECK(outcome(verifier, mint("HS256", R"({"exp":253402300799})", secret_signer)) == "ok");
  CHECK_THAT(outcome(verifier, mint("HS256", R"({"exp":1600000000})", secret_signer)),
             Catch::Matchers::StartsWith("expired "));
}

TEST_CASE("issuer, audience and required claims are checked", "[auth][MW-9]") {
  JwtOptions options = hs256_options();
  options.require_exp = false;
  CHECK(outcome_of_claims(options, R"({"iss":"anyone"})") == "ok");
  CHECK(outcome_of_claims(options, R"({"aud":"others"})") == R"(aud is "others", and no audience is configured)");

  options.issuer = "https://id.example";
  options.audience = "sockets";
  options.required_claims = {{"user_id"}, {"token_type", "access"}};
  const std::string rest = R"(,"user_id":7,"token_type":"access"})";
  const std::string us = R"({"iss":"https://id.example","aud":"sockets")";
  const std::vector<std::pair<std::string, std::string>> table = {
      {us + rest, "ok"},
      {R"({"iss":"https://id.example","aud":["others","sockets"])" + rest, "ok"},
      {R"({"iss":"https://id.example","aud":["others","sockets "])" + rest,
       R"(aud is ["others", "sockets "], not "sockets")"},
      {R"({"iss":"https://id.example","aud":[])" + rest, R"(aud is [], not "sockets")"},
      {R"({"iss":"https://id.example","aud":{"sockets":1})" + rest, R"(aud is {"sockets": 1}, not "sockets")"},
      {R"({"iss":"https://id.example")" + rest, R"(aud is nothing, not "sockets")"},
      {R"({"iss":"https://id.example.evil","aud":"sockets")" + rest,
       R"(iss is "https://id.example.evil", not "https://id.example")"},
      {R"({"iss":["https://id.example"],"aud":"sockets")" + rest,
       R"(iss is ["https://id.example"], not "https://id.example")"},
      {R"({"aud":"sockets")" + rest, R"(iss is nothing, not "https://id.example")"},
      {us + R"(,"token_type":"access"})", "no user_id"},
      {us + R"(,"user_id":null,"token_type":"access"})", "no user_id"},
      {us + R"(,"user_id":0})", "no token_type"},
      {us + R"(,"user_id":0,"token_type":"refresh"})", R"(token_type is "refresh", not "access")"},
      {us + R"(,"user_id":0,"token_type":["access"]})", R"(token_type is ["access"], not "access")"},
  };
  for (const auto& [claims, reason] : table) {
    CAPTURE(claims);
    CHECK(outcome_of_claims(options, claims) == reason);
  }
}

TEST_CASE("a refresh token is refused by default", "[auth]") {
  const std::string refresh = R"({"user_id":7,"exp":1060,"token_type":"refresh"})";
  CHECK(outcome_of_claims(hs256_options(), refresh) == R"(token_type is "refresh")");
  CHECK(outcome_of_claims(hs256_options(), R"({"user_id":7,"exp":1060,"token_type":"access"})") == "ok");
  JwtOptions options = hs256_options();
  options.refused_claims = {};
  CHECK(outcome_of_claims(options, refresh) == "ok");
}

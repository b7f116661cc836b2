// SPDX-License-Identifier: MIT
#include "sluice/auth/jwt_verifier.hpp"

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "auth/support/complaint.hpp"
#include "auth/support/minting.hpp"
#include "auth/support/verifying.hpp"
#include "core/base64.hpp"
#include "sluice/auth/jwt_signer.hpp"
#include "support/catch.hpp"

using namespace sluice;
using namespace verifying;
using namespace std::chrono_literals;
using namespace std::string_literals;
using minting::mint;

TEST_CASE("an honest token of every algorithm is verified, and its claims are read", "[auth][MW-9]") {
  const JwtVerifier verifier = everything_verifier();
  for (const std::string alg : {"HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "ES256", "ES384", "ES512"}) {
    CAPTURE(alg);
    const auto claims = verifier.verify(
        mint(alg, R"({"user_id":7,"sub":"ada","iat":940.25,"exp":1060,"name":"Ädä \u2603"})", signer_for(alg)));
    REQUIRE(claims.has_value());
    CHECK((*claims)["user_id"].as_int() == 7);
    CHECK((*claims)["name"].as_string() == "Ädä ☃");
    CHECK(claims->subject() == "ada");
    CHECK(claims->issued_at() == TokenTime(940'250ms));
    CHECK(claims->expires_at() == TokenTime(1060s));
    CHECK_FALSE(claims->time("nbf"));
  }
}

TEST_CASE("the examples of RFC 7515 are verified", "[auth]") {
  JwtOptions options;
  options.algorithms = {JwtAlgorithm::hs256, JwtAlgorithm::es256};
  options.issuer = "joe";
  options.now = [] { return TokenTime(1'300'819'379s); };
  // Appendix A.1, and A.3 with its key wrapped as a SubjectPublicKeyInfo for P-256 (RFC 5480).
  options.keys = {JwtKey::hmac(*base64_decode("AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcg"
                                              "UuTwjAzZr1Z9CAow",
                                              Base64::url_not_padded)),
                  JwtKey::ec_public_pem("-----BEGIN PUBLIC KEY-----\n"
                                        "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEf83OJ3D2xF1Bg8vub9tLe1gHMzV7\n"
                                        "6e8Tus9uPHvRVEXH8UTNG72bfocs3+257rn0s2ldbqkLJK2KRiMohYjlrQ==\n"
                                        "-----END PUBLIC KEY-----\n")};
  const JwtVerifier verifier(std::move(options));
  const std::string payload =
      "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
  const std::string a1 =
      "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9." + payload + ".dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
  const std::string a3 = "eyJhbGciOiJFUzI1NiJ9." + payload +
                         ".DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
  CHECK(outcome(verifier, a1) == "ok");
  CHECK(outcome(verifier, a3) == "ok");
}

TEST_CASE("a kid selects the key, and an unknown kid selects none", "[auth]") {
  const Signer old_secret = Signer::secret(std::string(32, 'o'));
  const Signer new_secret = Signer::secret(std::string(32, 'n'));
  JwtOptions options = hs256_options();
  options.keys = {JwtKey::hmac(std::string(32, 'o'), "2025"), JwtKey::hmac(std::string(32, 'n'), "2026")};
  const JwtVerifier named(options);
  options.keys = {JwtKey::hmac(std::string(32, 'o')), JwtKey::hmac(std::string(32, 'n'))};
  const JwtVerifier nameless(options);

  const auto token = [](std::string_view kid, const Signer& signer) {
    return mint(R"({"alg":"HS256")" + std::string(kid) + "}", good_claims, signer, "HS256");
  };
  struct Row {
    std::string kid;
    const Signer& signer;
    std::string named;
    std::string nameless;
  };
  const std::string bad = "the signature does not verify";
  const std::vector<Row> table = {
      {R"(,"kid":"2025")", old_secret, "ok", "ok"},
      {R"(,"kid":"2026")", new_secret, "ok", "ok"},
      {R"(,"kid":"2026")", old_secret, bad, "ok"},
      {R"(,"kid":"2024")", old_secret, R"(no HS256 key has the kid "2024")", "ok"},
      {R"(,"kid":"")", old_secret, R"(no HS256 key has the kid "")", "ok"},
      // A token without a kid is held against keys without a name only: it must not cost an attempt for each key.
      {"", old_secret, "no kid, and all HS256 keys are named", "ok"},
      {"", new_secret, "no kid, and all HS256 keys are named", "ok"},
      {"", secret_signer, "no kid, and all HS256 keys are named", bad},
  };
  for (const Row& row : table) {
    CAPTURE(row.kid);
    CHECK(outcome(named, token(row.kid, row.signer)) == row.named);
    CHECK(outcome(nameless, token(row.kid, row.signer)) == row.nameless);
  }
}

TEST_CASE("a token without a kid is verified with the keys without a name", "[auth]") {
  JwtOptions options = hs256_options();
  options.keys = {JwtKey::hmac(shared_secret), JwtKey::hmac(std::string(32, 'n'), "2026")};
  const JwtVerifier verifier(std::move(options));
  CHECK(outcome(verifier, mint("HS256", good_claims, secret_signer)) == "ok");
  CHECK(outcome(verifier, mint("HS256", good_claims, Signer::secret(std::string(32, 'n')))) ==
        "the signature does not verify");
}

TEST_CASE("a correctly signed token with odd claims is not reported as a bad signature", "[auth]") {
  CHECK(outcome_of_claims(hs256_options(), R"({"user_id":7,"exp":1060,"n":123456789012345678901234567890})") ==
        "the payload has a number beyond 64 bits");
  CHECK(outcome_of_claims(hs256_options(), R"({"user_id":7,"exp":1060,"n":18446744073709551615})") == "ok");
  CHECK(outcome_of_claims(hs256_options(), R"({"user_id":7,"exp":1060,"name":"a\u0000b"})") == "ok");
  CHECK(outcome_of_claims(hs256_options(), R"({"user_id":7,"exp":1060,"n":-9223372036854775808,"d":1e300})") == "ok");
}

TEST_CASE("a kid never selects a key of another family", "[auth]") {
  JwtOptions options = hs256_options();
  options.algorithms = {JwtAlgorithm::hs256, JwtAlgorithm::rs256};
  options.keys = {JwtKey::hmac(shared_secret, "a"), JwtKey::rsa_public_pem(keys().rsa.public_pem(), "b")};
  const JwtVerifier verifier(std::move(options));
  const std::string confused =
      mint(R"({"alg":"HS256","kid":"b"})", good_claims, Signer::secret(keys().rsa.public_pem()), "HS256");
  CHECK(outcome(verifier, confused) == R"(no HS256 key has the kid "b")");
}

TEST_CASE("keys are replaced while tokens are verified", "[auth]") {
  const std::string first(32, '1');
  const std::string second(32, '2');
  JwtOptions options = hs256_options();
  options.keys = {JwtKey::hmac(first)};
  JwtVerifier verifier(std::move(options));
  const std::string token = mint("HS256", good_claims, Signer::secret(first));
  const std::string later_token = mint("HS256", good_claims, Signer::secret(second));
  CHECK(outcome(verifier, later_token) == "the signature does not verify");

  verifier.set_keys({JwtKey::hmac(second), JwtKey::hmac(first)});
  CHECK(outcome(verifier, token) == "ok");
  CHECK(outcome(verifier, later_token) == "ok");

  std::atomic<int> refused{0};
  std::thread reader([&] {
    for (int i = 0; i < 500; ++i) refused += verifier.verify(later_token) ? 0 : 1;
  });
  for (int i = 0; i < 500; ++i) verifier.set_keys({JwtKey::hmac(second)});
  reader.join();
  CHECK(refused == 0);
  CHECK(outcome(verifier, token) == "the signature does not verify");

  CHECK_THROWS_AS(verifier.set_keys({}), std::invalid_argument);
  CHECK_THROWS_AS(verifier.set_keys({JwtKey::hmac("short")}), std::invalid_argument);
  CHECK(outcome(verifier, later_token) == "ok");
}

TEST_CASE("a configuration that makes no sense throws, and the message names the fix", "[auth]") {
  const JwtKey rsa = JwtKey::rsa_public_pem(keys().rsa.public_pem(), "main");
  struct Row {
    std::vector<JwtAlgorithm> algorithms;
    std::vector<JwtKey> keys;
    std::string complaint;
  };
  const auto hs256 = JwtAlgorithm::hs256;
  const std::vector<Row> table = {
      {{}, {JwtKey::hmac(shared_secret)}, "no algorithms"},
      {{hs256}, {}, "no keys"},
      {{hs256}, {rsa}, "HS256 is allowed, but no key fits it"},
      {{hs256, JwtAlgorithm::rs256}, {JwtKey::hmac(shared_secret)}, "RS256 is allowed, but no key fits it"},
      {{hs256}, {JwtKey::hmac(shared_secret), rsa}, R"(the key "main" fits none of the allowed algorithms)"},
      {{JwtAlgorithm::es256}, {JwtKey::ec_public_pem(keys().p384.public_pem())}, "ES256 is allowed, but no key fits"},
      {{hs256}, {JwtKey::hmac(std::string(31, 'x'))}, "too short for HS256"},
      {{JwtAlgorithm::hs384}, {JwtKey::hmac(std::string(47, 'x'))}, "too short for HS384"},
      {{hs256, JwtAlgorithm::hs512}, {JwtKey::hmac(std::string(63, 'x'))}, "too short for HS512"},
      {{hs256}, {JwtKey::hmac(std::string(32, 'x'))}, "it does not complain"},
      {{JwtAlgorithm::rs256, JwtAlgorithm::rs512}, {rsa}, "it does not complain"},
  };
  for (const Row& row : table) {
    JwtOptions options = hs256_options();
    options.algorithms = row.algorithms;
    options.keys = row.keys;
    const std::string complaint = complaint_of([&] { JwtVerifier{options}; });
    CAPTURE(complaint, row.complaint);
    CHECK(complaint.find(row.complaint) != complaint.npos);
  }
  JwtOptions options = hs256_options();
  options.leeway = -1s;
  CHECK(complaint_of([&] { JwtVerifier{options}; }) == "JwtVerifier: the leeway is negative");
  options.leeway = std::chrono::seconds::max();
  CHECK(complaint_of([&] { JwtVerifier{options}; }) == "JwtVerifier: the leeway is longer than a year");
}

TEST_CASE("a demonstration may have a short secret", "[auth]") {
  JwtOptions options = hs256_options();
  options.keys = {JwtKey::hmac("demo")};
  options.allow_short_secret = true;
  CHECK(outcome(JwtVerifier(options), mint("HS256", good_claims, Signer::secret("demo"))) == "ok");
}

TEST_CASE("a token that is signed here is verified here", "[auth]") {
  JwtOptions options = hs256_options();
  options.keys = {JwtKey::hmac(shared_secret, "2026")};
  const JwtVerifier verifier(options);
  const std::string token = sign_hs256(R"({"user_id":7,"exp":1060,"name":"Ädä \"☃\""})", shared_secret, "2026");
  CHECK(token.starts_with(minting::base64url(R"({"alg":"HS256","typ":"JWT","kid":"2026"})") + "."));
  const auto claims = verifier.verify(token);
  REQUIRE(claims.has_value());
  CHECK((*claims)["name"].as_string() == "Ädä \"☃\"");
  CHECK(outcome(JwtVerifier(hs256_options()), sign_hs256(good_claims, shared_secret)) == "ok");
  CHECK(outcome(verifier, sign_hs256(good_claims, shared_secret, "2025")) == R"(no HS256 key has the kid "2025")");
  CHECK(outcome(verifier, sign_hs256(good_claims, "other", "2026")) == "the signature does not verify");

  CHECK_THROWS_AS(sign_hs256("[]", shared_secret), std::invalid_argument);
  CHECK_THROWS_AS(sign_hs256("{", shared_secret), std::invalid_argument);
  CHECK_THROWS_AS(sign_hs256("{}\0"s, shared_secret), std::invalid_argument);
  CHECK_THROWS_AS(sign_hs256("{}", ""), std::invalid_argument);
}

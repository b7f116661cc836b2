// SPDX-License-Identifier: MIT
#include "sluice/auth/jwt_verifier.hpp"

#include <atomic>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "auth/base64url.hpp"
#include "auth/support/complaint.hpp"
#include "auth/support/minting.hpp"
#include "sluice/auth/jwt_signer.hpp"
#include "support/catch.hpp"

using namespace sluice;
using namespace std::chrono_literals;
using namespace std::string_literals;
using minting::mint;
using minting::Signer;

namespace {

constexpr TokenTime at_1000 = TokenTime(1000s);
const std::string shared_secret = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const Signer secret_signer = Signer::secret(shared_secret);
constexpr std::string_view good_claims = R"({"user_id":7,"exp":1060})";

// One key of each kind, made once.
struct Keys {
  Signer rsa = Signer::rsa(2048);
  Signer p256 = Signer::ec("P-256");
  Signer p384 = Signer::ec("P-384");
  Signer p521 = Signer::ec("P-521");
};
const Keys& keys() {
  static const Keys made;
  return made;
}

JwtOptions hs256_options() {
  JwtOptions options;
  options.algorithms = {JwtAlgorithm::hs256};
  options.keys = {JwtKey::hmac(shared_secret)};
  options.leeway = 0s;
  options.now = [] { return at_1000; };
  return options;
}

JwtVerifier everything_verifier() {
  JwtOptions options = hs256_options();
  options.algorithms = {JwtAlgorithm::hs256, JwtAlgorithm::hs384, JwtAlgorithm::hs512,
                        JwtAlgorithm::rs256, JwtAlgorithm::rs384, JwtAlgorithm::rs512,
                        JwtAlgorithm::es256, JwtAlgorithm::es384, JwtAlgorithm::es512};
  options.keys = {JwtKey::hmac(shared_secret), JwtKey::rsa_public_pem(keys().rsa.public_pem()),
                  JwtKey::ec_public_pem(keys().p256.public_pem()), JwtKey::ec_public_pem(keys().p384.public_pem()),
                  JwtKey::ec_public_pem(keys().p521.public_pem())};
  return JwtVerifier(std::move(options));
}

const Signer& signer_for(std::string_view alg) {
  if (alg.starts_with("HS")) return secret_signer;
  if (alg.starts_with("RS")) return keys().rsa;
  return alg == "ES256" ? keys().p256 : alg == "ES384" ? keys().p384 : keys().p521;
}

// "ok", or why not.
std::string outcome(const JwtVerifier& verifier, std::string_view token) {
  const auto claims = verifier.verify(token);
  if (claims) return "ok";
  CHECK(claims.error().code() == ErrorCode::refused);
  return claims.error().context();
}
std::string outcome_of_claims(JwtOptions options, std::string_view claims) {
  return outcome(JwtVerifier(std::move(options)), mint("HS256", claims, secret_signer));
}
std::string outcome_of_header(std::string_view header) {
  return outcome(JwtVerifier(hs256_options()), mint(header, good_claims, secret_signer, "HS256"));
}

}  // namespace

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
  options.keys = {
      JwtKey::hmac(*base64url_decode("AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcg"
                                     "UuTwjAzZr1Z9CAow")),
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

TEST_CASE("an attacker's token is refused", "[auth][MW-9]") {
  const JwtVerifier verifier = everything_verifier();
  const std::string rsa_pem = keys().rsa.public_pem();
  const std::string honest = mint("HS256", good_claims, secret_signer);
  const std::string unsigned_part = honest.substr(0, honest.rfind('.'));
  const std::string signature = honest.substr(honest.rfind('.'));
  const std::string none = minting::base64url(R"({"typ":"JWT","alg":"none"})") + "." + minting::base64url(good_claims);
  const std::string elevated = minting::base64url(R"({"user_id":1,"exp":1060})");

  const std::vector<std::pair<std::string, std::string>> table = {
      // the algorithm
      {none + ".", "no signature"},
      {none + signature, R"(alg "none" is not allowed)"},
      {mint(R"({"alg":"None"})", good_claims, secret_signer, "HS256"), R"(alg "None" is not allowed)"},
      {mint(R"({"alg":"hs256"})", good_claims, secret_signer, "HS256"), R"(alg "hs256" is not allowed)"},
      {mint(R"({"alg":"PS256"})", good_claims, keys().rsa, "RS256"), R"(alg "PS256" is not allowed)"},
      {mint(R"({"alg":""})", good_claims, secret_signer, "HS256"), R"(alg "" is not allowed)"},
      {mint(R"({"alg":7})", good_claims, secret_signer, "HS256"), "the header has no alg"},
      {mint(R"({"alg":null})", good_claims, secret_signer, "HS256"), "the header has no alg"},
      {mint(R"({})", good_claims, secret_signer, "HS256"), "the header has no alg"},
      {mint(R"({"alg":"HS256\n2026-01-01 all is well"})", good_claims, secret_signer, "HS256"),
       R"(alg "HS256\n2026-01-01 all is well" is not allowed)"},
      // a public key as an HMAC secret, in the spellings that an attacker can know
      {mint("HS256", good_claims, Signer::secret(rsa_pem)), "the signature does not verify"},
      {mint("HS256", good_claims, Signer::secret(rsa_pem.substr(0, rsa_pem.size() - 1))),
       "the signature does not verify"},
      {mint("HS512", good_claims, Signer::secret(keys().p256.public_pem())), "the signature does not verify"},
      // one family's signature under another's name
      {mint(R"({"alg":"RS256"})", good_claims, secret_signer, "HS256"), "the signature does not verify"},
      {mint(R"({"alg":"ES256"})", good_claims, keys().rsa, "RS256"), "the signature does not verify"},
      {mint(R"({"alg":"RS512"})", good_claims, keys().rsa, "RS256"), "the signature does not verify"},
      {mint(R"({"alg":"ES384"})", good_claims, keys().p256, "ES256"), "the signature does not verify"},
      {mint(R"({"alg":"ES256"})", good_claims, keys().p384, "ES384"), "the signature does not verify"},
      // someone else's keys
      {mint("HS256", good_claims, Signer::secret("guess")), "the signature does not verify"},
      {mint("HS256", good_claims, Signer::secret("")), "the signature does not verify"},
      {mint("RS256", good_claims, Signer::rsa(2048)), "the signature does not verify"},
      {mint("ES256", good_claims, Signer::ec("P-256")), "the signature does not verify"},
      // a signature of nothing in particular: R and S zero
      {minting::base64url(R"({"alg":"ES256"})") + "." + elevated + "." + minting::base64url(std::string(64, '\0')),
       "the signature does not verify"},
      // stripped, changed, swapped
      {unsigned_part, "not three parts with dots between"},
      {unsigned_part + ".", "no signature"},
      {honest.substr(0, honest.find('.') + 1) + elevated + signature, "the signature does not verify"},
      {minting::base64url(R"({"alg":"HS256","x":1})") + unsigned_part.substr(unsigned_part.find('.')) + signature,
       "the signature does not verify"},
      {honest + ".", "not three parts with dots between"},
      {honest + "." + signature + "." + signature, "not three parts with dots between"},
      // no token at all
      {"", "not three parts with dots between"},
      {"..", "no signature"},
      {"a.b.c", "the signature is not base64url"},
      {"anonymous", "not three parts with dots between"},
      {std::string(1'000'000, 'a'), "1000000 bytes, more than the 8192 a token may have"},
  };
  for (const auto& [token, reason] : table) {
    CAPTURE(token.substr(0, 300));
    CHECK(outcome(verifier, token) == reason);
  }
  CHECK(outcome(verifier, honest) == "ok");
}

TEST_CASE("a token has one spelling only", "[auth]") {
  const JwtVerifier verifier(hs256_options());
  const std::string honest = mint("HS256", good_claims, secret_signer);
  for (const std::string& change :
       {honest + "=", honest + "==", honest + "\n", " " + honest, honest + '\0', honest + "\0x"s,
        honest.substr(0, 5) + "=" + honest.substr(5), "Bearer " + honest}) {
    CAPTURE(change);
    CHECK(outcome(verifier, change) != "ok");
  }
  for (std::size_t end = 0; end < honest.size(); ++end) {
    CAPTURE(end);
    CHECK(outcome(verifier, std::string_view(honest).substr(0, end)) != "ok");
  }
  for (std::size_t at = 0; at < honest.size(); ++at) {
    for (const char c : "AQgw/+=.- \n") {
      if (c == honest[at]) continue;
      std::string changed = honest;
      changed[at] = c;
      CAPTURE(changed);
      CHECK(outcome(verifier, changed) != "ok");
    }
  }
}

TEST_CASE("base64url is decoded strictly", "[auth]") {
  const std::vector<std::pair<std::string, std::string>> good = {
      {"", ""},
      {"Zg", "f"},
      {"Zm8", "fo"},
      {"Zm9v", "foo"},
      {"Zm9vYg", "foob"},
      {"__8", "\xff\xff"},
      {"-_-_", "\xfb\xff\xbf"},
      {"AA", std::string(1, '\0')},
  };
  for (const auto& [text, bytes] : good) CHECK(base64url_decode(text) == bytes);
  for (const std::string text :
       {"Z", "Zm9vY", "Zh", "Zm9", "Zg==", "Zm8=", "+/+/", "Zm 9v", "Zm9v\n", "Zm\xc3\xa4", ".", "="}) {
    CAPTURE(text);
    CHECK_FALSE(base64url_decode(text));
  }
}

TEST_CASE("a header must be understood, and understood in one way", "[auth]") {
  const std::vector<std::pair<std::string, std::string>> table = {
      {R"({"alg":"HS256"})", "ok"},
      {R"({"alg":"HS256","typ":"jwt"})", "ok"},
      {R"({"alg":"HS256","typ":"at+jwt"})", R"(typ is "at+jwt", not "JWT")"},
      {R"({"alg":"HS256","typ":7})", R"(typ is 7, not "JWT")"},
      {R"({"alg":"HS256","crit":["exp"],"exp":1})", "the header has a crit"},
      {R"({"alg":"HS256","crit":null})", "the header has a crit"},
      {R"({"alg":"HS256","b64":false,"crit":["b64"]})", "the header has a crit"},
      {R"({"alg":"none","alg":"HS256"})", "the header has a key twice"},
      {R"({"alg":"HS256","\u0061lg":"HS256"})", "the header has a key twice"},
      {R"({"alg":"HS256","kid":7})", "kid is not a text"},
      // a key that a token brings along, or points to, is not looked at
      {R"({"alg":"HS256","jwk":{"kty":"oct","k":"AA"},"jku":"https://evil.example/","x5u":"x","x5c":["x"]})", "ok"},
      {R"({"alg":"HS256","kid":"../../../dev/null"})", "ok"},
      {R"(["HS256"])", "the header is not a JSON map"},
      {R"("HS256")", "the header is not a JSON map"},
  };
  for (const auto& [header, reason] : table) {
    CAPTURE(header);
    CHECK(outcome_of_header(header) == reason);
  }
  for (const std::string header :
       {R"({"alg":"HS256")", "", "{\"alg\":\"HS256\",\"x\":\"\xff\"}", R"({"alg":"HS256"}{})"}) {
    CAPTURE(header);
    CHECK_THAT(outcome_of_header(header), Catch::Matchers::StartsWith("the header is not JSON: "));
  }
}

TEST_CASE("claims must be a map that reads in one way", "[auth][MW-9]") {
  const std::vector<std::pair<std::string, std::string>> table = {
      {R"({"user_id":7,"exp":1060})", "ok"},
      {R"({"user_id":7,"user_id":1,"exp":1060})", "the payload has a key twice"},
      // libjwt reads the claims too, and some of this it refuses with the signature
      {R"([1])", "the payload is not a JSON map"},
      {R"("x")", "the signature does not verify"},
      {R"({"user_id":7,"exp":1060)", "the signature does not verify"},
      {"{\"user_id\":\"\xff\",\"exp\":1060}", "the signature does not verify"},
      {"", "the signature does not verify"},
  };
  for (const auto& [claims, reason] : table) {
    CAPTURE(claims);
    CHECK(outcome_of_claims(hs256_options(), claims) == reason);
  }
}

TEST_CASE("a token counts between nbf and exp, give or take the leeway", "[auth][MW-9]") {
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

TEST_CASE("without a clock of its own a verifier goes by the system's", "[auth]") {
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

TEST_CASE("a kid picks the key, and an unknown one picks none", "[auth]") {
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
      {"", old_secret, "ok", "ok"},
      {"", new_secret, "ok", "ok"},
      {"", secret_signer, bad, bad},
  };
  for (const Row& row : table) {
    CAPTURE(row.kid);
    CHECK(outcome(named, token(row.kid, row.signer)) == row.named);
    CHECK(outcome(nameless, token(row.kid, row.signer)) == row.nameless);
  }
}

TEST_CASE("a kid never picks a key of another family", "[auth]") {
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

TEST_CASE("a configuration that can't be meant throws, and says what to do", "[auth]") {
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
  const auto claims = verifier.verify(token);
  REQUIRE(claims.has_value());
  CHECK((*claims)["name"].as_string() == "Ädä \"☃\"");
  CHECK(outcome(verifier, sign_hs256(good_claims, shared_secret)) == "ok");
  CHECK(outcome(verifier, sign_hs256(good_claims, shared_secret, "2025")) == R"(no HS256 key has the kid "2025")");
  CHECK(outcome(verifier, sign_hs256(good_claims, "other")) == "the signature does not verify");

  CHECK_THROWS_AS(sign_hs256("[]", shared_secret), std::invalid_argument);
  CHECK_THROWS_AS(sign_hs256("{", shared_secret), std::invalid_argument);
  CHECK_THROWS_AS(sign_hs256("{}\0"s, shared_secret), std::invalid_argument);
  CHECK_THROWS_AS(sign_hs256("{}", ""), std::invalid_argument);
}

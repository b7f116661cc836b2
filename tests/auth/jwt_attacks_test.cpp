// SPDX-License-Identifier: MIT
// Tokens that must not be taken, and why.
#include <string>
#include <utility>
#include <vector>

#include "auth/support/minting.hpp"
#include "auth/support/verifying.hpp"
#include "core/base64.hpp"
#include "sluice/auth/jwt_verifier.hpp"
#include "support/catch.hpp"

using namespace sluice;
using namespace verifying;
using namespace std::string_literals;
using minting::mint;

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

TEST_CASE("an algorithm that is not listed is refused, even if the key supports it", "[auth]") {
  const JwtVerifier only_hs256(hs256_options());
  CHECK(outcome(only_hs256, mint("HS512", good_claims, secret_signer)) == R"(alg "HS512" is not allowed)");
  JwtOptions options = hs256_options();
  options.algorithms = {JwtAlgorithm::rs384};
  options.keys = {JwtKey::rsa_public_pem(keys().rsa.public_pem())};
  const JwtVerifier only_rs384(std::move(options));
  CHECK(outcome(only_rs384, mint("RS384", good_claims, keys().rsa)) == "ok");
  CHECK(outcome(only_rs384, mint("RS256", good_claims, keys().rsa)) == R"(alg "RS256" is not allowed)");
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

TEST_CASE("a signature of another size than its key makes is refused", "[auth]") {
  const JwtVerifier verifier = everything_verifier();
  for (const std::string alg : {"HS256", "RS256", "ES256", "ES512"}) {
    const std::string honest = mint(alg, good_claims, signer_for(alg));
    const std::string head = honest.substr(0, honest.rfind('.') + 1);
    const std::string signature = *base64_decode(honest.substr(honest.rfind('.') + 1), Base64::url_not_padded);
    for (const std::string& changed :
         {signature + '\0', '\0' + signature, signature.substr(1), signature.substr(0, signature.size() - 1), "x"s}) {
      CAPTURE(alg, changed.size());
      CHECK(outcome(verifier, head + minting::base64url(changed)) == "the signature does not verify");
    }
  }
}

TEST_CASE("of an ES256 signature the twin with n - s verifies, too: a token is no key of a list", "[auth]") {
  // RFC 7518 section 3.4 does not ask for the lower s, and issuers make either.
  const std::string honest = mint("ES256", good_claims, keys().p256);
  std::string signature = *base64_decode(honest.substr(honest.rfind('.') + 1), Base64::url_not_padded);
  const auto number = [](const std::string& bytes) {
    return BN_bin2bn(reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()), nullptr);
  };
  BIGNUM* s = number(signature.substr(32));
  BIGNUM* n = nullptr;
  BN_hex2bn(&n, "FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551");
  BN_sub(s, n, s);
  BN_bn2binpad(s, reinterpret_cast<unsigned char*>(signature.data()) + 32, 32);
  BN_free(s);
  BN_free(n);
  CHECK(outcome(everything_verifier(), honest.substr(0, honest.rfind('.') + 1) + minting::base64url(signature)) ==
        "ok");
}

TEST_CASE("a token's header is refused if it is unknown or ambiguous", "[auth]") {
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

TEST_CASE("a token's claims are refused if they are no map or ambiguous", "[auth][MW-9]") {
  CHECK(outcome_of_claims(hs256_options(), R"({"user_id":7,"exp":1060})") == "ok");
  CHECK(outcome_of_claims(hs256_options(), R"({"user_id":7,"user_id":1,"exp":1060})") == "the payload has a key twice");
  for (const std::string claims : {R"([1])", R"("x")", R"({"user_id":7,"exp":1060)", R"({"exp":1060}{"exp":1060})", "",
                                   "{\"user_id\":\"\xff\",\"exp\":1060}", "{\"exp\":1060,\"x\":NaN}"}) {
    CAPTURE(claims);
    CHECK_THAT(outcome_of_claims(hs256_options(), claims), Catch::Matchers::StartsWith("the payload is not"));
  }
}

// SPDX-License-Identifier: MIT
#include "redis/codec/fernet.hpp"

#include "redis/codec/serializer.hpp"
#include "redis/support/golden.hpp"
#include "support/catch.hpp"

using namespace sluice;
using namespace sluice::redis;
using namespace std::chrono_literals;

namespace {

constexpr std::int64_t now = 1'700'000'000;

}  // namespace

TEST_CASE("a message that channels_redis encrypted is read", "[redis][R-10]") {
  const json::Value vector = golden()["fernet"];
  RedisOptions options;
  options.symmetric_encryption_keys = {"another", "a-test-key"};  // keys are changed by putting the new one in front
  const auto arrival = Serializer(options, 0s).read(*vector["token"].as_string(), now);
  REQUIRE(arrival);
  CHECK(arrival->event.text() == vector["map"].to_text());
  options.symmetric_encryption_keys = {"another"};
  CHECK_FALSE(Serializer(options, 0s).read(*vector["token"].as_string(), now));
}

TEST_CASE("a message that is encrypted with one key is read by all that have it", "[redis][R-10]") {
  const Fernet old_key({"old"}), both({"new", "old"}), new_key({"new"});
  for (const std::string plain : {"", "a", "exactly 16 bytes", "a longer text than one block of the cipher"}) {
    CHECK(*both.decrypt(old_key.encrypt(plain, now), now, 70s) == plain);
    CHECK(*new_key.decrypt(both.encrypt(plain, now), now, 70s) == plain);
    CHECK_FALSE(old_key.decrypt(both.encrypt(plain, now), now, 70s));
  }
}

TEST_CASE("a token is refused when it is too old or from the future", "[redis][R-10]") {
  const Fernet fernet({"key"});
  const std::string token = fernet.encrypt("text", now);
  CHECK(fernet.decrypt(token, now + 70, 70s));
  CHECK_FALSE(fernet.decrypt(token, now + 71, 70s));
  CHECK(fernet.decrypt(token, now - 60, 70s));
  CHECK_FALSE(fernet.decrypt(token, now - 61, 70s));
  CHECK(fernet.decrypt(token, now + 1'000'000, 0s));
  CHECK(fernet.decrypt(token, now - 1'000'000, 0s));
}

TEST_CASE("a token of which one byte was changed, or cut off, is refused", "[redis][R-10]") {
  const Fernet fernet({"key"});
  const std::string token = fernet.encrypt("some text", now);
  for (std::size_t i = 0; i < token.size(); ++i) {
    std::string changed = token;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    CHECK_FALSE(fernet.decrypt(changed, now, 0s));
    CHECK_FALSE(fernet.decrypt(token.substr(0, i), now, 0s));
  }
  CHECK_FALSE(fernet.decrypt(token + "=", now, 0s));
  CHECK_FALSE(fernet.decrypt(token + "\n", now, 0s));
}

TEST_CASE("without keys messages are not encrypted", "[redis][R-10]") {
  CHECK_THROWS_AS(Fernet({}), std::invalid_argument);
}

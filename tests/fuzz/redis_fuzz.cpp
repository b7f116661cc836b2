// SPDX-License-Identifier: MIT
// Any bytes as a message in Redis, in both formats and encrypted, and any bytes as what Redis answers. What is read as
// an event can be sent again, and is then the same event; whatever we send, a strict reader takes.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "fuzz/check.hpp"
#include "redis/codec/serializer.hpp"
#include "redis/pubsub/cluster_slots.hpp"
#include "redis/wire/resp.hpp"

using namespace sluice;
using namespace sluice::redis;

namespace {

constexpr std::int64_t now = 1'700'000'000;

Serializer made(SerializerFormat format, Bytes bytes, const char* key = nullptr) {
  RedisOptions options;
  options.serializer_format = format;
  options.bytes = bytes;
  if (key) options.symmetric_encryption_keys = {key};
  return Serializer(options, std::chrono::seconds(60));
}

void read(const Serializer& serializer, std::string_view message) {
  const auto arrival = serializer.read(message, now);
  if (!arrival) return;
  const auto body = serializer.body(arrival->event);
  check(body.has_value());
  const auto again = serializer.read(serializer.message(*body, Addressing::none, {}, now), now);
  check(again.has_value());
  check(again->channels.empty());
  check(again->event.type() == arrival->event.type());
}

// hiredis allocates the memory of an array's length, for which Redis itself is trusted.
bool promises_much(std::string_view bytes) {
  std::size_t digits = 0;
  for (const char byte : bytes) {
    digits = byte >= '0' && byte <= '9' ? digits + 1 : 0;
    if (digits > 6) return true;
  }
  return false;
}

void answer(std::string_view bytes) {
  if (promises_much(bytes)) return;
  ReplyReader whole, piecewise;
  whole.feed(bytes);
  std::size_t replies = 0;
  for (;; ++replies) {
    auto reply = whole.next();
    if (!reply || !*reply) break;
    (void)ClusterMap::read(**reply, {.host = "localhost", .port = 1});
  }
  std::size_t replies_of_pieces = 0;
  for (const char& byte : bytes) {
    piecewise.feed({&byte, 1});
    for (auto reply = piecewise.next(); reply && *reply; reply = piecewise.next()) ++replies_of_pieces;
  }
  check(replies == replies_of_pieces);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Serializer plain = made(SerializerFormat::msgpack, Bytes::base64);
  static const Serializer tagged = made(SerializerFormat::msgpack, Bytes::tagged);
  static const Serializer as_json = made(SerializerFormat::json, Bytes::base64);
  static const Serializer encrypted = made(SerializerFormat::msgpack, Bytes::base64, "key");

  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  read(plain, bytes);
  read(tagged, bytes);
  read(as_json, bytes);
  check(!encrypted.read(bytes, now));  // nobody guesses the key
  answer(bytes);
  return 0;
}

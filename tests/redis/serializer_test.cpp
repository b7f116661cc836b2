// SPDX-License-Identifier: MIT
#include "redis/codec/serializer.hpp"

#include "redis/codec/python_json.hpp"
#include "redis/support/golden.hpp"
#include "support/catch.hpp"

using namespace sluice;
using namespace sluice::redis;
using namespace std::string_literals;

namespace {

constexpr std::int64_t now = 1'700'000'000;

RedisOptions tagged() {
  RedisOptions options;
  options.bytes = Bytes::tagged;
  return options;
}

std::vector<std::string> channels_of(json::Value message) {
  std::vector<std::string> channels;
  for (json::Value channel : message["channels"].elements()) channels.emplace_back(*channel.as_string());
  return channels;
}

Addressing addressing_of(json::Value message) {
  const auto word = *message["addressing"].as_string();
  return word == "one" ? Addressing::one : word == "list" ? Addressing::list : Addressing::none;
}

// The JSON that a MessagePack text, given in hex, is read as; or "refused".
std::string read_as(std::string_view hex, Bytes bytes = Bytes::base64) {
  const auto unpacked = unpack(from_hex(hex), bytes, 1 << 20);
  return unpacked ? unpacked->json : "refused";
}

}  // namespace

TEST_CASE("a message has the bytes that channels_redis gives it", "[redis][R-1][R-3][R-13][BT-2]") {
  const Serializer serializer(tagged(), {});
  for (json::Value message : golden()["messages"].elements()) {
    INFO(*message["name"].as_string());
    const auto event = Event::parse(message["map"].to_text().view());
    REQUIRE(event);
    const auto body = serializer.body(*event);
    REQUIRE(body);
    CHECK(to_hex(serializer.message(*body, addressing_of(message), channels_of(message), now)) ==
          *message["hex"].as_string());
  }
}

TEST_CASE("a message of channels_redis is read back as what was sent, without its reserved key", "[redis][R-1][R-13]") {
  const Serializer serializer(tagged(), {});
  for (json::Value message : golden()["messages"].elements()) {
    INFO(*message["name"].as_string());
    const auto arrival = serializer.read(from_hex(*message["hex"].as_string()), now);
    REQUIRE(arrival);
    CHECK(arrival->event.text() == message["map"].to_text());
    CHECK(arrival->channels == channels_of(message));
  }
}

TEST_CASE("no piece of a message is taken for a whole one", "[redis][R-34]") {
  const Serializer serializer(tagged(), {});
  for (json::Value message : golden()["messages"].elements()) {
    const std::string whole = from_hex(*message["hex"].as_string());
    for (std::size_t size = 0; size < whole.size(); ++size) {
      CHECK_FALSE(serializer.read(std::string_view(whole).substr(0, size), now));
    }
    CHECK_FALSE(serializer.read(whole + "\xc0", now));
  }
}

TEST_CASE("longer forms than needed are read", "[redis][R-2]") {
  CHECK(read_as("81da000161da000162") == R"({"a":"b"})");                  // str16
  CHECK(read_as("de0001a161d000") == R"({"a":0})");                        // map16, int8
  CHECK(read_as("81a161dd00000001cf0000000000000007") == R"({"a":[7]})");  // array32, uint64
  CHECK(read_as("81a161ca3f800000") == R"({"a":1.0})");                    // float32
  CHECK(read_as("81c4026b6501") == R"({"ke":1})");                         // a key in bytes
}

TEST_CASE("keys that are no text become what Python's json module makes of them", "[redis][R-33]") {
  CHECK(read_as("81c000") == R"({"null":0})");
  CHECK(read_as("82c300c201") == R"({"true":0,"false":1})");
  CHECK(read_as("81cb3ff800000000000000") == R"({"1.5":0})");
  CHECK(read_as("81cb3ff000000000000000") == R"({"1.0":0})");
  CHECK(read_as("81cb444b1ae4d6e2ef5000") == R"({"1e+21":0})");
  CHECK(read_as("81cb7ff800000000000000") == R"({"NaN":0})");
  CHECK(read_as("81cbfff000000000000000") == R"({"-Infinity":0})");
  CHECK(read_as("82a474797065a178a16d81c3a16f") == R"({"type":"x","m":{"true":"o"}})");
}

TEST_CASE("integer keys become text", "[redis][R-33]") {
  CHECK(read_as("82a474797065a178a86d65746164617461810181a16102") == R"({"type":"x","metadata":{"1":{"a":2}}})");
  CHECK(read_as("81ff00") == R"({"-1":0})");
  CHECK(read_as("81cfffffffffffffffff00") == R"({"18446744073709551615":0})");
}

TEST_CASE("MessagePack values that JSON lacks are converted to the nearest JSON value", "[redis][R-1]") {
  CHECK(read_as("81a161cb7ff8000000000000") == R"({"a":null})");  // NaN
  CHECK(read_as("81a161cb7ff0000000000000") == R"({"a":null})");  // infinity
  CHECK(read_as("81a161c40200ff") == R"({"a":"AP8="})");
  CHECK(read_as("81a161c40200ff", Bytes::tagged) == R"({"a":{"__bytes__":"AP8="}})");
}

TEST_CASE("messages that a Django peer would refuse are refused", "[redis][R-2][R-34]") {
  CHECK(read_as("82a474797065a178a173a2fffe") == "refused");  // text that is not UTF-8
  CHECK(read_as("81a1ff00") == "refused");                    // a key that is not
  CHECK(read_as("81c401ff00") == "refused");
  CHECK(read_as("819000") == "refused");        // an array as a key
  CHECK(read_as("818000") == "refused");        // a map as a key
  CHECK(read_as("81a161d40100") == "refused");  // an extension type
  CHECK(read_as("81a161c1") == "refused");      // the byte that means nothing
  CHECK(read_as("90") == "refused");            // an array instead of a map
  CHECK(read_as("a161") == "refused");
  CHECK(read_as("c0") == "refused");
  CHECK(read_as("07") == "refused");
  CHECK(read_as("") == "refused");
  CHECK(read_as("81a161ddffffffff") == "refused");  // four milliards of elements, they say
  std::string deep = "81a161";
  for (int i = 0; i < 600; ++i) deep += "91";
  CHECK(read_as(deep + "c0") == "refused");
}

TEST_CASE("an event without a type that a handler may have is refused", "[redis][R-34][I-7][DI-2]") {
  const Serializer serializer(RedisOptions{}, {});
  CHECK_FALSE(serializer.read(from_hex("80"), now));
  CHECK_FALSE(serializer.read(from_hex("81a47479706507"), now));      // a number
  CHECK_FALSE(serializer.read(from_hex("81a474797065a25f78"), now));  // "_x"
  CHECK(serializer.read(from_hex("81a474797065a3612e62"), now)->event.type() == "a_b");
}

TEST_CASE("odd addresses are read as far as they are text", "[redis][R-35]") {
  const Serializer serializer(RedisOptions{}, {});
  const auto channels = [&](std::string_view value_in_hex) {
    const auto arrival = serializer.read(
        from_hex("82a474797065a178b05f5f617367695f6368616e6e656c5f5f" + std::string(value_in_hex)), now);
    REQUIRE(arrival);
    CHECK(arrival->event.text().view() == R"({"type":"x"})");
    return arrival->channels;
  };
  using Names = std::vector<std::string>;
  CHECK(channels("a161") == Names{"a"});
  CHECK(channels("92a161a161") == Names{"a", "a"});
  CHECK(channels("90") == Names{});
  CHECK(channels("c0") == Names{});
  CHECK(channels("9307a161c0") == Names{"a"});
  CHECK(channels("81a16b07") == Names{});
}

TEST_CASE("the reserved key is the layer's own", "[redis][CL-7][R-13]") {
  const Serializer serializer(RedisOptions{}, {});
  const auto body = serializer.body(*Event::parse(R"({"type":"x","__asgi_channel__":"a"})"));
  REQUIRE_FALSE(body);
  CHECK(body.error().code() == ErrorCode::invalid_argument);
}

TEST_CASE("bytes are sent only where that was asked for", "[redis][R-1]") {
  const auto event = *Event::parse(R"({"type":"x","b":{"__bytes__":"AP8="},"c":{"__bytes__":"no Base64"}})");
  const auto packed = [&](Bytes bytes) {
    RedisOptions options;
    options.bytes = bytes;
    const Serializer serializer(options, {});
    return to_hex(serializer.message(*serializer.body(event), Addressing::none, {}, now));
  };
  const std::string as_text =
      "a162"
      "81a95f5f62797465735f5f"
      "a44150383d";
  CHECK(packed(Bytes::base64).find(as_text) != std::string::npos);
  CHECK(packed(Bytes::tagged)
            .find("a162"
                  "c40200ff") != std::string::npos);
  CHECK(packed(Bytes::tagged)
            .find("a163"
                  "81a95f5f62797465735f5f") != std::string::npos);
}

TEST_CASE("as JSON, a message is Python's text", "[redis][R-9]") {
  RedisOptions options;
  options.serializer_format = SerializerFormat::json;
  const Serializer serializer(options, {});
  const auto event = *Event::parse(R"({"type":"x","s":"é","a":[1,2.0],"m":{}})");
  const auto message = [&](Addressing addressing, std::vector<std::string> channels) {
    return serializer.message(*serializer.body(event), addressing, channels, now);
  };
  CHECK(message(Addressing::none, {}) == R"({"type": "x", "s": "\u00e9", "a": [1, 2.0], "m": {}})");
  const std::string list = message(Addressing::list, {"a!b", "a!c"});
  CHECK(list == R"({"type": "x", "s": "\u00e9", "a": [1, 2.0], "m": {}, "__asgi_channel__": ["a!b", "a!c"]})");
  const auto arrival = serializer.read(list, now);
  REQUIRE(arrival);
  CHECK(arrival->event.text() == event.text());
  CHECK(arrival->channels == std::vector<std::string>{"a!b", "a!c"});
  CHECK(serializer.read(message(Addressing::one, {"a!b"}), now)->channels == std::vector<std::string>{"a!b"});
  CHECK(serializer.read(message(Addressing::none, {}), now)->channels.empty());
  CHECK_FALSE(serializer.read("[1]", now));
  CHECK_FALSE(serializer.read("{", now));
}

TEST_CASE("a message may be a megabyte", "[redis][CL-10]") {
  const Serializer serializer(RedisOptions{}, {});
  const auto event = *Event::parse(R"({"type":"x","s":")" + std::string(1 << 20, 'a') + "\"}");
  const auto arrival = serializer.read(serializer.message(*serializer.body(event), Addressing::none, {}, now), now);
  REQUIRE(arrival);
  CHECK(arrival->event.text() == event.text());
}

TEST_CASE("NaN and infinities of Python's json module are converted to the nearest JSON value", "[redis][R-9]") {
  RedisOptions options;
  options.serializer_format = SerializerFormat::json;
  const Serializer serializer(options, {});
  const auto read = [&](const std::string& value) {
    const auto arrival = serializer.read(R"({"type": "x", "v": )" + value + R"(, "__asgi_channel__": "c"})", now);
    if (!arrival || arrival->channels != std::vector{"c"s}) return "refused"s;
    return std::string(arrival->event.value()["v"].to_text().view());
  };
  const std::string unknown = "\xef\xbf\xbd";  // U+FFFD
  CHECK(read("NaN") == "null");
  CHECK(read("[Infinity, -Infinity, 1]") == "[null,null,1]");
  CHECK(read("18446744073709551616") == "1.8446744073709552e+19");
  CHECK(read("-9223372036854775809") == "-9.223372036854776e+18");
  CHECK(read("9223372036854775807") == "9223372036854775807");
  CHECK(read("1" + std::string(400, '0')) == "null");
  CHECK(read(R"("a\\ud800b")") == R"("a\\ud800b")");  // no escape: a backslash, and text
  CHECK(read(R"("a\ud800b")") == "\"a" + unknown + "b\"");
  CHECK(read(R"("\udc00\ud83d\ude00\ud83d")") == "\"" + unknown + "\xf0\x9f\x98\x80" + unknown + "\"");
  CHECK(read(R"({"\ud800": "NaN \" Infinity 18446744073709551616", "n": NaN})") ==
        "{\"" + unknown + R"(":"NaN \" Infinity 18446744073709551616","n":null})");
  for (const char* wrong : {"nan", "NaNs", "1-2", "-", "\"a", "\"\\", "--18446744073709551616", "0xff"}) {
    INFO(wrong);
    CHECK(read(wrong) == "refused");
  }
}

TEST_CASE("an event above message_bytes is refused when it arrives, too", "[redis][CL-10]") {
  RedisOptions options;
  options.serializer_format = GENERATE(SerializerFormat::msgpack, SerializerFormat::json);
  const std::string text = "{\"type\":\"x\",\"v\":\"\xc3\xa9\xc3\xa9\xc3\xa9\"}";  // escaped, it is longer
  const Serializer sender(options, {});
  const auto event = Event::parse(text);
  REQUIRE(event);
  const std::vector<std::string> channels{"c"};
  const std::string message = sender.message(*sender.body(*event), Addressing::one, channels, now);
  options.message_bytes = text.size();
  CHECK(Serializer(options, {}).read(message, now));
  options.message_bytes = text.size() - 1;
  const auto refused = Serializer(options, {}).read(message, now);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code() == ErrorCode::limit_exceeded);
}

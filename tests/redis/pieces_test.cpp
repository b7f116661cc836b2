// SPDX-License-Identifier: MIT
// Hashing, stamps, names, hosts, and Redis's own protocol.
#include <stdexcept>

#include "redis/names.hpp"
#include "redis/resp.hpp"
#include "redis/shard_of.hpp"
#include "redis/stamps.hpp"
#include "redis/support/golden.hpp"
#include "sluice/redis/redis_options.hpp"
#include "support/catch.hpp"

using namespace sluice;
using namespace sluice::redis;
using namespace std::string_literals;

TEST_CASE("a name belongs to the host that channels_redis gives it", "[redis][R-4]") {
  CHECK(crc32("123456789") == 0xcbf43926);
  for (json::Value entry : golden()["shards"].elements()) {
    INFO(entry.to_text().view());
    CHECK(shard_of(*entry.at(0).as_string(), *entry.at(1).as_uint()) == *entry.at(2).as_uint());
  }
  for (std::size_t hosts = 1; hosts < 20; ++hosts) {
    for (int i = 0; i < 1000; ++i) CHECK(shard_of(std::to_string(i), hosts) < hosts);
  }
}

TEST_CASE("stamps rise whatever the clock does", "[redis][R-12][CL-18]") {
  for (const std::size_t length : {12, 8, 20}) {
    Stamps stamps(length);
    Stamps::Stamp last = stamps.next(1'700'000'000.25);
    for (const double now : {1'700'000'000.25, 1'700'000'000.25, 1'600'000'000.0, 1'700'000'000.5, 0.0}) {
      const Stamps::Stamp next = stamps.next(now);
      CHECK(next.score > last.score);
      CHECK(next.prefix > last.prefix);
      CHECK(next.prefix.size() == length);
      last = next;
    }
  }
  CHECK(Stamps(0).next(1).prefix.empty());
  CHECK(Stamps(3).next(1).prefix.size() == 3);
}

TEST_CASE("equal messages of two senders differ", "[redis][R-12]") {
  CHECK(Stamps(8).next(1).prefix != Stamps(8).next(1).prefix);
}

TEST_CASE("times are the shortest decimal of a double", "[redis][R-14]") {
  CHECK(to_text(1'700'000'000.25) == "1700000000.25");
  CHECK(to_text(1'700'000'003.251) == "1700000003.251");
  CHECK(to_text(1'700'000'000) == "1700000000");
  CHECK(std::stod("1700000003.2509999") == 1'700'000'003.251);
}

TEST_CASE("keys and channels are named as channels_redis names them", "[redis][R-11][R-41]") {
  const CoreNames core("asgi");
  CHECK(core.group_key("table-22") == "asgi:group:table-22");
  CHECK(core.channel_key("sse_client_0011") == "asgisse_client_0011");
  CHECK(PubSubNames("asgi").group_channel("table-22") == "asgi__group__table-22");
}

TEST_CASE("a host is read from its URL", "[redis][R-5][R-6]") {
  const auto shown = [](const RedisHost& host) {
    return host.to_string() + (host.endpoint.tls ? " tls" : "") + " " + host.username + ":" + host.password;
  };
  CHECK(shown("redis://localhost") == "localhost:6379 :");
  CHECK(shown("redis://") == "localhost:6379 :");
  CHECK(shown("redis://[::1]:7000/3") == "::1:7000/3 :");
  CHECK(shown("redis://:p%40ss@db.example:7000") == "db.example:7000 :p@ss");
  CHECK(shown("redis://ann:a:b@h/0?db=4") == "h:6379/4 ann:a:b");
  CHECK(shown("rediss://h") == "h:6379 tls :");
  CHECK(shown("unix:///run/redis.sock?db=2") == "/run/redis.sock/2 :");
  CHECK(shown("unix://u:p@/run/redis.sock") == "/run/redis.sock u:p");

  const RedisHost secured("rediss://h?ssl_ca_certs=/etc/ca.pem&ssl_cert_reqs=none");
  CHECK(secured.endpoint.tls == TlsClientOptions{.verify = false, .ca_file = "/etc/ca.pem"});

  const RedisHost watched("sentinel://:p@one,two:7001/mymaster/5");
  CHECK(watched.master_name == "mymaster");
  CHECK(watched.database == 5);
  CHECK(watched.password == "p");
  REQUIRE(watched.sentinels.size() == 2);
  CHECK(watched.sentinels[0].to_string() == "one:26379");
  CHECK(watched.sentinels[1].to_string() == "two:7001");
  CHECK(watched.to_string() == "the master \"mymaster\"");
}

TEST_CASE("what is no URL of a host is refused, and its password not told", "[redis][R-5]") {
  for (const char* url :
       {"", "localhost", "localhost:6379", "http://h", "redis://h:port", "redis://h:99999", "redis://h/zero", "unix://",
        "sentinel://h", "sentinel:///m", "redis://[::1", "redis://h?x=1"}) {
    INFO(url);
    CHECK_THROWS_AS(RedisHost(url), std::invalid_argument);
  }
  try {
    RedisHost("redis://user:secret@host:port");
  } catch (const std::invalid_argument& error) {
    CHECK(std::string(error.what()).find("secret") == std::string::npos);
  }
}

TEST_CASE("a command is an array of byte strings", "[redis]") {
  std::string bytes;
  Command({"ZADD", "k", std::string_view("a\0\r\n", 4)}).arg(-7).write_to(bytes);
  CHECK(bytes == "*4\r\n$4\r\nZADD\r\n$1\r\nk\r\n$4\r\na\0\r\n\r\n$2\r\n-7\r\n"s);
}

TEST_CASE("replies are read however they are split", "[redis]") {
  const std::string bytes =
      ":-7\r\n+OK\r\n-WRONGPASS no\r\n$-1\r\n*-1\r\n$4\r\na\0\r\n\r\n*3\r\n$1\r\nk\r\n:1\r\n*1\r\n$0\r\n\r\n*0\r\n"s;
  const auto show = [](auto& self, const Reply& reply) -> std::string {
    switch (reply.kind) {
      case Reply::Kind::nil: return "nil";
      case Reply::Kind::integer: return std::to_string(reply.integer);
      case Reply::Kind::text: return "'" + reply.text + "'";
      case Reply::Kind::error: return "error " + reply.text;
      case Reply::Kind::array: break;
    }
    std::string text = "[";
    for (const Reply& element : reply.elements) text += self(self, element) + " ";
    return text + "]";
  };
  const std::string all = "-7;'OK';error WRONGPASS no;nil;nil;'a\0\r\n';['k' 1 ['' ] ];[];"s;
  const auto read = [&](std::initializer_list<std::string_view> pieces) {
    ReplyReader reader;
    std::string text;
    for (std::string_view piece : pieces) {
      reader.feed(piece);
      for (;;) {
        const auto reply = reader.next();
        REQUIRE(reply);
        if (!*reply) break;
        text += show(show, **reply) + ";";
      }
    }
    return text;
  };
  const std::string_view view(bytes);
  CHECK(read({view}) == all);
  for (std::size_t at = 0; at <= bytes.size(); ++at) CHECK(read({view.substr(0, at), view.substr(at)}) == all);
  ReplyReader reader;
  std::size_t replies = 0;
  for (const char byte : bytes) {
    reader.feed({&byte, 1});
    if (*reader.next()) ++replies;
  }
  CHECK(replies == 8);
}

TEST_CASE("bytes that are not Redis's are an error and stay one", "[redis]") {
  ReplyReader reader;
  reader.feed("HTTP/1.1 400 Bad Request\r\n");
  const auto reply = reader.next();
  REQUIRE_FALSE(reply);
  CHECK(reply.error().code() == ErrorCode::parse_failed);
  reader.feed(":1\r\n");
  CHECK_FALSE(reader.next());
}

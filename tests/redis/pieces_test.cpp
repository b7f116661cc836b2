// SPDX-License-Identifier: MIT
// Hashing, stamps, names, hosts, and Redis's own protocol.
#include <algorithm>
#include <stdexcept>

#include "redis/bus/host_of.hpp"
#include "redis/bus/names.hpp"
#include "redis/core/message_sequence.hpp"
#include "redis/support/golden.hpp"
#include "redis/wire/resp.hpp"
#include "sluice/core/log.hpp"
#include "sluice/redis/redis_options.hpp"
#include "support/catch.hpp"
#include "support/log_capture.hpp"

using namespace sluice;
using namespace sluice::redis;
using namespace std::string_literals;

TEST_CASE("a name belongs to the host that channels_redis gives it", "[redis][R-4]") {
  for (json::Value entry : golden()["shards"].elements()) {
    INFO(entry.to_text().view());
    CHECK(host_of(*entry.at(0).as_string(), *entry.at(1).as_uint()) == *entry.at(2).as_uint());
  }
  for (std::size_t hosts = 1; hosts < 20; ++hosts) {
    for (int i = 0; i < 1000; ++i) CHECK(host_of(std::to_string(i), hosts) < hosts);
  }
}

TEST_CASE("message times increase, whatever the clock does", "[redis][R-12][CL-18]") {
  for (const std::size_t length : {12, 8, 20}) {
    MessageSequence stamps(length);
    MessageSequence::Stamp last = stamps.next(1'700'000'000.25);
    for (const double now : {1'700'000'000.25, 1'700'000'000.25, 1'600'000'000.0, 1'700'000'000.5, 0.0}) {
      const MessageSequence::Stamp next = stamps.next(now);
      CHECK(next.score > last.score);
      CHECK(next.prefix > last.prefix);
      CHECK(next.prefix.size() == length);
      last = next;
    }
  }
  CHECK(MessageSequence(0).next(1).prefix.empty());
  CHECK(MessageSequence(3).next(1).prefix.size() == 3);
}

TEST_CASE("equal messages of two senders differ", "[redis][R-12]") {
  CHECK(MessageSequence(8).next(1).prefix != MessageSequence(8).next(1).prefix);
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

TEST_CASE("an invalid URL is refused without its password in the message", "[redis][R-5]") {
  for (const char* url :
       {"", "localhost", "localhost:6379", "http://h", "redis://h:port", "redis://h:99999", "redis://h/zero", "unix://",
        "sentinel://h", "sentinel:///m", "redis://[::1", "redis://h?x=1"}) {
    INFO(url);
    CHECK_THROWS_AS(RedisHost(url), std::invalid_argument);
  }
}

TEST_CASE("no message about a URL, and no name of a host, holds a part of its password", "[redis][R-5]") {
  // Wherever a password is cut by what should have been escaped in it.
  for (const char* secret : {"hunter2/secret", "hunter2?secret", "1234/secret", "1234?secret", "hunter2?db=secret",
                             "hunter2&secret?ssl=hunter2", "hunter2#secret", "hun@ter2?sec@ret", "[hunter2/secret",
                             "1234/secret/secret", "1234?password=hunter2&secret", "hunter2,secret/secret"}) {
    for (const char* around : {"redis://:{}@localhost:6379/0", "redis://user:{}@localhost", "rediss://{}:x@h/0",
                               "unix://:{}@/tmp/x.sock?db=3", "sentinel://:{}@s1:26379,s2/mymaster/0",
                               "sentinel://:{}@s1", "cluster://:{}@c1:7000,c2", "redis://localhost/0?password={}",
                               "redis://localhost/{}?password=hunter2", "sentinel://s1/m?sentinel_password={}"}) {
      std::string url(around);
      url.replace(url.find("{}"), 2, secret);
      INFO(url);
      std::string said;
      const test::LogCapture log;
      try {
        said += RedisHost(url).to_string();
      } catch (const std::invalid_argument& error) {
        said += error.what();
      }
      said += log.text();
      for (const char* part : {"hunter", "secret", "1234", "ter2", "ret"}) {
        CHECK(said.find(part) == std::string::npos);
      }
    }
  }
}

TEST_CASE("a wrong part of a URL without a password is shown", "[redis][R-5]") {
  CHECK_THROWS_WITH(RedisHost("redis://h:port"), Catch::Matchers::ContainsSubstring("\"port\" is no port"));
  CHECK_THROWS_WITH(RedisHost("redis://h/0?x=1"), Catch::Matchers::ContainsSubstring("\"x\" is not known"));
  CHECK_THROWS_WITH(RedisHost("redis://:a/b@h"), Catch::Matchers::ContainsSubstring("'/' is written %2F"));
}

TEST_CASE("TLS options hold for sentinels, their master and the members of a cluster", "[redis][R-5][R-6]") {
  const RedisHost watched("sentinel://one,two/m/1?ssl_ca_certs=/etc/ca.pem&ssl_check_hostname=false");
  const TlsClientOptions wanted{.ca_file = "/etc/ca.pem", .verify_host = false};
  CHECK(watched.endpoint.tls == wanted);
  for (const Endpoint& sentinel : watched.sentinels) CHECK(sentinel.tls == wanted);
  const RedisHost cluster("cluster://one,two?ssl=true&ssl_cert_reqs=CERT_NONE");
  for (const Endpoint& member : cluster.cluster) CHECK(member.tls == TlsClientOptions{.verify = false});
  CHECK_FALSE(RedisHost("sentinel://one/m?ssl=False").sentinels[0].tls);
  CHECK(RedisHost("rediss://h?ssl_cert_reqs=None").endpoint.tls->verify == false);
  CHECK(RedisHost("rediss://h?ssl_cert_reqs=optional").endpoint.tls->verify);
  CHECK_THROWS(RedisHost("rediss://h?ssl_cert_reqs=no"));
  CHECK_THROWS_WITH(RedisHost("redis://h?ssl_ca_certs=/etc/ca.pem"), Catch::Matchers::ContainsSubstring("rediss://"));
  CHECK_THROWS(RedisHost("rediss://h?ssl=false"));
}

TEST_CASE("options of redis-py are understood, or ignored with a warning", "[redis][R-5]") {
  const test::LogCapture log;
  const RedisHost host(
      "redis://localhost:6379/2?health_check_interval=10&socket_timeout=5&username=ann&password=p%40+s&db=3"
      "&decode_responses=True&max_connections=50");
  const RedisHost watched("sentinel://one/m?sentinel_username=u&sentinel_password=p");
  const std::string said = log.text();
  CHECK(host.database == 3);
  CHECK(host.username == "ann");
  CHECK(host.password == "p@ s");
  CHECK(watched.sentinel_username + watched.sentinel_password == "up");
  for (const char* name : {"health_check_interval", "socket_timeout", "decode_responses", "max_connections"}) {
    CHECK_THAT(said, Catch::Matchers::ContainsSubstring("\"" + std::string(name) + "\" means nothing here"));
  }
  CHECK(std::ranges::count(said, '\n') == 4);
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

TEST_CASE("bytes that are no Redis reply are an error, and the reader stays failed", "[redis]") {
  ReplyReader reader;
  reader.feed("HTTP/1.1 400 Bad Request\r\n");
  const auto reply = reader.next();
  REQUIRE_FALSE(reply);
  CHECK(reply.error().code() == ErrorCode::parse_failed);
  reader.feed(":1\r\n");
  CHECK_FALSE(reader.next());
}

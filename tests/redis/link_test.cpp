// SPDX-License-Identifier: MIT
#include "redis/wire/link.hpp"

#include "redis/support/tiny_redis.hpp"
#include "sluice/testing/manual_executor.hpp"
#include "support/catch.hpp"

using namespace sluice;
using namespace sluice::redis;
using namespace std::chrono_literals;
using sluice::testing::ManualExecutor;
using sluice::testing::ScriptedDialer;
using sluice::testing::ScriptedPeer;

namespace {

// A link and its callbacks, in order.
struct Room {
  explicit Room(Greeting greeting = {}) {
    link = Link::open(dialer, {.host = "redis", .port = 6379}, executor, std::move(greeting), 1000ms,
                      {.ready = [this] { note("ready"); },
                       .lost = [this](const Error& error) { note("lost:" + std::string(to_string(error.code()))); },
                       .pushed = [this](const Reply& push) { note("push:" + push.elements.back().text); }});
  }
  void ask(const Command& command, std::chrono::milliseconds blocks = {}) {
    link->request(
        command,
        [this](const Result<Reply>& reply) {
          note(!reply ? "no answer" : reply->is_error() ? reply->text : std::to_string(reply->integer));
        },
        blocks);
  }
  void note(const std::string& what) { told += (told.empty() ? "" : ", ") + what; }

  ManualExecutor executor;
  TinyRedis redis{executor};
  ScriptedDialer dialer{redis.server()};
  std::string told;
  std::shared_ptr<Link> link;
};

}  // namespace

TEST_CASE("a link greets, is ready, and gets its answers in order", "[redis][R-7]") {
  Room room({.username = "ann", .password = "secret", .database = 3});
  room.redis.require_password("secret");
  room.executor.run_all();
  CHECK(room.told == "ready");
  room.ask({"ZADD", "k", "1", "a"});
  room.ask({"ZADD", "k", "2", "a"});
  room.ask({"ZREM", "k", "b"});
  room.ask({"NONSENSE", "k"});
  room.executor.run_all();
  CHECK(room.told == "ready, 1, 0, 0, ERR unknown command 'NONSENSE'");
}

TEST_CASE("writes and reads may be split anywhere", "[redis]") {
  Room room;
  room.dialer.split(1);
  room.executor.run_all();
  room.ask({"ZADD", "k", "1", "a"});
  room.ask({"SUBSCRIBE", "c"});
  room.executor.run_all();
  (void)room.redis.run({"PUBLISH", "c", "hello\r\n"});
  room.executor.run_all();
  CHECK(room.told == "ready, 1, 0, push:hello\r\n");
}

TEST_CASE("a wrong or unexpected password is reported with the server's reason", "[redis]") {
  for (const char* password : {"wrong", ""}) {
    Room room({.password = password});
    room.redis.require_password("secret");
    room.executor.run_all();
    CHECK(room.told == "lost:layer_unavailable");
  }
}

TEST_CASE("an unreachable server is reported at once", "[redis]") {
  Room room;
  room.dialer.refuse(true);
  room.executor.run_all();
  CHECK(room.told == "lost:io_failed");
}

TEST_CASE("a server that accepts and sends nothing is given up in time", "[redis]") {
  Room room;
  room.dialer.hold();
  room.executor.advance(900ms);
  CHECK(room.told.empty());
  room.executor.advance(400ms);
  CHECK(room.told == "lost:timed_out");
}

TEST_CASE("a server that falls silent is detected, with a request pending or without", "[redis]") {
  SECTION("while an answer is due") {
    Room room;
    room.executor.run_all();
    room.executor.advance(700ms);
    room.dialer.hold();
    room.ask({"ZREM", "k", "a"});
    room.executor.advance(900ms);
    CHECK(room.told == "ready");
    room.executor.advance(400ms);
    CHECK(room.told == "ready, no answer, lost:timed_out");
  }
  SECTION("on a quiet connection") {
    Room room;
    room.executor.run_all();
    room.dialer.hold();
    room.executor.advance(3s);
    CHECK(room.told == "ready, lost:timed_out");
  }
  SECTION("a quiet connection that is well stays") {
    Room room;
    room.executor.run_all();
    room.executor.advance(1h);
    CHECK(room.told == "ready");
  }
  SECTION("a command that blocks may take its time") {
    Room room;
    room.executor.run_all();
    room.ask({"BZPOPMIN", "k", "60"}, 5s);  // longer than it said it would
    room.executor.advance(5900ms);
    CHECK(room.told == "ready");
    room.executor.advance(500ms);
    CHECK(room.told == "ready, no answer, lost:timed_out");
  }
}

TEST_CASE("a connection that breaks fails every pending request once", "[redis]") {
  Room room;
  room.executor.run_all();
  room.ask({"BZPOPMIN", "k", "5"}, 5s);
  room.ask({"ZREM", "k", "a"});
  room.executor.run_all();
  room.dialer.break_all();
  room.executor.run_all();
  CHECK(room.told == "ready, no answer, no answer, lost:io_failed");
  room.ask({"ZREM", "k", "a"});
  CHECK(room.told == "ready, no answer, no answer, lost:io_failed");
  room.executor.run_all();
  CHECK(room.told == "ready, no answer, no answer, lost:io_failed, no answer");
}

TEST_CASE("a link that is closed fails its requests, and does not notify its owner", "[redis]") {
  Room room;
  room.executor.run_all();
  room.ask({"BZPOPMIN", "k", "5"}, 5s);
  room.executor.run_all();
  room.link->close("enough");
  CHECK(room.told == "ready, no answer");
  room.executor.advance(1min);
  CHECK(room.told == "ready, no answer");
  CHECK(room.redis.clients() == 0);
}

TEST_CASE("a server that refuses further commands is given up", "[redis][R-6]") {
  for (const char* error : {"READONLY You can't write against a read only replica.", "LOADING Redis is loading",
                            "ERR Error running script: -READONLY You can't write", "NOAUTH Authentication required.",
                            "MASTERDOWN Link with MASTER is down"}) {
    Room room;
    room.executor.run_all();
    room.redis.fail_with(error);
    room.ask({"ZADD", "k", "1", "a"});
    room.executor.run_all();
    CHECK(room.told == "ready, " + std::string(error) + ", lost:layer_unavailable");
  }
  Room room;
  room.executor.run_all();
  room.redis.fail_with("OOM command not allowed when used memory > 'maxmemory'.");
  room.ask({"ZADD", "k", "1", "a"});
  room.executor.run_all();
  CHECK(room.told == "ready, OOM command not allowed when used memory > 'maxmemory'.");
}

TEST_CASE("a server that is no Redis is given up", "[redis]") {
  ManualExecutor executor;
  std::string told;
  ScriptedDialer dialer([](const auto& peer) {
    peer->on_bytes = [weak = std::weak_ptr(peer)](std::string_view) { weak.lock()->send("HTTP/1.1 400\r\n\r\n"); };
  });
  const auto link = Link::open(
      dialer, {}, executor, {}, 1000ms,
      {.ready = [&] { told += "ready"; }, .lost = [&](const Error& error) { told += to_string(error.code()); }});
  executor.run_all();
  CHECK(told == "parse_failed");
}

TEST_CASE("wherever a connection breaks each request fails once, and the owner is notified last", "[redis]") {
  for (const std::size_t piece : {0, 1}) {
    for (std::size_t operation = 1;; ++operation) {
      Room room({.password = "p"});
      room.redis.require_password("p");
      room.dialer.split(piece);
      room.dialer.fail_at(operation);
      room.executor.run_all();
      if (room.told == "ready") {
        room.ask({"ZADD", "k", "1", "a"});
        room.ask({"ZREM", "k", "a"});
        room.executor.run_all();
      }
      if (room.dialer.operations() < operation) break;
      INFO(piece << " " << operation << ": " << room.told);
      CHECK(room.told.ends_with("lost:io_failed"));
      if (room.told.starts_with("ready")) {
        std::size_t answers = 0;
        for (std::size_t at = 0; (at = room.told.find(", ", at)) != std::string::npos; ++at) ++answers;
        CHECK(answers == 3);
      }
    }
  }
}

// SPDX-License-Identifier: MIT
// A live Django with channels_redis on the other side.
#include <algorithm>
#include <chrono>
#include <csignal>
#include <string>
#include <tuple>

#include "redis/support/django_peer.hpp"
#include "redis/support/golden.hpp"
#include "redis/support/live_world.hpp"
#include "sluice/page/core_consumer.hpp"
#include "sluice/page/page.hpp"
#include "sluice/testing/communicator.hpp"
#include "support/catch.hpp"

using namespace sluice;
using namespace sluice::redis;
using namespace std::chrono_literals;
using namespace std::string_literals;

namespace {

struct Core {
  using Layer = RedisChannelLayer;
  using Process = CoreProcess;
  static constexpr const char* kind = "core";
};
struct PubSub {
  using Layer = RedisPubSubChannelLayer;
  using Process = PubSubProcess;
  static constexpr const char* kind = "pubsub";
};
using Kinds = std::tuple<Core, PubSub>;

// A Redis, a Django and one of our processes.
template <class Kind>
struct Pair {
  explicit Pair(const std::string& config = "{}", RedisOptions options = patient())
      : django(Kind::kind, server.url(), config), ours(with(server, std::move(options))) {}

  static RedisOptions with(const RedisServer& server, RedisOptions options) {
    options.hosts = {server.url()};
    return options;
  }

  RedisServer server;
  DjangoPeer django;
  typename Kind::Process ours;
};

const std::string g = "\"g\"", ann = "\"ann\"", bob = "\"bob\"";

}  // namespace

TEMPLATE_LIST_TEST_CASE("broadcasts of Django reach Sluice's consumers", "[redis][django][I-3][I-5][R-42]", Kinds) {
  Pair<TestType> pair;
  Guest& one = pair.ours.guest_in("g");
  Guest& two = pair.ours.guest_in("g");
  for (int i = 0; i < 3; ++i) CHECK(pair.django("group_send", g, number_event(i)) == "null");
  CHECK(one.hears("0 1 2"));
  CHECK(two.hears("0 1 2"));
  const std::string event = R"({"type":"broadcast_to_group","payload":{"a":[1,null,"é"]},)"
                            R"("ignore_web_socket_id":null,"exclude_user_ids":null})";
  CHECK(pair.django("group_send", g, event) == "null");
  CHECK(one.hears(R"(0 1 2 {"a":[1,null,"é"]})"));
}

TEMPLATE_LIST_TEST_CASE("broadcasts of Sluice reach Django's consumers", "[redis][django][I-2][I-7][R-42]", Kinds) {
  Pair<TestType> pair;
  (void)pair.django("connect", ann, g);
  (void)pair.django("connect", bob, g);
  const auto receipt = block_on(pair.ours.layer.group_send_confirmed("g", numbered(1)));
  REQUIRE(receipt);
  CHECK(receipt->reached == 1);
  CHECK(pair.django("hear", ann) == R"({"n":1})");
  CHECK(pair.django("hear", bob) == R"({"n":1})");
  const auto everything = Event::broadcast_to_group(json::Text(R"({"a":[1,2.0,null,true,"é",{}],"b":-7})"),
                                                    {.except_socket = "s", .except_users = {1, "x"}});
  REQUIRE(pair.ours.layer.group_send("g", everything));
  CHECK(pair.django("hear", ann) == R"({"type":"broadcast_to_group","payload":{"a":[1,2.0,null,true,"é",{}],"b":-7},)"
                                    R"("ignore_web_socket_id":"s","exclude_user_ids":[1,"x"]})");
  CHECK(pair.django("silent", ann) == "true");
}

TEMPLATE_LIST_TEST_CASE("direct sends arrive in both directions", "[redis][django][I-1][R-40][R-43]", Kinds) {
  Pair<TestType> pair;
  Guest& guest = pair.ours.guest();
  const std::string channel = plain_text(pair.django("connect", ann));
  CHECK(pair.django("connect", bob) != pair.django("connect", "\"cyd\""));
  REQUIRE(pair.ours.layer.send(channel, numbered(1)));
  CHECK(pair.django("hear", ann) == R"({"n":1})");
  CHECK(pair.django("silent", bob) == "true");
  CHECK(pair.django("send", json_text(guest.name()), number_event(2)) == "null");
  CHECK(guest.hears("2"));
}

TEMPLATE_LIST_TEST_CASE("a group has members on both sides, and ends when all leave", "[redis][django][I-5][I-6][R-44]",
                        Kinds) {
  Pair<TestType> pair;
  typename TestType::Process other(at(pair.server));
  (void)pair.django("connect", ann, g);
  Guest& one = pair.ours.guest_in("g");
  Guest& two = other.guest_in("g");
  CHECK(pair.django("group_send", g, number_event(1)) == "null");
  CHECK(one.hears("1"));
  CHECK(two.hears("1"));
  CHECK(pair.django("hear", ann) == R"({"n":1})");
  REQUIRE(pair.ours.layer.group_send("g", numbered(2)));
  CHECK(one.hears("1 2"));
  CHECK(two.hears("1 2"));
  CHECK(pair.django("hear", ann) == R"({"n":2})");
  one.leave("g");
  REQUIRE(block_on(other.layer.group_send_confirmed("g", numbered(3))));
  CHECK(two.hears("1 2 3"));
  CHECK(one.heard() == "1 2");
  (void)pair.django("disconnect", ann);
  pair.ours.guests.clear();
  other.guests.clear();
  block_on(pair.ours.layer.close());
  block_on(other.layer.close());
  CHECK(eventually([&] { return pair.server.keys("asgi:group:*").empty(); }));
  // What Django's consumer was sent and did not read has the layer's expiry to live; what Django had in hand for it
  // goes as soon as Django comes to it.
  const auto will_go = [&](const std::string& key) { return pair.server.command({"TTL", key}).integer != -1; };
  for (const std::string& key : pair.server.keys()) {
    INFO(key);
    CHECK(key.starts_with("asgispecific."));
    CHECK(eventually([&] { return will_go(key); }));
  }
}

TEST_CASE("after all members have left there is no key in Redis", "[redis][django][I-6][R-26]") {
  Pair<Core> pair;
  (void)pair.django("connect", ann, g);
  pair.ours.guest_in("g");
  CHECK(pair.django("group_send", g, number_event(1)) == "null");
  CHECK(pair.django("hear", ann) == R"({"n":1})");
  REQUIRE(pair.ours.layer.group_send("g", numbered(2)));
  CHECK(pair.django("hear", ann) == R"({"n":2})");
  (void)pair.django("disconnect", ann);
  pair.ours.guests.clear();
  block_on(pair.ours.layer.close());
  CHECK(eventually([&] { return pair.server.keys().empty(); }));
}

TEST_CASE("encrypted on both sides", "[redis][django][R-10]") {
  RedisOptions options = patient();
  options.symmetric_encryption_keys = {"new", "old"};
  Pair<Core> pair(R"({"symmetric_encryption_keys":["old","new"]})", options);
  (void)pair.django("connect", ann, g);
  Guest& guest = pair.ours.guest_in("g");
  CHECK(pair.django("group_send", g, number_event(1)) == "null");
  CHECK(guest.hears("1"));
  CHECK(pair.django("hear", ann) == R"({"n":1})");
  REQUIRE(pair.ours.layer.group_send("g", numbered(2)));
  CHECK(pair.django("hear", ann) == R"({"n":2})");
}

TEST_CASE("a full channel is full for Django and for Sluice", "[redis][django][R-15][CL-7]") {
  Pair<Core> pair;
  CHECK(pair.django("flood", "\"django.jobs\"", "150") == "100");
  const auto late = block_on(pair.ours.layer.send_confirmed("django.jobs", numbered(1)));
  REQUIRE_FALSE(late);
  CHECK(late.error().code() == ErrorCode::channel_full);
  int taken = 0;
  while (block_on(pair.ours.layer.send_confirmed("our.jobs", numbered(taken)))) ++taken;
  CHECK(taken == 100);
  CHECK(pair.django("send", "\"our.jobs\"", number_event(1)) == "error: ChannelFull");
  CHECK(pair.django("receive", "\"our.jobs\"") == R"({"type":"number","n":0})");
  auto inbox = block_on(pair.ours.layer.open_inbox("django.jobs"));
  for (int i = 0; i < 100; ++i) CHECK(block_on(inbox->receive())->value()["n"].as_int() == i);
}

TEST_CASE("a burst from Django arrives whole where the capacity allows it", "[redis][django][R-21][CL-12]") {
  Pair<Core> pair(R"({"capacity": 1000})");  // of 100, as by default, some are lost while the machine is busy
  Guest& guest = pair.ours.guest_in("g");
  CHECK(pair.django("group_flood", g, "0", "1000") == "null");
  CHECK(eventually([&] { return std::ranges::count(guest.heard(), ' ') >= 999; }));
}

TEST_CASE("a burst of Sluice fills a Django process up to its capacity, and harms no one", "[redis][django][R-19]") {
  Pair<Core> pair;
  (void)pair.django("connect", ann, g);
  Guest& guest = pair.ours.guest_in("g");
  pair.django.process().signal(SIGSTOP);
  std::size_t full = 0;
  for (int i = 0; i < 150; ++i) full += block_on(pair.ours.layer.group_send_confirmed("g", numbered(i)))->full;
  pair.django.process().signal(SIGCONT);
  CHECK(full >= 49);
  CHECK(full <= 50);  // one may have been on its way into Django when it stopped
  CHECK(pair.ours.layer.stats().dropped_full == full);
  CHECK(eventually([&] { return std::ranges::count(guest.heard(), ' ') == 149; }));
  CHECK(pair.django("hear", ann) == R"({"n":0})");
}

TEMPLATE_LIST_TEST_CASE("bytes that are no event end no consumer", "[redis][django][R-34][R-35][R-46]", Kinds) {
  Pair<TestType> pair;
  Guest& guest = pair.ours.guest_in("g");
  const bool core = std::is_same_v<TestType, Core>;
  const std::string inbox = "asgi" + std::string(non_local_name(guest.name()));
  int score = 0;
  for (const std::string bytes : {"", "short", "\xc1garbage that is long enough", "\x90zzzzzzzzzzzzzzzzzz"}) {
    if (core) (void)pair.server.command({"ZADD", inbox, std::to_string(++score), bytes});
    if (!core) (void)pair.server.command({"PUBLISH", "asgi__group__g", bytes});
  }
  CHECK(eventually([&] { return pair.ours.layer.redis_stats().unreadable == 4; }));
  CHECK(pair.django("group_send", g, number_event(1)) == "null");
  CHECK(guest.hears("1"));
}

TEMPLATE_LIST_TEST_CASE("a Django process that is killed during its broadcasts does not affect Sluice",
                        "[redis][django]", Kinds) {
  Pair<TestType> pair;
  Guest& guest = pair.ours.guest_in("g");
  (void)pair.django("connect", ann, g);
  pair.django.begin("group_flood", g, "0", "100000");
  REQUIRE(eventually([&] { return !guest.heard().empty(); }));
  pair.django.process().signal(SIGKILL);
  pair.django.process().wait();
  REQUIRE(pair.ours.layer.group_send("g", numbered(-1)));
  CHECK(eventually([&] { return guest.heard().ends_with(" -1"); }));
  CHECK(pair.ours.layer.redis_stats().downs == 0);
  DjangoPeer again(TestType::kind, pair.server.url());
  (void)guest.take_heard();
  CHECK(again("group_send", g, number_event(7)) == "null");
  CHECK(guest.hears("7"));
}

TEMPLATE_LIST_TEST_CASE("Django and Sluice both recover when Redis is restarted", "[redis][django][R-48]", Kinds) {
  Pair<TestType> pair;
  Guest& guest = pair.ours.guest_in("g");
  pair.server.stop();
  REQUIRE(guest.hears("layer_down"));
  pair.server.start();
  REQUIRE(guest.hears("layer_down layer_up"));
  // channels_redis finds its connections broken when it uses them, once each.
  REQUIRE(eventually([&] { return pair.django("group_send", g, number_event(1)) == "null"; }));
  CHECK(eventually([&] { return guest.heard().ends_with("1"); }));
}

TEST_CASE("four hosts: Django's sends to our consumers all arrive", "[redis][django][R-22][R-23][R-47]") {
  RedisServer server;
  RedisOptions options = patient();
  std::string urls;
  options.hosts.clear();
  for (unsigned database = 0; database < 4; ++database) {
    options.hosts.emplace_back(server.url(database));
    urls += (database ? "," : "") + server.url(database);
  }
  DjangoPeer django("core", urls);
  CoreProcess ours(options);
  for (int i = 0; i < 40; ++i) {
    Guest& guest = ours.guest();
    CHECK(django("send", json_text(guest.name()), number_event(i)) == "null");
    CHECK(guest.hears(std::to_string(i)));
  }
  (void)django("connect", ann);
  Guest& guest = ours.guest();
  std::string expected;
  for (int i = 0; i < 8; ++i) {
    const std::string group = "g" + std::to_string(i);
    REQUIRE(guest.join(group));
    (void)django("join", ann, json_text(group));
    CHECK(django("group_send", json_text(group), number_event(i)) == "null");
    expected += (i ? " " : "") + std::to_string(i);
    CHECK(guest.hears(expected));
    CHECK(django("hear", ann) == R"({"n":)" + std::to_string(i) + "}");
    REQUIRE(ours.layer.group_send(group, numbered(i)));
    expected += " " + std::to_string(i);
    CHECK(django("hear", ann) == R"({"n":)" + std::to_string(i) + "}");
    CHECK(guest.hears(expected));
  }
}

// ---------------------------------------------------------------- Baserow's events

namespace {

struct TableParams {
  std::int64_t table_id = 0;
  static constexpr auto fields() { return sluice::fields(sluice::field("table_id", &TableParams::table_id)); }
};

class TablePage final : public Page<TableParams> {
 public:
  TablePage() : Page("table") {}
  Task<bool> can_add(const Scope&, const TableParams&) override { return true; }
  std::string group_name(const TableParams& page) const override { return "table-" + std::to_string(page.table_id); }
  std::string permission_group_name(const TableParams& page) const override {
    return "permissions-table-" + std::to_string(page.table_id);
  }
};

class Login final : public Middleware {
 public:
  explicit Login(std::int64_t user) : user_(user) {}
  Task<Verdict> handle(Scope& scope) override {
    scope.set_user(User(user_));
    scope.set_web_socket_id("socket-" + std::to_string(user_));
    return Verdict::pass();
  }

 private:
  std::int64_t user_;
};

}  // namespace

TEMPLATE_LIST_TEST_CASE("a CoreConsumer handles all five broadcasts of Django",
                        "[redis][django][CC-22][CC-25][CC-26][CC-27][CC-30][BT-2]", Kinds) {
  RedisServer server;
  DjangoPeer django(TestType::kind, server.url());
  AsioExecutors sockets(1);
  AsioDialer dialer(sockets);
  sluice::testing::ManualExecutor executor;
  typename TestType::Layer layer(executor, dialer, at(server));
  auto pages = std::make_shared<PageRegistry>();
  REQUIRE(pages->add(std::make_shared<TablePage>()));
  const auto application = with(std::make_shared<Login>(7), consumer<CoreConsumer>(pages));
  {
    sluice::testing::Communicator browser(executor, application, layer, {"/ws/core/"});
    browser.set_patience(20s);
    REQUIRE(browser.connect());
    CHECK(browser.hear() == R"({"type":"authentication","success":true,"web_socket_id":"socket-7"})");
    browser.say(R"({"page":"table","table_id":22})");
    CHECK(browser.hear() == R"({"type":"page_add","page":"table","parameters":{"table_id":22}})");
    const auto told = [&](const std::string& group, const std::string& event) {
      CHECK(django("group_send", json_text(group), event) == "null");
    };
    told("users", R"({"type":"broadcast_to_users","user_ids":[1,7],"payload":{"a":1},"ignore_web_socket_id":"x",)"
                  R"("send_to_all_users":false})");
    CHECK(browser.hear() == R"({"a":1})");
    told("users", R"({"type":"broadcast_to_users_individual_payloads","payload_map":{"7":{"b":2},"8":{}},)"
                  R"("ignore_web_socket_id":null})");
    CHECK(browser.hear() == R"({"b":2})");
    told("table-22", R"({"type":"broadcast_to_group","payload":{"c":3},"ignore_web_socket_id":null,)"
                     R"("exclude_user_ids":[1]})");
    CHECK(browser.hear() == R"({"c":3})");
    told("permissions-table-22", R"({"type":"users_removed_from_permission_group","user_ids_to_remove":[7],)"
                                 R"("permission_group_name":"permissions-table-22"})");
    CHECK(browser.hear() == R"({"type":"page_discard","page":"table","parameters":{"table_id":22}})");
    told("users", R"({"type":"force_disconnect_users","user_ids":[7],"ignore_web_socket_ids":null})");
    CHECK(browser.hear() == R"({"type":"force_disconnect"})");
    CHECK(browser.hear_close().code() == 1000);
  }
  executor.run([&] { return layer.close(); });
  CHECK(server.keys().empty());
}

TEMPLATE_LIST_TEST_CASE("with several hosts every kind of send reaches Django", "[redis][django][R-4][R-15][R-22]",
                        Kinds) {
  RedisServer first, second;
  DjangoPeer django(TestType::kind, first.url() + "," + second.url());
  RedisOptions options = patient();
  options.hosts = {first.url(), second.url()};
  typename TestType::Process ours(options);
  constexpr int count = 30;
  constexpr bool is_core = std::is_same_v<TestType, Core>;
  for (int i = 0; i < 4; ++i) {  // to groups and consumers, on either host
    const std::string name = json_text("c" + std::to_string(i)), group = json_text("g" + std::to_string(i));
    const std::string channel = plain_text(django("connect", name, group));
    REQUIRE(ours.layer.group_send(plain_text(group), numbered(i)));
    CHECK(django("hear", name) == R"({"n":)" + std::to_string(i) + "}");
    REQUIRE(ours.layer.send(channel, numbered(i + 10)));
    CHECK(django("hear", name) == R"({"n":)" + std::to_string(i + 10) + "}");
  }
  const auto receive = [&](const std::string& channel, int number) {
    CHECK(django("receive", json_text(channel)) == number_event(number));
  };
  if (is_core) {
    for (int i = 0; i < count; ++i) REQUIRE(ours.layer.send("jobs", numbered(i)));
    for (int i = 0; i < count; ++i) receive("jobs", i);
    CHECK(django("add", "\"workers\"", "\"mails\"") == "null");
    for (int i = 0; i < count; ++i) REQUIRE(ours.layer.group_send("workers", numbered(i)));
    for (int i = 0; i < count; ++i) receive("mails", i);
  } else {
    for (const char* channel : {"jobs", "mails", "others"}) {
      django.begin("receive", json_text(channel));
      REQUIRE(eventually([&] { return block_on(ours.layer.send_confirmed(channel, numbered(7)))->reached == 1; }));
      CHECK(django.answer() == number_event(7));
    }
  }
}

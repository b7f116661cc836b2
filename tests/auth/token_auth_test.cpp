// SPDX-License-Identifier: MIT
#include "sluice/auth/token_auth.hpp"

#include <map>
#include <memory>
#include <regex>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "auth/support/complaint.hpp"
#include "auth/support/handshake.hpp"
#include "sluice/auth/jwt_signer.hpp"
#include "sluice/auth/web_socket_id.hpp"
#include "sluice/core/block_on.hpp"
#include "sluice/core/worker_pool.hpp"
#include "sluice/transport/http.hpp"
#include "support/catch.hpp"
#include "support/log_capture.hpp"

using namespace sluice;
using namespace std::chrono_literals;

namespace {

const std::string shared_secret = "0123456789abcdef0123456789abcdef";
const std::regex uuid4("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}");

std::shared_ptr<const JwtVerifier> verifier() {
  JwtOptions options;
  options.algorithms = {JwtAlgorithm::hs256};
  options.keys = {JwtKey::hmac(shared_secret)};
  options.now = [] { return TokenTime(1000s); };
  return std::make_shared<const JwtVerifier>(std::move(options));
}

std::string token_of(int user_id) {
  return sign_hs256(R"({"user_id":)" + std::to_string(user_id) + R"(,"exp":1060})", shared_secret);
}

TokenAuth token_auth(TokenAuthOptions options = {}) {
  return TokenAuth(verifier(), std::make_shared<ClaimUser>(), std::move(options));
}

std::string text_of(const User* user) {
  if (!user) return "nobody";
  return user->anonymous() ? "anonymous" : "user " + user->id().to_string();
}

// "user 7, id", "nobody, no id", "400, nobody, no id".
std::string outcome(TokenAuth& auth, const Handshake& handshake) {
  const test::LogCapture quiet;
  Scope scope = handshake.scope();
  scope.set_user(User(99));
  scope.set_web_socket_id("from before");
  const Verdict verdict = block_on(auth.handle(scope));
  std::string text = text_of(scope.user());
  if (!verdict.passed()) text = std::to_string(verdict.denial().http_status()) + ", " + text;
  const std::string id(scope.web_socket_id());
  if (id.empty()) return text + ", no id";
  return text + (std::regex_match(id, uuid4) ? ", id" : ", a strange id: " + id);
}
std::string outcome(TokenAuthOptions options, const Handshake& handshake) {
  TokenAuth auth = token_auth(std::move(options));
  return outcome(auth, handshake);
}

class FailingResolver final : public UserResolver {
 public:
  Task<std::optional<User>> resolve(const Claims&) override { throw std::runtime_error("the database is down"); }
};

// Upstream's rules for a user (behaviour MW-9), looked up on a thread of its own as a database would be.
class Directory final : public UserResolver {
 public:
  struct Person {
    bool active = true;
    bool deletion_scheduled = false;
    TokenTime password_changed{};
  };
  void put(std::int64_t id, Person person) { people_[id] = person; }
  void fail() { down_ = true; }

  Task<std::optional<User>> resolve(const Claims& claims) override {
    const auto id = claims["user_id"].as_int();
    const auto issued_at = claims.issued_at();
    if (!id || !issued_at) co_return std::nullopt;
    auto look_up = pool_.run([this, id = *id] { return find(id); });
    const auto person = co_await look_up;
    if (down_) throw std::runtime_error("the database is down");
    if (!person || !person->active || person->deletion_scheduled) co_return std::nullopt;
    if (*issued_at < person->password_changed) co_return std::nullopt;
    co_return User(*id);
  }

 private:
  std::optional<Person> find(std::int64_t id) const {
    const auto found = people_.find(id);
    return found == people_.end() ? std::nullopt : std::optional(found->second);
  }

  std::map<std::int64_t, Person> people_;
  bool down_ = false;
  WorkerPool pool_{1};
};

}  // namespace

TEST_CASE("a good token gives a user and a socket id, a bad one the id only, none neither",
          "[auth][MW-2][MW-3][MW-4][MW-5]") {
  TokenAuth auth = token_auth();
  const std::string good = token_of(7);
  const std::vector<std::pair<std::string, std::string>> table = {
      {"", "nobody, no id"},
      {"jwt_token", "nobody, no id"},
      {"jwt_token=", "nobody, no id"},
      {"other=1&JWT_TOKEN=" + good, "nobody, no id"},
      {"jwt_token=" + good, "user 7, id"},
      {"jwt_token=random", "nobody, id"},
      {"jwt_token=%20", "nobody, id"},
      {"jwt_token=" + good + "x", "nobody, id"},
      {"other=1&jwt_token=" + good + "&more=2", "user 7, id"},
      {"jwt_token=&jwt_token=" + good, "user 7, id"},
      {"jwt_token=random&jwt_token=" + good, "nobody, id"},
      {"jwt_token=" + good + "&jwt_token=random", "user 7, id"},
      {"x=1;jwt_token=" + good, "nobody, no id"},
      {"jwt%5Ftoken=%65" + good.substr(1), "user 7, id"},
      {"jwt_token=" + good.substr(0, 20) + "+" + good.substr(20), "nobody, id"},
  };
  for (const auto& [query, expected] : table) {
    CAPTURE(query);
    CHECK(outcome(auth, Handshake().query(query)) == expected);
  }
}

TEST_CASE("a query string that is not UTF-8 is a bad request", "[auth][MW-6]") {
  TokenAuth auth = token_auth();
  CHECK(outcome(auth, Handshake().query("x=\xff&jwt_token=" + token_of(7))) == "400, nobody, no id");
  CHECK(outcome(auth, Handshake().query("jwt_token=\xc3")) == "400, nobody, no id");
  CHECK(outcome(auth, Handshake().query("x=%FF&jwt_token=" + token_of(7))) == "user 7, id");
  CHECK(outcome(auth, Handshake().query("jwt_token=%FF")) == "nobody, id");
  CHECK(outcome(auth, Handshake().query("x=\xc3\xa4&jwt_token=" + token_of(7))) == "user 7, id");
}

TEST_CASE("each of 10,000 connections gets a web_socket_id of its own, a UUID of version 4", "[auth][MW-7]") {
  std::set<std::string> ids;
  bool all_well_formed = true;
  for (int i = 0; i < 10'000; ++i) {
    const std::string id = new_web_socket_id();
    all_well_formed = all_well_formed && std::regex_match(id, uuid4);
    ids.insert(id);
  }
  CHECK(all_well_formed);
  CHECK(ids.size() == 10'000);

  TokenAuth auth = token_auth();
  Scope first = Handshake().query("jwt_token=" + token_of(7)).scope();
  Scope second = Handshake().query("jwt_token=" + token_of(7)).scope();
  block_on(auth.handle(first));
  block_on(auth.handle(second));
  CHECK(first.web_socket_id() != second.web_socket_id());
}

TEST_CASE("the token `anonymous` is an anonymous user, unless it is switched off", "[auth][MW-8]") {
  const TokenAuthOptions off{.allow_anonymous = false};
  const auto anonymous = Handshake().query("jwt_token=anonymous");
  CHECK(outcome(TokenAuthOptions{}, anonymous) == "anonymous, id");
  CHECK(outcome(off, anonymous) == "nobody, id");
  CHECK(outcome(TokenAuthOptions{}, Handshake().query("jwt_token=Anonymous")) == "nobody, id");
  CHECK(outcome(off, Handshake().query("jwt_token=" + token_of(7))) == "user 7, id");
}

TEST_CASE("a verified token is refused once its user is not active", "[auth][MW-9]") {
  const auto directory = std::make_shared<Directory>();
  directory->put(1, {});
  directory->put(2, {.active = false});
  directory->put(3, {.deletion_scheduled = true});
  directory->put(4, {.password_changed = TokenTime(900s)});
  TokenAuth auth(verifier(), directory);
  const std::vector<std::pair<std::string, std::string>> table = {
      {R"({"user_id":1,"iat":900,"exp":1060})", "user 1, id"},
      {R"({"user_id":1,"iat":900,"exp":990})", "nobody, id"},  // expired
      {R"({"iat":900,"exp":1060})", "nobody, id"},             // no user id
      {R"({"user_id":"1","iat":900,"exp":1060})", "nobody, id"},
      {R"({"user_id":9,"iat":900,"exp":1060})", "nobody, id"},  // nobody of that id
      {R"({"user_id":2,"iat":900,"exp":1060})", "nobody, id"},  // not active
      {R"({"user_id":3,"iat":900,"exp":1060})", "nobody, id"},  // to be deleted
      {R"({"user_id":4,"iat":899,"exp":1060})", "nobody, id"},  // older than the password
      {R"({"user_id":4,"iat":900,"exp":1060})", "user 4, id"},
  };
  for (const auto& [claims, expected] : table) {
    CAPTURE(claims);
    CHECK(outcome(auth, Handshake().query("jwt_token=" + sign_hs256(claims, shared_secret))) == expected);
  }
  const auto other_key = sign_hs256(R"({"user_id":1,"iat":900,"exp":1060})", "another secret");
  CHECK(outcome(auth, Handshake().query("jwt_token=" + other_key)) == "nobody, id");
}

TEST_CASE("a look-up that fails is not reported as a bad token: the exception is passed on", "[auth][MW-10]") {
  TokenAuth at_once(verifier(), std::make_shared<FailingResolver>());
  const auto directory = std::make_shared<Directory>();
  directory->fail();
  TokenAuth later(verifier(), directory);
  const std::string token = sign_hs256(R"({"user_id":1,"iat":900,"exp":1060})", shared_secret);
  for (TokenAuth* auth : {&at_once, &later}) {
    Scope scope = Handshake().query("jwt_token=" + token).scope();
    CHECK_THROWS_WITH(block_on(auth->handle(scope)), "the database is down");
    CHECK_FALSE(scope.user());
    // A bad token, or none, never comes so far.
    CHECK(outcome(*auth, Handshake().query("jwt_token=bad")) == "nobody, id");
    CHECK(outcome(*auth, Handshake()) == "nobody, no id");
  }
}

TEST_CASE("the scope has the time at which its token expires", "[auth][MW-11]") {
  TokenAuth auth = token_auth();
  Scope scope = Handshake().query("jwt_token=" + token_of(7)).scope();
  block_on(auth.handle(scope));
  REQUIRE(scope.find<TokenExpiry>());
  CHECK(scope.find<TokenExpiry>()->at == TokenTime(1060s));
  CHECK(scope.find<TokenExpiry>()->left == 60s);

  const std::string within_leeway = sign_hs256(R"({"user_id":7,"exp":998})", shared_secret);
  Scope late = Handshake().query("jwt_token=" + within_leeway).scope();
  block_on(auth.handle(late));
  REQUIRE(late.find<TokenExpiry>());
  CHECK(late.find<TokenExpiry>()->left == 0s);

  const std::string for_ever = sign_hs256(R"({"user_id":7,"exp":253402300799})", shared_secret);  // the end of 9999
  Scope ageless = Handshake().query("jwt_token=" + for_ever).scope();
  block_on(auth.handle(ageless));
  REQUIRE(ageless.find<TokenExpiry>());
  CHECK(ageless.find<TokenExpiry>()->left == 876'000h);  // which a post_after can still count

  const test::LogCapture quiet;
  for (const std::string token : {"", "bad", "anonymous"}) {
    Scope without = Handshake().query("jwt_token=" + token).scope();
    block_on(auth.handle(without));
    CHECK_FALSE(without.find<TokenExpiry>());
  }
}

TEST_CASE("a token is read from the query, the Authorization header, the subprotocols or a cookie",
          "[auth][MW-2][MW-17]") {
  const TokenAuthOptions everywhere{.subprotocol = "jwt", .cookie = "session"};
  const std::string one = token_of(1);
  struct Row {
    Handshake handshake;
    std::string with_all;
    std::string by_default;
  };
  const std::vector<Row> table = {
      {Handshake().header("authorization", "JWT " + one), "user 1, id", "user 1, id"},
      {Handshake().header("authorization", "Bearer " + one), "user 1, id", "user 1, id"},
      {Handshake().header("authorization", "bearer   " + one + " "), "user 1, id", "user 1, id"},
      {Handshake().header("authorization", "Bearer anonymous"), "anonymous, id", "anonymous, id"},
      {Handshake().header("authorization", "Bearer x y"), "nobody, id", "nobody, id"},
      {Handshake().header("authorization", "Bearer"), "nobody, no id", "nobody, no id"},
      {Handshake().header("authorization", "Bearer   "), "nobody, no id", "nobody, no id"},
      {Handshake().header("authorization", "JWTX " + one), "nobody, no id", "nobody, no id"},
      {Handshake().header("authorization", "Basic " + one), "nobody, no id", "nobody, no id"},
      {Handshake().header("authorization", one), "nobody, no id", "nobody, no id"},
      {Handshake().header("authorization", ""), "nobody, no id", "nobody, no id"},
      {Handshake().header("authorization", "JWT bad").header("authorization", "JWT " + one), "nobody, id",
       "nobody, id"},
      {Handshake().header("authorization", "JWT " + one).header("authorization", "JWT " + token_of(2)), "nobody, id",
       "nobody, id"},
      {Handshake().header("authorization", "JWT " + one).header("authorization", "JWT " + one), "nobody, id",
       "nobody, id"},
      {Handshake().header("authorization", "Basic x").header("authorization", "JWT " + one), "nobody, no id",
       "nobody, no id"},
      {Handshake().offers({"jwt", one}), "user 1, id", "nobody, no id"},
      {Handshake().offers({"chat", "jwt", one}), "user 1, id", "nobody, no id"},
      {Handshake().offers({"jwt", "chat"}), "nobody, id", "nobody, no id"},
      {Handshake().offers({one, "jwt"}), "nobody, no id", "nobody, no id"},
      {Handshake().offers({"JWT", one}), "nobody, no id", "nobody, no id"},
      {Handshake().header("cookie", "a=b; session=" + one), "user 1, id", "nobody, no id"},
      {Handshake().header("cookie", "session="), "nobody, no id", "nobody, no id"},
      {Handshake().header("cookie", "a=b").header("cookie", "session=" + one), "nobody, no id", "nobody, no id"},
      // the first place that holds something decides, be it good or bad
      {Handshake().query("jwt_token=" + token_of(2)).header("authorization", "JWT " + one), "user 2, id", "user 2, id"},
      {Handshake().query("jwt_token=bad").header("authorization", "JWT " + one), "nobody, id", "nobody, id"},
      {Handshake().query("jwt_token=").header("authorization", "JWT " + one), "user 1, id", "user 1, id"},
      {Handshake().header("authorization", "Basic x").offers({"jwt", one}), "user 1, id", "nobody, no id"},
      {Handshake().header("authorization", "JWT " + one).offers({"jwt", token_of(2)}), "user 1, id", "user 1, id"},
      {Handshake().offers({"jwt", one}).header("cookie", "session=" + token_of(2)), "user 1, id", "nobody, no id"},
  };
  for (std::size_t row = 0; row < table.size(); ++row) {
    CAPTURE(row);
    CHECK(outcome(everywhere, table[row].handshake) == table[row].with_all);
    CHECK(outcome(TokenAuthOptions{}, table[row].handshake) == table[row].by_default);
  }
}

TEST_CASE("a token source that is switched off is not read", "[auth]") {
  const std::string one = token_of(1);
  const TokenAuthOptions cookie_only{.query_parameter = "", .authorization_header = false, .cookie = "session"};
  CHECK(outcome(cookie_only, Handshake().query("jwt_token=" + one)) == "nobody, no id");
  CHECK(outcome(cookie_only, Handshake().query("=" + one)) == "nobody, no id");
  CHECK(outcome(cookie_only, Handshake().query("\xff")) == "nobody, no id");
  CHECK(outcome(cookie_only, Handshake().header("authorization", "JWT " + one)) == "nobody, no id");
  CHECK(outcome(cookie_only, Handshake().header("cookie", "session=" + one)) == "user 1, id");
  const TokenAuthOptions other_name{.query_parameter = "ticket"};
  CHECK(outcome(other_name, Handshake().query("jwt_token=bad&ticket=" + one)) == "user 1, id");

  CHECK(complaint_of([] { token_auth({.query_parameter = "", .authorization_header = false}); }) ==
        "TokenAuth: every source of tokens is switched off");
  CHECK(complaint_of([] { TokenAuth(verifier(), nullptr); }) == "TokenAuth needs a verifier and a resolver");
  CHECK(complaint_of([] { TokenAuth(nullptr, std::make_shared<ClaimUser>()); }) ==
        "TokenAuth needs a verifier and a resolver");
}

TEST_CASE("an application can answer unauthenticated requests with 401", "[auth]") {
  const TokenAuthOptions strict{.refuse_unauthenticated = true};
  CHECK(outcome(strict, Handshake()) == "401, nobody, no id");
  CHECK(outcome(strict, Handshake().query("jwt_token=bad")) == "401, nobody, id");
  CHECK(outcome(strict, Handshake().query("jwt_token=anonymous")) == "anonymous, id");
  CHECK(outcome(strict, Handshake().query("jwt_token=" + token_of(7))) == "user 7, id");

  TokenAuth auth = token_auth(strict);
  Scope scope = Handshake().scope();
  const Denial denial = block_on(auth.handle(scope)).denial();
  CHECK(denial.headers() == std::vector<std::pair<std::string, std::string>>{{"WWW-Authenticate", "Bearer"}});
  CHECK(denial.body().empty());
}

TEST_CASE("an HTTP request is authenticated by the same rules", "[auth][MW-12]") {
  const test::LogCapture quiet;
  const auto authenticated = [](const TokenAuth& auth, const HttpRequest& request) -> std::string {
    const auto found = block_on(auth.authenticate(request.scope()));
    if (!found) return std::string(to_string(found.error().code()));
    return text_of(found->user ? &*found->user : nullptr) + (found->presented ? ", token" : ", no token") +
           (found->expires_at == TokenTime(1060s) ? ", until 1060" : "");
  };
  const auto request = [](std::string authorization, std::string query = {}) {
    RequestInfo info;
    info.path = "/api/rows";
    info.query_string = std::move(query);
    info.headers = {{"authorization", std::move(authorization)}, {"websocketid", "anyone's"}};
    return HttpRequest("POST", info, "{}");
  };
  const TokenAuth auth = token_auth();
  CHECK(authenticated(auth, request("JWT " + token_of(7))) == "user 7, token, until 1060");
  CHECK(authenticated(auth, request("JWT bad")) == "nobody, token");
  CHECK(authenticated(auth, request("JWT anonymous")) == "anonymous, token");
  CHECK(authenticated(auth, request("")) == "nobody, no token");
  CHECK(authenticated(auth, request("JWT " + token_of(7), "\xff")) == "parse_failed");
  CHECK_THROWS_WITH(
      authenticated(TokenAuth(verifier(), std::make_shared<FailingResolver>()), request("JWT " + token_of(7))),
      "the database is down");
  // The author's socket is named by an unchecked header.
  CHECK(request("").header("WebSocketId") == "anyone's");
}

TEST_CASE("the reason of a bad token is logged in one line, and not sent to the client", "[auth][MW-4]") {
  const test::LogCapture log;
  TokenAuth auth = token_auth({.refuse_unauthenticated = true});
  Scope scope = Handshake().query("jwt_token=" + sign_hs256(R"({"exp":900})", shared_secret)).scope();
  const Denial denial = block_on(auth.handle(scope)).denial();
  CHECK(denial.body().empty());
  for (const std::string& query : {"jwt_token=" + sign_hs256(R"({"exp":1060})", shared_secret),
                                   "jwt_token=" + token_of(7), std::string("jwt_token=anonymous"), std::string()}) {
    Scope other = Handshake().query(query).scope();
    block_on(auth.handle(other));
  }
  CHECK(log.lines() == std::vector<std::string>{"a token from 192.0.2.7:51234: refused: expired 100 s ago",
                                                "a token from 192.0.2.7:51234: no user for it"});
}

TEST_CASE("a claim identifies the user, by a number or by text", "[auth]") {
  const auto user_of = [](ClaimUserOptions options, std::string_view claims) -> std::string {
    ClaimUser resolver(std::move(options));
    const Claims parsed(*json::Document::parse(claims));
    const auto user = block_on(resolver.resolve(parsed));
    if (!user) return "nobody";
    const std::string kind = user->id().number() ? "number " : user->id().text() ? "text " : "anonymous ";
    return kind + user->id().to_string() + (user->name().empty() ? "" : " " + user->name());
  };
  const ClaimUserOptions numbers{.id_claim = "sub", .ids_are_numbers = true};
  struct Row {
    ClaimUserOptions options;
    std::string claims;
    std::string expected;
  };
  const std::vector<Row> table = {
      {{}, R"({"user_id":7,"name":"Ada"})", "number 7 Ada"},
      {{}, R"({"user_id":"7"})", "text 7"},
      {{}, R"({"user_id":0,"name":3})", "number 0"},
      {{}, R"({"user_id":""})", "nobody"},
      {{}, R"({"user_id":null})", "nobody"},
      {{}, R"({"user_id":true})", "nobody"},
      {{}, R"({"user_id":7.0})", "nobody"},
      {{}, R"({"user_id":[7]})", "nobody"},
      {{}, R"({"sub":"7"})", "nobody"},
      {{.id_claim = "sub", .name_claim = "email"}, R"({"sub":"ada","email":"a@b.example"})", "text ada a@b.example"},
      {numbers, R"({"sub":"7"})", "number 7"},
      {numbers, R"({"sub":7})", "number 7"},
      {numbers, R"({"sub":"-7"})", "number -7"},
      {numbers, R"({"sub":"07"})", "nobody"},
      {numbers, R"({"sub":"-0"})", "nobody"},
      {numbers, R"({"sub":"7x"})", "nobody"},
      {numbers, R"({"sub":" 7"})", "nobody"},
      {numbers, R"({"sub":"+7"})", "nobody"},
      {numbers, R"({"sub":""})", "nobody"},
      {numbers, R"({"sub":"9223372036854775808"})", "nobody"},
  };
  for (const Row& row : table) {
    CAPTURE(row.claims);
    CHECK(user_of(row.options, row.claims) == row.expected);
  }
}

TEST_CASE("authentications are counted by their outcome", "[auth]") {
  TokenAuth auth = token_auth();
  outcome(auth, Handshake());
  outcome(auth, Handshake().query("jwt_token=bad"));
  outcome(auth, Handshake().query("jwt_token=" + token_of(7) + "x"));
  outcome(auth, Handshake().query("jwt_token=anonymous"));
  outcome(auth, Handshake().query("jwt_token=" + sign_hs256(R"({"exp":1060})", shared_secret)));
  outcome(auth, Handshake().query("jwt_token=" + token_of(7)));
  CHECK(block_on(auth.authenticate(Handshake().scope())));
  const AuthStats stats = auth.stats();
  CHECK(stats.missing == 2);
  CHECK(stats.bad_token == 2);
  CHECK(stats.anonymous == 1);
  CHECK(stats.no_user == 1);
  CHECK(stats.accepted == 1);
}

TEST_CASE("a handshake that offers the token's subprotocol is accepted with it", "[auth]") {
  const test::LogCapture quiet;
  const auto chosen = [](TokenAuthOptions options, const Handshake& handshake) -> std::string {
    TokenAuth auth = token_auth(std::move(options));
    Scope scope = handshake.scope();
    block_on(auth.handle(scope));
    const auto* name = scope.find<ChosenSubprotocol>();
    return name ? name->name : "none";
  };
  const TokenAuthOptions by_subprotocol{.subprotocol = "jwt"};
  CHECK(chosen(by_subprotocol, Handshake().offers({"jwt", token_of(7)})) == "jwt");
  CHECK(chosen(by_subprotocol, Handshake().offers({"jwt", "bad"})) == "jwt");  // so that it hears that it is
  CHECK(chosen(by_subprotocol, Handshake().offers({"chat"})) == "none");
  CHECK(chosen({}, Handshake().offers({"jwt", token_of(7)})) == "none");
}

TEST_CASE("a client's own socket id is used where allowed, and while no other user has it", "[auth][MW-7]") {
  const std::string id = "0b4e5a1c-9a53-4c0e-8d5e-6f0a3f6b7c21";
  const auto proposing = [](int user, const std::string& proposed) {
    return Handshake().query("jwt_token=" + token_of(user) + "&web_socket_id=" + proposed);
  };
  TokenAuth auth = token_auth({.client_web_socket_ids = true});
  const auto id_of = [](TokenAuth& by, const Handshake& handshake) {
    auto scope = std::make_unique<Scope>(handshake.scope());
    block_on(by.handle(*scope));
    return scope;
  };
  auto ada = id_of(auth, proposing(1, id));
  CHECK(ada->web_socket_id() == id);
  CHECK(id_of(auth, proposing(2, id))->web_socket_id() != id);
  CHECK(id_of(auth, Handshake().query("jwt_token=anonymous&web_socket_id=" + id))->web_socket_id() != id);
  auto again = id_of(auth, proposing(1, id));  // her old connection may be dead, and nobody knows it yet
  CHECK(again->web_socket_id() == id);
  ada.reset();
  CHECK(id_of(auth, proposing(2, id))->web_socket_id() != id);
  again.reset();
  CHECK(id_of(auth, proposing(2, id))->web_socket_id() == id);

  for (const std::string odd : {"0B4E5A1C-9A53-4C0E-8D5E-6F0A3F6B7C21", "0b4e5a1c-9a53-1c0e-8d5e-6f0a3f6b7c21",
                                "0b4e5a1c-9a53-4c0e-7d5e-6f0a3f6b7c21", "0b4e5a1c9a534c0e8d5e6f0a3f6b7c21", "x", ""}) {
    CAPTURE(odd);
    CHECK(id_of(auth, proposing(1, odd))->web_socket_id() != odd);
  }
  TokenAuth by_default = token_auth();
  CHECK(id_of(by_default, proposing(1, id))->web_socket_id() != id);
}

TEST_CASE("bad tokens above a rate are answered with 401 before a consumer is made", "[auth]") {
  TokenAuth auth = token_auth({.told_in_band = {.per_second = 1, .burst = 3}});
  for (int i = 0; i < 3; ++i) CHECK(outcome(auth, Handshake().query("jwt_token=bad")) == "nobody, id");
  CHECK(outcome(auth, Handshake().query("jwt_token=bad")) == "401, nobody, id");
  // Clients without a token, and those with a good one, are treated as before.
  CHECK(outcome(auth, Handshake()) == "nobody, no id");
  CHECK(outcome(auth, Handshake().query("jwt_token=" + token_of(7))) == "user 7, id");
  TokenAuth unbounded = token_auth({.told_in_band = {.per_second = 0, .burst = 0}});
  for (int i = 0; i < 300; ++i) CHECK(outcome(unbounded, Handshake().query("jwt_token=bad")) == "nobody, id");
}

// SPDX-License-Identifier: MIT
// What a client sees of the middlewares: a host, a layer and a consumer behind them, and no network.
#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "sluice/auth/jwt_signer.hpp"
#include "sluice/auth/origin_check.hpp"
#include "sluice/auth/token_auth.hpp"
#include "sluice/core/completion.hpp"
#include "sluice/core/worker_pool.hpp"
#include "sluice/layer/in_memory_channel_layer.hpp"
#include "sluice/testing/communicator.hpp"
#include "support/catch.hpp"
#include "support/log_capture.hpp"

using namespace sluice;
using namespace std::chrono_literals;
using testing::Communicator;
using testing::ManualExecutor;

namespace {

const std::string shared_secret = "0123456789abcdef0123456789abcdef";

// Sends the user that it sees in its scope.
class Desk : public Consumer {
 public:
  std::span<const std::string_view> groups() const override {
    static constexpr std::string_view names[] = {"desk"};
    return names;
  }
  Task<> connect() override {
    const bool offered = !scope().subprotocols().empty();
    accept(offered ? Acceptance("jwt") : Acceptance());
    send_text("hello " + (scope().user() ? scope().user()->id().to_string() : "stranger"));
    return {};
  }
};

// Ends with its token.
class PunctualDesk final : public Desk {
 public:
  Task<> connect() override {
    if (const auto* expiry = scope().find<TokenExpiry>()) hear_later(expiry->left, Event::named("token_expired"));
    return Desk::connect();
  }
  Task<> token_expired(const Event&) {
    close(CloseReason(4401, "token expired"));
    return {};
  }
  const EventHandlers& event_handlers() const override {
    static const auto handlers = EventHandlers{}.on("token_expired", &PunctualDesk::token_expired);
    return handlers;
  }
};

// Asks a directory that lives on a thread of its own.
class SlowDirectory final : public UserResolver {
 public:
  explicit SlowDirectory(bool down) : down_(down) {}
  Task<std::optional<User>> resolve(const Claims& claims) override {
    auto look_up = pool_.run([this] { return !down_; });
    const bool found = co_await look_up;
    if (!found) throw std::runtime_error("the database is down");
    co_return User(claims["user_id"].as_int().value_or(0));
  }

 private:
  bool down_;
  WorkerPool pool_{1};
};

// Resolves its look-up when the test decides.
class PatientDirectory final : public UserResolver {
 public:
  Task<std::optional<User>> resolve(const Claims&) override { co_return co_await answer_; }
  void answer(std::optional<User> user) { answer_.resolve(std::move(user)); }

 private:
  Completion<std::optional<User>> answer_;
};

std::shared_ptr<TokenAuth> token_auth(std::shared_ptr<UserResolver> resolver) {
  JwtOptions options;
  options.algorithms = {JwtAlgorithm::hs256};
  options.keys = {JwtKey::hmac(shared_secret)};
  options.now = [] { return TokenTime(1000s); };
  return std::make_shared<TokenAuth>(std::make_shared<JwtVerifier>(std::move(options)), std::move(resolver),
                                     TokenAuthOptions{.subprotocol = "jwt"});
}
std::shared_ptr<Application> behind_auth(std::shared_ptr<Application> application,
                                         std::shared_ptr<UserResolver> resolver = std::make_shared<ClaimUser>()) {
  return with(token_auth(std::move(resolver)), std::move(application));
}

std::string token() { return sign_hs256(R"({"user_id":7,"exp":1060})", shared_secret); }

}  // namespace

TEST_CASE("a good token authenticates its user, wherever the request carries it", "[auth][MW-2][MW-5]") {
  ManualExecutor executor;
  InMemoryChannelLayer layer(executor);
  Communicator by_query(executor, behind_auth(consumer<Desk>()), layer, {"/?jwt_token=" + token()});
  REQUIRE(by_query.connect());
  CHECK(by_query.hear() == "hello 7");

  Communicator by_offer(executor, behind_auth(consumer<Desk>()), layer, {"/", {}, {"jwt", token()}});
  CHECK(by_offer.connect().subprotocol == "jwt");
  CHECK(by_offer.hear() == "hello 7");

  Communicator without(executor, behind_auth(consumer<Desk>()), layer, {"/"});
  REQUIRE(without.connect());
  CHECK(without.hear() == "hello stranger");
}

TEST_CASE("a user look-up on another thread is awaited", "[auth][MW-10]") {
  ManualExecutor executor;
  InMemoryChannelLayer layer(executor);
  const auto directory = std::make_shared<SlowDirectory>(false);
  Communicator client(executor, behind_auth(consumer<Desk>(), directory), layer, {"/?jwt_token=" + token()});
  REQUIRE(client.connect());
  CHECK(client.hear() == "hello 7");
}

TEST_CASE("a user look-up that fails answers the handshake with 500, and joins no group", "[auth][MW-10]") {
  const test::LogCapture log;
  ManualExecutor executor;
  InMemoryChannelLayer layer(executor);
  const auto directory = std::make_shared<SlowDirectory>(true);
  Communicator client(executor, behind_auth(consumer<Desk>(), directory), layer, {"/?jwt_token=" + token()});
  CHECK(client.connect().http_status == 500);
  CHECK(layer.stats().groups == 0);
  CHECK(layer.stats().channels == 0);
}

TEST_CASE("a client that disconnects during its token's look-up leaves nothing behind", "[auth][MW-10]") {
  const test::LogCapture log;
  ManualExecutor executor;
  InMemoryChannelLayer layer(executor);
  const auto directory = std::make_shared<PatientDirectory>();
  Communicator client(executor, behind_auth(consumer<Desk>(), directory), layer, {"/?jwt_token=" + token()});
  CHECK_FALSE(client.knock());
  client.vanish();
  SECTION("and the answer comes late") { directory->answer(User(7)); }
  SECTION("and the answer comes too late") {
    executor.advance(1h);
    directory->answer(User(7));
  }
  executor.run_all();
  CHECK(client.finished());
  CHECK(client.host().stats().accepted == 0);
  CHECK(layer.stats().channels == 0);
}

TEST_CASE("a connection outlives its token, unless its consumer says otherwise", "[auth][MW-11]") {
  ManualExecutor executor;
  InMemoryChannelLayer layer(executor);
  const testing::ClientRequest request{"/?jwt_token=" + token()};
  Communicator easy(executor, behind_auth(consumer<Desk>()), layer, request);
  Communicator punctual(executor, behind_auth(consumer<PunctualDesk>()), layer, request);
  Communicator gone(executor, behind_auth(consumer<PunctualDesk>()), layer, request);
  for (Communicator* client : {&easy, &punctual, &gone}) {
    REQUIRE(client->connect());
    CHECK(client->hear() == "hello 7");
  }
  gone.disconnect();
  executor.advance(59'999ms);
  CHECK(punctual.hear_nothing());
  executor.advance(1ms);
  CHECK(punctual.hear_close() == CloseReason(4401, "token expired"));
  executor.advance(1h);
  CHECK(easy.hear_nothing());
}

TEST_CASE("a foreign origin is refused before its token is verified", "[auth][MW-6][MW-15]") {
  const test::LogCapture log;
  ManualExecutor executor;
  InMemoryChannelLayer layer(executor);
  const auto application =
      with(std::make_shared<OriginCheck>(std::vector<std::string>{"allowed.example"}), behind_auth(consumer<Desk>()));
  const auto status = [&](std::string origin, std::string target) {
    Communicator client(executor, application, layer, {std::move(target), {{"origin", std::move(origin)}}});
    return client.connect().http_status;
  };
  CHECK(status("http://evil.example", "/?jwt_token=bad") == 403);
  CHECK(log.lines().size() == 1);
  CHECK(status("http://allowed.example", "/?jwt_token=" + token()) == 101);
  CHECK(status("http://allowed.example", "/?jwt_token=\xff") == 400);
}

TEST_CASE("a flood of foreign origins and bad tokens writes a few log lines only", "[auth]") {
  const test::LogCapture log;
  ManualExecutor executor;
  InMemoryChannelLayer layer(executor);
  const auto application =
      with(std::make_shared<OriginCheck>(std::vector<std::string>{"allowed.example"}), behind_auth(consumer<Desk>()));
  const auto knock = [&](std::string origin) {
    Communicator(executor, application, layer, {"/?jwt_token=bad", {{"origin", std::move(origin)}}}).connect();
  };
  const auto flood = [&] {
    for (int i = 0; i < 100; ++i) knock("http://evil.example"), knock("http://allowed.example");
  };
  flood();
  CHECK(log.lines().size() == 10);
  executor.advance(10s);
  flood();
  REQUIRE(log.lines().size() == 20);
  CHECK(log.lines()[10].ends_with("(95 more of the kind were not logged)"));
  CHECK(log.lines()[11].ends_with("(95 more of the kind were not logged)"));
}

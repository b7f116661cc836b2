// SPDX-License-Identifier: MIT
// Plays the clients' test scenarios to a real CoreConsumer: it must send what the scenarios expect.
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "page/house.hpp"
#include "sluice/json/document.hpp"
#include "sluice/page/broadcasts.hpp"
#include "support/catch.hpp"

using namespace page_test;

namespace {

/// A token that begins with "bad" has no user, `anonymous` is a guest, any other is user 7. Socket ids are counted.
class Tokens final : public Middleware {
 public:
  Task<Verdict> handle(Scope& scope) override {
    const std::string token = scope.query_value("jwt_token").value_or("");
    if (token == "anonymous") {
      scope.set_user(User());
    } else if (!token.starts_with("bad")) {
      scope.set_user(User(7));
    }
    scope.set_web_socket_id("socket-" + std::to_string(++sockets_));
    return Verdict::pass();
  }

 private:
  int sockets_ = 0;
};

/// The server's half of one scenario.
class Stage {
 public:
  Stage() : host_(with(std::make_shared<Tokens>(), consumer<CoreConsumer>(house_.registry)), house_.layer) {}

  void play(json::Value step) {
    if (const auto client = step["client"]; client.is_object()) act(client);
    if (const auto server = step["server"]) answer(server);
  }
  bool silent() { return !browser_ || browser_->hear_nothing(); }

 private:
  /// What the client does next. Lines may cross: a server's may be on its way already.
  void act(json::Value client) {
    if (const auto opens = client["opens"]) {
      // A line without a token in the file is one more of the same client.
      if (const auto token = opens["query"]["jwt_token"].as_string()) token_ = *token;
      browser_ = std::make_unique<testing::Communicator>(
          house_.executor, host_,
          testing::ClientRequest{.target = "/ws/core/?jwt_token=" + token_ + "&accepts=ping,page_error,gaps,revoked"});
    } else if (const auto says = client["says"]) {
      browser_->say_json(says);
    } else {
      browser_->disconnect();
      browser_.reset();
    }
  }

  void answer(json::Value server) {
    if (server.as_string() == "accepts") {
      REQUIRE(browser_->connect().accepted);
      return;
    }
    if (server["cuts"]) {
      browser_->vanish();
      browser_.reset();
      return;
    }
    if (const auto by = server["by"]) cause(by, server["says"]);
    const json::Document heard = browser_->hear_json();
    INFO("heard " << json::encode(heard.root()).view());
    CHECK(same(server["says"], heard.root()));
  }

  /// Events that make a server send without a request.
  void cause(json::Value by, json::Value event) {
    REQUIRE(silent());
    const auto group = [](json::Value page) {
      return std::string(*page.at(0).as_string()) + "-" + std::to_string(*page.at(1)["table_id"].as_int());
    };
    Result<void> done;
    if (const auto page = by["broadcast"]) {
      done = broadcast_to_channel_group(house_.layer, group(page), json::Text(json::encode(event)));
    } else if (const auto lost = by["revoke"]) {
      done = remove_users_from_permission_group(house_.layer, "permissions-" + group(lost), {7});
    } else {
      done = force_disconnect_users(house_.layer, {7});
    }
    REQUIRE(done);
    house_.executor.run_all();
  }

  /// `$name` is one value throughout. `authentication` may say more to a client that asked for more.
  bool same(json::Value expected, json::Value heard) {
    if (const auto text = expected.as_string(); text && text->starts_with("$")) {
      const auto name = std::string(*text);
      return heard.is_string() && bound_.try_emplace(name, *heard.as_string()).first->second == *heard.as_string();
    }
    if (expected.is_object()) {
      const bool more = expected["type"].as_string() == "authentication";
      if (!heard.is_object() || (!more && heard.size() != expected.size())) return false;
      for (const auto& [key, value] : expected.members()) {
        if (!same(value, heard[key])) return false;
      }
      return true;
    }
    return json::encode(expected).view() == json::encode(heard).view();
  }

  House house_;
  Host host_;
  std::unique_ptr<testing::Communicator> browser_;
  std::string token_ = "t1";
  std::map<std::string, std::string> bound_;
};

std::string read(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

TEST_CASE("a CoreConsumer sends what the clients' scenarios expect, JS-65", "[page]") {
  std::size_t played = 0;
  for (const auto& entry : std::filesystem::directory_iterator(SLUICE_SOURCE_DIR "/clients/scenarios")) {
    if (entry.path().extension() != ".json") continue;
    INFO(entry.path().filename().string());
    const auto scenario = json::Document::parse(read(entry.path()));
    REQUIRE(scenario);
    const json::Value root = scenario->root();
    if (root["server"].as_string() == "scripted") continue;
    ++played;
    Stage stage;
    std::size_t number = 0;
    for (const json::Value step : root["steps"].elements()) {
      INFO("step " << ++number << ": " << json::encode(step).view());
      stage.play(step);
    }
    CHECK(stage.silent());
  }
  CHECK(played > 30);
}

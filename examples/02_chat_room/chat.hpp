// SPDX-License-Identifier: MIT
// A room where everybody hears everybody. 05_your_own_transport and 06_testing_a_consumer use it as it is.
#pragma once

#include <string>
#include <string_view>

#include "sluice/consumer/json_consumer.hpp"
#include "sluice/page/broadcasts.hpp"

struct Joined {
  static constexpr std::string_view event_type = "joined";
  std::string who;
  static constexpr auto fields() { return sluice::fields(sluice::field("who", &Joined::who)); }
};

struct Said {
  static constexpr std::string_view event_type = "said";
  std::string who;
  std::string text;
  static constexpr auto fields() {
    return sluice::fields(sluice::field("who", &Said::who), sluice::field("text", &Said::text));
  }
};

struct Left {
  static constexpr std::string_view event_type = "left";
  std::string who;
  static constexpr auto fields() { return sluice::fields(sluice::field("who", &Left::who)); }
};

/// Serves `ws/chat/<slug:room>/?name=ada`. It hears {"text":"hello"}, and tells the room that ada joined, what she said
/// and that she left. One who says anything else is told so, and only they.
class Chat final : public sluice::JsonConsumer {
 public:
  sluice::Task<> connect() override {
    group_ = "chat-" + std::string(scope().captured_text("room").value_or("lobby"));
    auto joined = co_await group_add(group_);
    if (!joined) co_return deny(sluice::Denial(404, "there can be no such room\n"));
    accept();
    name_ = scope().query_value("name").value_or("somebody");
    tell(Joined{name_});
  }

  sluice::Task<> receive_json(const sluice::json::Value& content) override {
    const auto text = content["text"].as_string();
    if (text) {
      tell(Said{name_, std::string(*text)});
    } else {
      send_text(R"({"type":"error","detail":"say {\"text\":\"...\"}"})");
    }
    return {};
  }

  sluice::Task<> disconnect(const sluice::CloseReason&) override {
    if (!name_.empty()) tell(Left{name_});
    return {};
  }

 private:
  void tell(const sluice::Payload& news) {
    auto told = sluice::broadcast_to_channel_group(layer(), group_, news);
    if (!told) close(sluice::CloseReason(sluice::close_code::internal_error, "the room can't be reached"));
  }

  std::string name_;  // empty until they have joined
  std::string group_;
};

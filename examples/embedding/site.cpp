// SPDX-License-Identifier: MIT
#include "site.hpp"

#include "02_chat_room/chat.hpp"
#include "sluice/consumer/host.hpp"
#include "sluice/consumer/router.hpp"
#include "sluice/layer/in_memory_channel_layer.hpp"
#include "sluice/net/asio_executors.hpp"

namespace {

struct Headline {
  static constexpr std::string_view event_type = "headline";
  std::string text;
  static constexpr auto fields() { return sluice::fields(sluice::field("text", &Headline::text)); }
};

/// Sends each client's headline to all others as an event of its own.
class News final : public sluice::JsonConsumer {
 public:
  std::span<const std::string_view> groups() const override {
    static constexpr std::string_view all[] = {"news"};
    return all;
  }
  const sluice::EventHandlers& event_handlers() const override {
    static const auto handlers = sluice::EventHandlers().on<Headline>(&News::headline);
    return handlers;
  }
  sluice::Task<> receive_json(const sluice::json::Value& content) override {
    Headline news{std::string(content["headline"].as_string().value_or(""))};
    if (!layer().group_send("news", sluice::Event::of(news)))
      close(sluice::CloseReason(sluice::close_code::internal_error));
    return {};
  }
  sluice::Task<> headline(const Headline& news) {
    ++count_;
    sluice::json::Writer out;
    out.begin_object().key("number").value(count_).key("headline").value(news.text).end_object();
    send_text(out.view());
    return {};
  }

 private:
  std::int64_t count_ = 0;
};

class Echo final : public sluice::Consumer {
 public:
  sluice::Task<> receive(const sluice::Message& message) override {
    send(message.kind(), message.data());
    return {};
  }
};

std::shared_ptr<sluice::Application> routes() {
  auto made = std::make_shared<sluice::Router>();
  made->path("ws/chat/<slug:room>/", sluice::consumer<Chat>())
      .path("ws/news/", sluice::consumer<News>())
      .path("ws/echo/", sluice::consumer<Echo>());
  return made;
}

constexpr sluice::ServerLimits limits{.message_bytes = 400'000};  // close 1009 past it

}  // namespace

struct Site::Parts {
  explicit Parts(std::size_t threads) : own(std::make_unique<sluice::AsioExecutors>(threads)), executors(*own) {}
  explicit Parts(sluice::AsioExecutors& given) : executors(given) {}

  std::unique_ptr<sluice::AsioExecutors> own;
  sluice::AsioExecutors& executors;
  sluice::InMemoryChannelLayer layer{executors};
  sluice::Host host{routes(), layer};
  sluice::AsioServer server{executors, host, {.limits = limits}};
};

Site::Site(std::size_t threads) : parts_(std::make_unique<Parts>(threads)) {}
Site::Site(sluice::AsioExecutors& executors) : parts_(std::make_unique<Parts>(executors)) {}
Site::~Site() = default;

sluice::AsioServer& Site::server() noexcept { return parts_->server; }

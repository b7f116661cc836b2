// SPDX-License-Identifier: MIT
// A server for tests that cut connections: a client sends to its group, and receives the group's messages and the
// notices of Redis. GET / returns the counters.
#include <fmt/format.h>

#include <functional>
#include <stdexcept>
#include <string>

#include "sluice/consumer/host.hpp"
#include "sluice/consumer/json_consumer.hpp"
#include "sluice/consumer/router.hpp"
#include "sluice/core/block_on.hpp"
#include "sluice/layer/layer_notices.hpp"
#include "sluice/net/asio_dialer.hpp"
#include "sluice/net/asio_server.hpp"
#include "sluice/net/signals.hpp"
#include "sluice/page/broadcasts.hpp"
#include "sluice/redis/redis_channel_layer.hpp"
#include "sluice/redis/redis_pubsub_channel_layer.hpp"
#include "support/serving.hpp"

namespace {

struct Settings : Serving {
  std::string layer = "core";
  std::string redis;
  std::size_t answer_time = 5'000;
  std::size_t waiting_events = 10'000;
  std::size_t ping_every = 25'000;
  std::size_t pong_time = 20'000;
};

struct Said {
  static constexpr std::string_view event_type = "said";
  std::string text;
  static constexpr auto fields() { return sluice::fields(sluice::field("text", &Said::text)); }
};

struct Told {
  std::string type;
  static constexpr auto fields() { return sluice::fields(sluice::field("type", &Told::type)); }
};

class Member final : public sluice::JsonConsumer {
 public:
  sluice::Task<> connect() override {
    group_ = scope().captured_text("group").value_or("");
    const auto joined = co_await group_add(group_);
    if (!joined) co_return deny(sluice::Denial(503, joined.error().message()));
    accept();
  }
  sluice::Task<> receive_json(const sluice::json::Value& content) override {
    const Said said{std::string(content.as_string().value_or(""))};
    if (!sluice::broadcast_to_channel_group(layer(), group_, said)) send_json(Told{"refused"});
    return {};
  }
  sluice::Task<> down(const sluice::LayerDown&) {
    send_json(Told{"layer_down"});
    return {};
  }
  sluice::Task<> up(const sluice::LayerUp&) {
    send_json(Told{"layer_up"});
    return {};
  }
  const sluice::EventHandlers& event_handlers() const override {
    static const auto handlers =
        sluice::EventHandlers{}.on<sluice::LayerDown>(&Member::down).on<sluice::LayerUp>(&Member::up);
    return handlers;
  }

 private:
  std::string group_;
};

class Counters final : public sluice::HttpHandler {
 public:
  std::function<std::string()> count;
  sluice::Task<sluice::HttpResponse> handle(const sluice::HttpRequest&) override {
    return sluice::HttpResponse::json(count());
  }
};

std::string text_of(const sluice::RedisStats& redis, const sluice::LayerStats& layer,
                    const sluice::ServerStats& server) {
  return fmt::format(
      R"({{"up":{},"downs":{},"waiting_events":{},"refused":{},"unconfirmed":{},"memberships":{},"groups":{},)"
      R"("open":{},"timed_out":{},"vanished":{}}})",
      redis.up, redis.downs, redis.waiting_events, redis.refused, redis.unconfirmed, redis.memberships, layer.groups,
      server.open, server.timed_out, server.vanished);
}

template <class Layer>
void serve(const Settings& settings, sluice::StopSignals& signals) {
  using std::chrono::milliseconds;
  sluice::RedisOptions redis;
  redis.hosts = {settings.redis};
  redis.answer_time = milliseconds(settings.answer_time);
  redis.reconnect_max = milliseconds(500);
  redis.waiting_events = settings.waiting_events;
  Counters counters;
  sluice::AsioServerOptions options;
  options.http = &counters;
  options.limits.ping_every = milliseconds(settings.ping_every);
  options.limits.pong_time = milliseconds(settings.pong_time);

  auto routes = std::make_shared<sluice::Router>();
  routes->path("<slug:group>/", sluice::consumer<Member>());
  sluice::AsioExecutors executors(settings.thread_count());
  sluice::AsioDialer dialer(executors);
  Layer layer(executors, dialer, redis);
  sluice::Host host(routes, layer);
  sluice::AsioServer server(executors, host, options);
  counters.count = [&] { return text_of(layer.redis_stats(), layer.stats(), server.stats()); };
  start_listening(server, settings);

  signals.wait();
  server.stop(settings.stop_options());
  server.wait();
  sluice::block_on(layer.close());
}

}  // namespace

int main(int argc, char** argv) try {
  Settings settings;
  ServerOptions("A server for tests that cut wires", settings)
      .add("--layer", settings.layer, "core or pubsub")
      .add("--redis", settings.redis, "the URL of a Redis")
      .add("--answer-time", settings.answer_time, "RedisOptions::answer_time in milliseconds")
      .add("--waiting-events", settings.waiting_events, "RedisOptions::waiting_events")
      .add("--ping-every", settings.ping_every, "ServerLimits::ping_every in milliseconds")
      .add("--pong-time", settings.pong_time, "ServerLimits::pong_time in milliseconds")
      .parse(argc, argv);
  sluice::StopSignals signals;
  if (settings.layer == "core") {
    serve<sluice::RedisChannelLayer>(settings, signals);
  } else if (settings.layer == "pubsub") {
    serve<sluice::RedisPubSubChannelLayer>(settings, signals);
  } else {
    throw std::invalid_argument("no such layer");
  }
} catch (const std::exception& error) {
  fmt::print(stderr, "e2e_node: {}\n", error.what());
  return 1;
}

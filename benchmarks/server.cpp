// SPDX-License-Identifier: MIT
// The server that load generators drive: /sub hears what /pub says, /echo sends everything back
//
// Ordinary consumers on the in-memory layer, or one on Redis, with the usual limits, but for the rates; or without any.
// Nothing here is faster than what a user writes.
#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "sluice/consumer/consumer.hpp"
#include "sluice/consumer/host.hpp"
#include "sluice/consumer/router.hpp"
#include "sluice/core/block_on.hpp"
#include "sluice/layer/in_memory_channel_layer.hpp"
#include "sluice/net/asio_dialer.hpp"
#include "sluice/net/asio_executors.hpp"
#include "sluice/net/asio_server.hpp"
#include "sluice/net/signals.hpp"
#include "sluice/redis/redis_channel_layer.hpp"
#include "sluice/redis/redis_pubsub_channel_layer.hpp"
#include "support/options.hpp"

namespace {

using sluice::Consumer;
using sluice::Event;
using sluice::Message;
using sluice::Task;

constexpr std::string_view everyone = "bench";

class Subscriber : public Consumer {
 public:
  explicit Subscriber(sluice::WhenSlow when_slow) : when_slow_(when_slow) {}
  std::span<const std::string_view> groups() const override { return {&everyone, 1}; }
  sluice::WhenSlow when_slow() const override { return when_slow_; }

 private:
  sluice::WhenSlow when_slow_;
};

class Publisher : public Consumer {
 public:
  Task<> receive(const Message& message) override {
    (void)layer().group_send(everyone, Event::broadcast_to_group(sluice::json::Text(std::string(message.data()))));
    return {};
  }
};

class Echo : public Consumer {
 public:
  Task<> receive(const Message& message) override {
    send(message.kind(), message.data());
    return {};
  }
};

// What `--compress` says; nothing if it makes no sense.
std::optional<sluice::DeflateOptions> deflate_options(std::string_view compress) {
  if (compress == "off") return sluice::DeflateOptions{.enabled = false};
  if (compress == "shared") return sluice::DeflateOptions{};
  if (compress != "windows") return std::nullopt;
  constexpr auto own = sluice::DeflateContext::per_connection;
  return sluice::DeflateOptions{.server_context = own, .client_context = own};
}

// What `--when-slow` says; nothing if it makes no sense.
std::optional<sluice::WhenSlow> policy(std::string_view when_slow) {
  if (when_slow == "close") return sluice::WhenSlow::close;
  if (when_slow == "drop_newest") return sluice::WhenSlow::drop_newest;
  if (when_slow == "drop_oldest") return sluice::WhenSlow::drop_oldest;
  if (when_slow == "keep_latest") return sluice::WhenSlow::keep_latest;
  return std::nullopt;
}

// One load generator speaks as fast as it can, for thousands: its rate is counted, but not met.
void raise_rates(sluice::ServerLimits& limits) {
  limits.message_rate = {100'000'000};
  limits.byte_rate = {std::size_t{100} << 30U};
}

// What can be off is off, so that nobody counts tokens or looks whether a peer lives. The others are part of how bytes
// are read and written, and are as wide as they go.
constexpr std::size_t any = std::size_t{1} << 40U;
constexpr auto ever = std::chrono::hours(24);

sluice::ServerLimits without_server_limits() {
  return {.head_bytes = any,
          .header_count = any,
          .body_bytes = any,
          .handshake_time = ever,
          .close_time = ever,
          .message_bytes = any,
          .frames_per_message = (1U << 24U) - 1,
          .message_rate = {},
          .byte_rate = {},
          .ping_every = std::chrono::seconds(0),
          .pong_time = std::chrono::seconds(0),
          .idle_time = std::chrono::seconds(0),
          .lifetime = std::chrono::seconds(0),
          .connections = 0,
          .connections_per_address = 0};
}

sluice::ConsumerLimits without_consumer_limits() {
  return {.queued_bytes = any,
          .slow_bytes = any,
          .backlog_bytes = any,
          .backlog_messages = any,
          .server_queued_bytes = 0,
          .client_mail = any,
          .pages_per_connection = any,
          .disconnect_grace = ever};
}

// The layer that was asked for, up.
template <class Layer>
std::unique_ptr<sluice::ChannelLayer> on_redis(sluice::AsioExecutors& executors, sluice::Dialer& dialer,
                                               const std::string& url) {
  auto layer = std::make_unique<Layer>(executors, dialer, sluice::RedisOptions{.hosts = {url}});
  if (auto up = sluice::block_on(layer->wait_until_up()); !up) throw std::runtime_error(up.error().message());
  return layer;
}

sluice::Result<std::uint16_t> listen_at(sluice::AsioServer& server, const Listen& listen,
                                        const std::string& certificate, const std::string& key) {
  if (certificate.empty()) return server.listen(listen.host, listen.port);
  const auto tls = sluice::TlsContext::from_files(certificate, key);
  if (!tls) return tls.error();
  return server.listen(listen.host, listen.port, *tls);
}

}  // namespace

int main(int argc, char** argv) try {
  Listen listen;
  std::string compress = "shared", when_slow = "close", redis, pubsub, certificate, key;
  bool no_limits = false;
  sluice::AsioServerOptions options;
  sluice::ConsumerLimits consumer_limits;
  raise_rates(options.limits);
  Options("The server that load generators drive: /sub hears what /pub says, /echo sends everything back", listen)
      .add("--compress", compress, "for clients that offer it: off, shared or windows (of each connection)")
      .add("--redis", redis, "URL of a Redis, for its core layer instead of the one in memory")
      .add("--redis-pubsub", pubsub, "the same for its pub/sub layer")
      .add("--tls-certificate", certificate, "speak TLS: a PEM file, the certificate and those behind it")
      .add("--tls-key", key, "its key, a PEM file")
      .add("--queued-bytes", consumer_limits.queued_bytes, "that may wait for a slow reader")
      .add("--without-limits", no_limits, "every limit off, or as wide as it goes")
      .add("--when-slow", when_slow, "close, drop_newest, drop_oldest or keep_latest")
      .parse(argc, argv);
  const auto deflate = deflate_options(compress);
  if (!deflate) {
    fmt::print(stderr, "--compress is off, shared or windows, not \"{}\"\n", compress);
    return 2;
  }
  options.deflate = *deflate;
  if (no_limits) {
    options.limits = without_server_limits();
    consumer_limits = without_consumer_limits();
  }
  const auto when_a_reader_is_slow = policy(when_slow);
  if (!when_a_reader_is_slow) {
    fmt::print(stderr, "--when-slow is close, drop_newest, drop_oldest or keep_latest, not \"{}\"\n", when_slow);
    return 2;
  }
  sluice::StopSignals signals;

  sluice::AsioExecutors executors(listen.thread_count());
  sluice::AsioDialer dialer(executors);
  const std::unique_ptr<sluice::ChannelLayer> layer =
      !redis.empty()    ? on_redis<sluice::RedisChannelLayer>(executors, dialer, redis)
      : !pubsub.empty() ? on_redis<sluice::RedisPubSubChannelLayer>(executors, dialer, pubsub)
                        : std::make_unique<sluice::InMemoryChannelLayer>(executors);
  auto routes = std::make_shared<sluice::Router>();
  routes->re_path("^sub", sluice::consumer<Subscriber>(*when_a_reader_is_slow));
  routes->re_path("^pub", sluice::consumer<Publisher>());
  routes->re_path("^echo", sluice::consumer<Echo>());
  sluice::Host host(routes, *layer, {.limits = consumer_limits});

  sluice::AsioServer server(executors, host, options);
  const auto port = listen_at(server, listen, certificate, key);
  if (!port) {
    fmt::print(stderr, "{}\n", port.error().message());
    return 1;
  }
  announce(listen.host, *port, certificate.empty() ? "http" : "https");
  signals.wait();
  server.stop();
  server.wait();
  const sluice::HostStats stats = host.stats();
  fmt::print("{} were too slow\n{} messages were dropped\n", server.stats().too_slow,
             stats.dropped_newest + stats.dropped_oldest + stats.superseded);
} catch (const std::exception& error) {
  fmt::print(stderr, "server: {}\n", error.what());
  return 1;
}

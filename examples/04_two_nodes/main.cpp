// SPDX-License-Identifier: MIT
// One chat room in two processes: the rooms of 02_chat_room, with Redis or NATS between them.
#include <fmt/format.h>

#include "02_chat_room/chat.hpp"
#include "sluice/consumer/host.hpp"
#include "sluice/consumer/router.hpp"
#include "sluice/core/block_on.hpp"
#include "sluice/net/asio_dialer.hpp"
#include "sluice/net/asio_server.hpp"
#include "sluice/net/signals.hpp"
#include "sluice/redis/redis_channel_layer.hpp"
#if SLUICE_EXAMPLE_NATS
#include "sluice/nats/nats_channel_layer.hpp"
#endif
#include "support/child.hpp"
#include "support/serving.hpp"

namespace {

constexpr std::string_view nodes_html =
#include "nodes.html.inc"
    ;

/// The page at "/", which opens a socket to each process.
class NodesPage final : public sluice::HttpHandler {
 public:
  explicit NodesPage(std::string second) : html_(nodes_html) {
    constexpr std::string_view place = "SECOND_NODE";
    html_.replace(html_.find(place), place.size(), second);
  }
  sluice::Task<sluice::HttpResponse> handle(const sluice::HttpRequest& request) override {
    if (request.path() != "/") return sluice::HttpResponse(404, "not here\n");
    if (request.method() != "GET") return sluice::HttpResponse(405, "only GET\n").add_header("Allow", "GET");
    return sluice::HttpResponse::html(html_);
  }

 private:
  std::string html_;
};

/// What lies between the processes: where it is, and the server that the first one starts if there is none.
struct Bus {
  std::string name = "redis";
  std::string url;
  std::optional<OwnRedis> own_redis;
  std::optional<OwnNats> own_nats;

  void start() {
    if (name != "redis" && name != "nats") throw std::runtime_error("--bus is redis or nats");
    if (!url.empty()) return;
    url = name == "redis" ? own_redis.emplace().url() : own_nats.emplace().url();
  }
};

// Starts the second process, on a port of its own, and gives the address at which it serves.
std::string start_second(std::optional<Child>& child, const char* program, const Listen& listen, const Bus& bus) {
  child.emplace(std::vector<std::string>{program, "--second", "--host", listen.host, "--port", "0", "--bus", bus.name,
                                         "--bus-url", bus.url});
  constexpr std::string_view before = "listening on http://";
  const auto line = child->read_line();
  if (!line || !line->starts_with(before)) throw std::runtime_error("the second process did not start");
  return line->substr(before.size(), line->rfind('/') - before.size());
}

// This is all that depends on the bus.
std::unique_ptr<sluice::DistributedChannelLayer> make_layer(sluice::AsioExecutors& executors,
                                                            sluice::AsioDialer& dialer, const Bus& bus) {
  if (bus.name == "redis") {
    return std::make_unique<sluice::RedisChannelLayer>(executors, dialer, sluice::RedisOptions{.hosts = {bus.url}});
  }
#if SLUICE_EXAMPLE_NATS
  return std::make_unique<sluice::NatsChannelLayer>(executors, sluice::NatsOptions{.servers = {bus.url}});
#else
  throw std::runtime_error("built without NATS: install libnats-dev, configure again with -DSLUICE_NATS=ON, and build");
#endif
}

}  // namespace

int main(int argc, char** argv) try {
  Serving serving;
  Bus bus;
  bool second = false;
  ServerOptions("Chat rooms in two processes", serving)
      .add("--bus", bus.name, "redis or nats")
      .add("--bus-url", bus.url, "where it is; without one the program starts a server of its own")
      .add("--second", second, "be the second process, which the first one starts")
      .parse(argc, argv);
  sluice::StopSignals signals;

  bus.start();
  std::optional<Child> child;
  std::optional<NodesPage> page;
  if (!second) page.emplace(start_second(child, argv[0], serving, bus));

  auto routes = std::make_shared<sluice::Router>();
  routes->path("ws/chat/<slug:room>/", sluice::consumer<Chat>());

  sluice::AsioExecutors executors(serving.thread_count());
  sluice::AsioDialer dialer(executors);
  const auto layer = make_layer(executors, dialer, bus);
  sluice::Host host(routes, *layer);
  sluice::AsioServer server(executors, host, {.http = page ? &*page : nullptr, .reuse_port = serving.reuse_port});
  start_listening(server, serving);

  signals.wait();
  server.stop(serving.stop_options());
  server.wait();
  sluice::block_on(layer->close());
} catch (const std::exception& error) {
  fmt::print(stderr, "04_two_nodes: {}\n", error.what());
  return 1;
}

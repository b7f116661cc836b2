// SPDX-License-Identifier: MIT
// Rooms where everybody hears everybody: one consumer, one group for each room, and a page to try it with.
#include <fmt/format.h>

#include "chat.hpp"
#include "sluice/consumer/host.hpp"
#include "sluice/consumer/router.hpp"
#include "sluice/layer/in_memory_channel_layer.hpp"
#include "sluice/net/asio_executors.hpp"
#include "sluice/net/asio_server.hpp"
#include "sluice/net/signals.hpp"
#include "support/origins.hpp"

namespace {

constexpr std::string_view chat_html =
#include "chat.html.inc"
    ;

/// Answers plain requests: with the page at "/".
class ChatPage final : public sluice::HttpHandler {
 public:
  sluice::Task<sluice::HttpResponse> handle(const sluice::HttpRequest& request) override {
    if (request.path() != "/") return sluice::HttpResponse(404, "not here\n");
    if (request.method() != "GET") return sluice::HttpResponse(405, "only GET\n").add_header("Allow", "GET");
    return sluice::HttpResponse::html(std::string(chat_html));
  }
};

}  // namespace

int main(int argc, char** argv) try {
  Serving serving;
  ServerOptions("Chat rooms", serving)
      .add("--origins", serving.origins, "web pages of other hosts that may connect: app.example.com,...")
      .add("--any-host", serving.any_host, "answer for every name in Host, behind a proxy for instance")
      .parse(argc, argv);
  sluice::StopSignals signals;

  auto routes = std::make_shared<sluice::Router>();
  routes->path("ws/chat/<slug:room>/", sluice::consumer<Chat>());

  sluice::AsioExecutors executors(serving.thread_count());
  sluice::InMemoryChannelLayer layer(executors);
  sluice::Host host(sluice::with(origin_check(serving), routes), layer);
  ChatPage page;
  sluice::AsioServer server(executors, host,
                            {.hosts = allowed_hosts(serving), .http = &page, .reuse_port = serving.reuse_port});
  start_listening(server, serving);

  signals.wait();
  server.stop(serving.stop_options());
  server.wait();
} catch (const std::exception& error) {
  fmt::print(stderr, "02_chat_room: {}\n", error.what());
  return 1;
}

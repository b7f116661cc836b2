// SPDX-License-Identifier: MIT
// A chat whose connections, handlers, requests and events leave spans as OpenTelemetry has them, as lines of JSON.
#include <memory>
#include <span>
#include <stdexcept>
#include <string_view>

#include "sluice/consumer/host.hpp"
#include "sluice/layer/in_memory_channel_layer.hpp"
#include "sluice/net/asio_executors.hpp"
#include "sluice/net/asio_server.hpp"
#include "sluice/page/broadcasts.hpp"
#include "spans.hpp"
#include "support/origins.hpp"
#include "support/serving.hpp"

namespace {

constexpr std::string_view room = "room";

/// Sends each message of a client to all clients; a message must be JSON.
class Chat : public sluice::Consumer {
 public:
  std::span<const std::string_view> groups() const override { return {&room, 1}; }
  sluice::Task<> receive(const sluice::Message& message) override {
    if (message.data() == "fail") throw std::runtime_error("somebody said fail");
    const auto sent =
        sluice::broadcast_to_channel_group(layer(), room, sluice::json::Text(std::string(message.data())));
    if (!sent) throw std::runtime_error(sent.error().message());
    return {};
  }
};

class Health final : public sluice::HttpHandler {
 public:
  sluice::Task<sluice::HttpResponse> handle(const sluice::HttpRequest& request) override {
    if (request.path() == "/health") return sluice::HttpResponse(200, "ok\n").set_route("/health");
    return sluice::HttpResponse(404, "not found\n").set_route("not found");
  }
};

}  // namespace

int main(int argc, char** argv) {
  const Serving serving = Serving::from("A chat that leaves spans", argc, argv);
  SpanLog log;  // the observers use it, so it outlives them
  sluice::AsioExecutors executors(serving.thread_count());
  sluice::InMemoryChannelLayer layer(executors, {.observers = {std::make_shared<EventSpans>(log)}});
  sluice::Host host(sluice::with(origin_check(serving), sluice::consumer<Chat>()), layer,
                    {.observers = {std::make_shared<ConsumerSpans>(log)}});
  Health health;
  sluice::AsioServerOptions options;
  options.hosts = allowed_hosts(serving);
  options.http = &health;
  options.observers = {std::make_shared<RequestSpans>(log)};
  sluice::AsioServer server(executors, host, options);
  return serve(server, serving);
}

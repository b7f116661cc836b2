// SPDX-License-Identifier: MIT
// What a server says of its own health.
#include <chrono>

#include "net/support/served.hpp"
#include "sluice/net/server_times.hpp"
#include "sluice/observe/health.hpp"
#include "support/catch.hpp"
#include "support/eventually.hpp"

using namespace sluice;
using namespace sluice::test;
using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;

namespace {

std::string causes(const AsioServer& server) {
  std::string all;
  for (const Problem& problem : server.problems()) all += problem.part + ' ' + problem.cause + '\n';
  return all;
}

}  // namespace

TEST_CASE("a server near its limit of connections says so", "[net]") {
  Served served({.limits = {.connections = 2}});
  BlockingClient first = served.enter("/1");
  CHECK(causes(served.server).empty());
  BlockingClient second = served.enter("/2");
  CHECK(causes(served.server) == "server connections\n");
}

TEST_CASE("a server that stops says that it drains, and since when", "[net]") {
  Served served;
  CHECK(served.server.stats().stopping == 0);
  const auto before = std::chrono::system_clock::now();
  served.server.stop();
  REQUIRE(causes(served.server) == "server draining\n");
  CHECK(served.server.problems().front().since >= before);
  CHECK(served.server.stats().stopping == 1);
}

TEST_CASE("a server near its limit of queued bytes says so", "[net]") {
  struct Small : TestGateway {
    ConsumerLimits limits{.queued_bytes = 400'000, .server_queued_bytes = 300'000};
    const ConsumerLimits& consumer_limits() const noexcept override { return limits; }
  };
  AsioExecutors executors(1);
  Small gateway;
  AsioServer server(executors, gateway);
  BlockingClient client(server.listen("127.0.0.1", 0).value(), small_buffer);
  client.upgrade("/slow");
  gateway.with("/slow", [](Door& door) { door.fill(290'000); });
  CHECK(eventually([&] { return causes(server) == "server server_queued_bytes\n"; }));
  CHECK(server.stats().queued_bytes > 250'000);
  client.hang_up();
  CHECK(eventually([&] { return server.stats().queued_bytes == 0; }));
}

TEST_CASE("what clients have sent and nobody has used is counted for the whole server", "[net]") {
  Served served({.limits = {.server_unused_bytes = 2'000'000}});
  BlockingClient client = served.enter("/");
  const std::string message = client_text(std::string(400'000, 'x'));
  client.send(message.substr(0, 300'000));
  CHECK(eventually([&] { return served.server.stats().unused_bytes > 200'000; }));
  client.send(message.substr(300'000));
  CHECK(client.hear().size() == 5 + 400'000);
  CHECK(eventually([&] { return served.server.stats().unused_bytes == 0; }));
}

TEST_CASE("the times of requests and the bytes that waited are written as histograms", "[net]") {
  const auto times = std::make_shared<ServerTimes>();
  AsioServerOptions options;
  options.observers = {times};
  Served served(options);
  {
    BlockingClient client = served.enter("/slow", small_buffer);
    served.gateway.with("/slow", [](Door& door) { door.fill(200'000); });
    BlockingClient other = served.connect();
    other.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    CHECK_THAT(other.read_until("not found\n"), ContainsSubstring("404"));
  }
  const auto text = [&] { return MetricsText().add(*times).str(); };
  REQUIRE(eventually([&] { return text().find("sluice_server_websocket_seconds_count 1\n") != std::string::npos; }));
  CHECK_THAT(text(), ContainsSubstring("sluice_server_http_seconds_count 1\n") &&
                         ContainsSubstring("sluice_server_output_waited_bytes_bucket{le=\"65536.0\"} 0\n") &&
                         !ContainsSubstring("sluice_server_output_waited_bytes_count 0\n"));
}

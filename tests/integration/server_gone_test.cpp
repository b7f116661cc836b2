// SPDX-License-Identifier: MIT
// A back end continues to publish after the server in front of it has ended.
#include <memory>
#include <optional>
#include <string>

#include "sluice/consumer/host.hpp"
#include "sluice/core/block_on.hpp"
#include "sluice/layer/in_memory_channel_layer.hpp"
#include "sluice/net/asio_executors.hpp"
#include "sluice/net/asio_server.hpp"
#include "support/blocking_client.hpp"
#include "support/catch.hpp"

using namespace sluice;

namespace {

constexpr std::string_view lobby = "lobby";

class Guest : public Consumer {
 public:
  std::span<const std::string_view> groups() const override { return {&lobby, 1}; }
};

Event news(std::string payload) { return Event::broadcast_to_group(json::Text(std::move(payload))); }

}  // namespace

TEST_CASE("a layer outlives its server, and has none of its connections", "[integration][CL-25][CL-26]") {
  AsioExecutors executors(2);
  InMemoryChannelLayer layer(executors);
  std::string name_of_a_guest;
  {
    Host host(consumer<Guest>(), layer);
    AsioServer server(executors, host);
    const auto port = server.listen("127.0.0.1", 0);
    REQUIRE(port);
    test::BlockingClient ada(*port), ben(*port);
    ada.upgrade("/");
    ben.upgrade("/");
    REQUIRE(layer.group_send(lobby, news("1")));
    CHECK(ada.hear() == "text 1");
    CHECK(ben.hear() == "text 1");
    name_of_a_guest = block_on(layer.group_channels(lobby)).value().at(0);
    server.stop();
    server.wait();
  }
  CHECK(block_on(layer.group_size(lobby)).value() == 0);
  CHECK(layer.stats().channels == 0);
  CHECK(layer.stats().groups == 0);
  CHECK(layer.group_send(lobby, news("2")));
  CHECK(layer.send(name_of_a_guest, news("3")));
  CHECK(block_on(layer.flush()));
  CHECK(layer.stats().dropped_no_channel == 1);
}

// SPDX-License-Identifier: MIT
// Every socket call of a server fails once, while its clients are in groups: an affected client leaves all groups, and
// is counted.
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "net/support/faults.hpp"
#include "net/support/served.hpp"
#include "net/support/tls_client.hpp"
#include "sluice/consumer/host.hpp"
#include "sluice/core/block_on.hpp"
#include "sluice/layer/in_memory_channel_layer.hpp"
#include "support/catch.hpp"
#include "support/eventually.hpp"
#include "support/silence.hpp"

using namespace sluice;
using namespace sluice::test;

namespace {

constexpr int impatience = 20'000;  // milliseconds; a client that waits so long was forgotten
constexpr std::string_view lobby = "lobby", table = "table-7";

struct Visits {
  std::atomic<int> begun{0}, ended{0};
};

// Joins one group as static and one in connect(); echoes its messages.
class Guest : public Consumer {
 public:
  explicit Guest(Visits* visits) : visits_(*visits) {}
  std::span<const std::string_view> groups() const override { return {&lobby, 1}; }
  Task<> connect() override {
    ++visits_.begun;
    auto joined = co_await group_add(table);
    if (joined) accept();
  }
  Task<> receive(const Message& message) override {
    send_text(message.data());
    return {};
  }
  Task<> disconnect(const CloseReason&) override {
    ++visits_.ended;
    return {};
  }

 private:
  Visits& visits_;
};

AsioServerOptions options() {
  AsioServerOptions options;
  options.limits.close_time = std::chrono::milliseconds(200);
  return options;
}

std::uint64_t ends(const ServerStats& stats) {
  return stats.closed_by_peer + stats.closed_by_gateway + stats.closed_by_stop + stats.vanished + stats.too_slow +
         stats.too_big + stats.protocol_errors + stats.invalid_payloads + stats.too_many_frames + stats.too_fast +
         stats.timed_out + stats.idle + stats.too_old + stats.shed;
}

class House {
 public:
  explicit House(bool tls) {
    if (tls) tls_ = certificate();
    port_ = server.listen("127.0.0.1", 0, {.tls = tls_}).value();
  }

  std::unique_ptr<BlockingClient> connect(int receive_buffer = 0) const {
    std::unique_ptr<BlockingClient> client;
    if (tls_) {
      TlsClient::Options options;
      options.receive_buffer = receive_buffer;
      client = std::make_unique<TlsClient>(port_, options);
    } else {
      client = std::make_unique<BlockingClient>(port_, receive_buffer);
    }
    client->set_patience(impatience);
    return client;
  }
  void broadcast(std::string_view group, const std::string& text) {
    REQUIRE(layer.group_send(group, Event::broadcast_to_group(json::Text(text))));
  }
  std::size_t size_of(std::string_view group) { return block_on(layer.group_size(group)).value(); }
  /// Waits until the server, the host and the layer have no connection; false if that takes too long.
  bool empties() const {
    return eventually([&] {
      const LayerStats here = layer.stats();
      return server.stats().connections + host.stats().connections + here.channels + here.groups == 0;
    });
  }

  AsioExecutors executors{1};
  InMemoryChannelLayer layer{executors};
  Visits visits;
  Host host{consumer<Guest>(&visits), layer, HostOptions{.limits = {.queued_bytes = 16 << 20}}};
  AsioServer server{executors, host, options()};

 private:
  static const TlsContext& certificate() {
    static const TlsContext made = [] {
      const auto issued = Authority().issue("localhost");
      return TlsContext::from_pem(issued.certificate, issued.key).value();
    }();
    return made;
  }

  std::optional<TlsContext> tls_;
  std::uint16_t port_ = 0;
};

// One leaves in good order, the other does not.
std::string listen_and_leave(House& house) {
  const auto ada = house.connect(), ben = house.connect();
  std::string heard = ada->upgrade("/ada").substr(0, 12) + "\n" + ben->upgrade("/ben").substr(0, 12) + "\n";
  house.broadcast(lobby, "1");
  heard += ada->hear() + "\n" + ben->hear() + "\n";
  ada->say("hello");
  heard += ada->hear() + "\n";
  house.broadcast(table, "2");
  heard += ada->hear() + "\n" + ben->hear() + "\n";
  ada->send(client_close(1000, "bye"));
  heard += ada->hear() + "\n" + ada->hear();
  ben->reset();
  return heard;
}

std::string listen_slowly(House& house) {
  const auto ada = house.connect(4096);
  std::string heard = ada->upgrade("/ada").substr(0, 12) + "\n";
  constexpr int messages = 20;
  const std::string large = '"' + std::string(20'000, 'm') + '"';
  for (int i = 0; i < messages; ++i) house.broadcast(i % 2 ? table : lobby, large);
  int whole = 0;
  for (std::string next = ada->hear(); next == "text " + large; next = ada->hear()) {
    if (++whole == messages) ada->send(client_close(1000, ""));
  }
  return heard + std::to_string(whole);
}

std::string hear_the_stop(House& house) {
  const auto ada = house.connect();
  std::string heard = ada->upgrade("/ada").substr(0, 12) + "\n";
  house.server.stop();
  heard += ada->hear() + "\n";
  ada->send(client_close(1012, ""));
  return heard + ada->hear();
}

struct Scene {
  const char* name;
  std::string (*play)(House&);
  std::uint64_t vanish;  // undisturbed
  bool stops = false;    // nobody is served after it
};
constexpr std::array<Scene, 3> scenes{{
    {"listen and leave", listen_and_leave, 1},
    {"listen slowly", listen_slowly, 0},
    {"stop", hear_the_stop, 0, true},
}};

}  // namespace

TEST_CASE("whichever socket call fails, its consumer leaves every group and is counted", "[integration]") {
  const Silence silence;  // of accepting that failed
  const bool tls = GENERATE(false, true);
  const int error = GENERATE(ECONNRESET, ENOBUFS);
  int members_lost = 0;
  for (const Scene& scene : scenes) {
    std::string undisturbed;
    {
      House house(tls);
      undisturbed = scene.play(house);
      REQUIRE(house.empties());
      REQUIRE(house.server.stats().vanished == scene.vanish);
    }
    for (std::uint64_t nth = 1;; ++nth) {
      House house(tls);
      std::string heard, failed;
      {
        const auto faults = Faults::nth_fails(house.executors.at(0), nth, error);
        heard = scene.play(house);
        failed = faults.failed();
      }
      CAPTURE(tls, error, scene.name, nth, failed, heard);
      if (failed.empty()) REQUIRE(heard == undisturbed);
      REQUIRE(heard.find(nothing_came) == std::string::npos);
      REQUIRE(house.empties());
      REQUIRE(house.size_of(lobby) == 0);
      REQUIRE(house.size_of(table) == 0);
      REQUIRE(house.visits.begun == house.visits.ended);
      const ServerStats stats = house.server.stats();
      const HostStats consumers = house.host.stats();
      REQUIRE(stats.open == 0);
      REQUIRE(stats.opened == ends(stats));
      REQUIRE(consumers.opened == static_cast<std::uint64_t>(house.visits.begun));
      REQUIRE(consumers.failed_handlers + consumers.destroyed_handlers == 0);
      if (stats.vanished > scene.vanish) ++members_lost;

      if (!scene.stops) {  // the groups are as good as new
        const auto other = house.connect();
        REQUIRE(other->upgrade("/other").starts_with("HTTP/1.1 101"));
        REQUIRE(house.size_of(table) == 1);
        house.broadcast(table, "3");
        REQUIRE(other->hear() == "text 3");
        other->hang_up();
        REQUIRE(house.empties());
      }
      if (failed.empty()) break;
    }
  }
  CHECK(members_lost > 0);
}

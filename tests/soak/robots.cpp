// SPDX-License-Identifier: MIT
#include "soak/robots.hpp"

#include <atomic>
#include <functional>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "sluice/ws/deflate.hpp"
#include "soak/house.hpp"
#include "support/blocking_client.hpp"
#include "support/client_frame.hpp"

using namespace std::chrono_literals;
using sluice::test::BlockingClient;
using sluice::test::client_close;
using sluice::test::client_frame;
using sluice::test::client_text;
using sluice::test::raw_frame;
using sluice::ws::Opcode;

namespace soak {
namespace {

constexpr std::string_view offer = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n";

/// One visit. What the server answers is not judged here, tests do that: the server ends some of them on purpose.
class Robot {
 public:
  Robot(std::uint16_t port, std::uint64_t seed) : port_(port), random_(seed) {}

  void visit() {
    switch (below(10)) {
      case 0: return slow();
      case 1: return rude();
      case 2: return rude_later();
      case 3: return vanishing();
      case 4: return slowloris();
      case 5: return plain_http();
      case 6: return echo();
      default: return polite();
    }
  }

 private:
  int below(int bound) { return std::uniform_int_distribution<int>(0, bound - 1)(random_); }
  bool one_in(int many) { return below(many) == 0; }
  std::string text(int most) {
    return std::string(static_cast<std::size_t>(below(most)), static_cast<char>('a' + below(26)));
  }

  BlockingClient connect(int receive_buffer = 0) {
    BlockingClient client(port_, receive_buffer);
    client.set_patience(2'000);
    return client;
  }
  std::string core_path() { return "/ws/core/?user=" + std::to_string(below(users)); }
  std::string headers() {
    std::string more(one_in(2) ? offer : "");
    if (one_in(3)) more += "X-Forwarded-For: 192.0.2." + std::to_string(below(8)) + "\r\n";
    return more;
  }
  bool opens(BlockingClient& client, const std::string& path) {
    return client.upgrade(path, headers()).starts_with("HTTP/1.1 101 ");
  }
  std::string page(const char* key, int table) {
    const std::string number = std::to_string(table);
    return std::string(R"({")") + key + R"(":"table","table_id":)" + (one_in(4) ? '"' + number + '"' : number) + "}";
  }
  void listen(BlockingClient& client, int milliseconds) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(milliseconds);
    client.set_patience(50);
    while (std::chrono::steady_clock::now() < end) {
      const std::string heard = client.hear();
      if (heard.starts_with("close") || heard == sluice::test::end_of_stream || heard == sluice::test::reset_by_peer)
        break;
    }
    client.set_patience(2'000);
  }
  void leave(BlockingClient& client) {
    if (one_in(2)) return client.reset();
    client.send(client_close(1000));
    listen(client, 500);
  }

  void polite() {
    auto client = connect();
    if (!opens(client, core_path())) return;
    for (int i = below(6); i >= 0; --i) {
      client.say(page("page", below(tables + 2)));
      listen(client, below(200));
      if (one_in(3)) client.say(page("remove_page", below(tables)));
      if (one_in(5)) client.send(client_frame(Opcode::ping, text(125)));
    }
    leave(client);
  }
  void slow() {
    auto client = connect(4'096);
    if (!client.upgrade(core_path()).starts_with("HTTP/1.1 101 ")) return;  // compressed, little would wait
    client.say(page("page", 0));
    client.say(page("page", below(tables)));
    std::this_thread::sleep_for(std::chrono::milliseconds(below(3'000)));
    if (one_in(2)) listen(client, below(500));
    leave(client);
  }
  void echo() {
    auto client = connect();
    const bool compressed = client.upgrade("/ws/echo/", std::string(offer)).find("permessage") != std::string::npos;
    sluice::ws::Deflater deflater(15, 1, 8);
    for (int i = below(30); i >= 0; --i) {
      std::string message = text(60'000);
      std::uint8_t first = 0x82;
      if (compressed && one_in(2)) {
        std::string wire;
        deflater.deflate(message, wire);
        deflater.forget();
        message = wire;
        first = 0xc2;
      }
      if (!client.send(raw_frame(first, message))) return;
      if (!one_in(4)) client.hear();
    }
    leave(client);
  }
  void rude() {
    auto client = connect();
    const std::vector<std::string> openings{
        "\x16\x03\x01\x02",
        "GET / HTTP/1.1\nHost: x\n\n",
        "GET / HTTP/1.1\r\nHost: x\r\nA:" + std::string(40'000, 'a'),
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n",
        "PROXY TCP4 192.0.2.7 192.0.2.8 1 2\r\n\r\n",
        BlockingClient::upgrade_request("/no/such/place"),
        BlockingClient::upgrade_request("/ws/core/", "X-Forwarded-For: nonsense\r\n"),
        std::string(static_cast<std::size_t>(below(2'000)), static_cast<char>(below(256))),
    };
    client.send(openings[static_cast<std::size_t>(below(static_cast<int>(openings.size())))]);
    client.read_to_end();
  }
  void rude_later() {
    auto client = connect();
    if (!opens(client, one_in(2) ? core_path() : "/ws/echo/")) return;
    std::string bomb;
    sluice::ws::Deflater(15, 9, 8).deflate(std::string(10'000'000, '\0'), bomb);
    const std::vector<std::string> faults{
        "\x81\x05hello",
        "\x83\x80" + text(4),
        client_text("\xed\xa0\x80"),
        client_text("{\"page\":"),
        client_text(std::string(5'000, '[')),
        client_text(R"({"page":["table"],"table_id":{}})"),
        client_frame(Opcode::text, text(1'000), false) + client_text("inside"),
        client_frame(Opcode::binary, std::string(70'000, 'b')),
        raw_frame(0x89, text(1) + std::string(126, 'p')),
        raw_frame(0xc1, bomb),
        raw_frame(0xc1, "\xff\xff\xff"),
        client_close(999),
        "\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff" + std::string(4, 'k'),
    };
    client.send(faults[static_cast<std::size_t>(below(static_cast<int>(faults.size())))]);
    listen(client, 1'000);
  }
  void vanishing() {
    auto client = connect();
    std::string story = BlockingClient::upgrade_request(core_path(), headers());
    for (int i = 0; i < 4; ++i) story += client_text(page("page", below(tables)));
    story += client_frame(Opcode::text, text(3'000), false) + client_close(1001);
    client.send(std::string_view(story).substr(0, static_cast<std::size_t>(below(static_cast<int>(story.size())))));
    if (one_in(2)) std::this_thread::sleep_for(std::chrono::milliseconds(below(50)));
    one_in(2) ? client.reset() : client.hang_up();
  }
  void slowloris() {
    auto client = connect();
    const std::string request = BlockingClient::upgrade_request(core_path());
    for (const char byte : request) {
      if (!client.send({&byte, 1})) return;
      std::this_thread::sleep_for(std::chrono::milliseconds(below(30)));
    }
    leave(client);
  }
  void plain_http() {
    auto client = connect();
    for (int i = below(20); i >= 0; --i) {
      if (!client.send("GET / HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 192.0.2." + std::to_string(below(8)) +
                       "\r\n\r\n"))
        return;
      if (!one_in(4)) client.read_until("\n\n");
    }
  }

  std::uint16_t port_;
  std::mt19937_64 random_;
};

}  // namespace

std::uint64_t let_loose(std::uint16_t port, std::size_t robots, std::chrono::milliseconds time, std::uint64_t seed) {
  const auto end = std::chrono::steady_clock::now() + time;
  std::atomic<std::uint64_t> visits{0};
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < robots; ++i) {
    threads.emplace_back([&visits, port, end, seed = seed + i * 1'000'003]() mutable {
      while (std::chrono::steady_clock::now() < end) {
        Robot(port, seed++).visit();
        ++visits;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  return visits;
}

}  // namespace soak

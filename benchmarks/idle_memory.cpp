// SPDX-License-Identifier: MIT
// What an idle connection costs in memory: every byte that is allocated for it, counted, over real sockets
#include <fmt/format.h>
#include <malloc.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <new>
#include <string>
#include <thread>
#include <vector>

#include "consumer/session.hpp"
#include "layer/hub/hub_shard.hpp"
#include "net/stage/asio_connection.hpp"
#include "sluice/consumer/host.hpp"
#include "sluice/layer/in_memory_channel_layer.hpp"
#include "sluice/net/asio_executors.hpp"
#include "sluice/net/asio_server.hpp"

namespace {

// malloc itself is not counted: what the library allocates goes through new, and FrameBuffer's few chunks are shared.
std::atomic<long> allocated{0};
std::atomic<long> blocks{0};
constexpr std::size_t granule = 16, largest = 8192;
std::atomic<long> blocks_of[largest / granule];  // by their size with the allocator's word

std::atomic<long>* counter_of(std::size_t bytes) { return bytes < largest ? &blocks_of[bytes / granule] : nullptr; }

}  // namespace

void* operator new(std::size_t bytes) {
  void* memory = std::malloc(bytes);
  if (!memory) throw std::bad_alloc();
  const std::size_t whole = malloc_usable_size(memory) + sizeof(void*);  // the allocator's own word, too
  allocated += static_cast<long>(whole);
  ++blocks;
  if (auto* counter = counter_of(whole)) ++*counter;
  return memory;
}
void operator delete(void* memory) noexcept {
  if (!memory) return;
  const std::size_t whole = malloc_usable_size(memory) + sizeof(void*);
  allocated -= static_cast<long>(whole);
  --blocks;
  if (auto* counter = counter_of(whole)) --*counter;
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept { operator delete(memory); }

namespace {

using namespace sluice;

constexpr std::string_view group = "room";

class Silent : public Consumer {};

class Member : public Consumer {
 public:
  std::span<const std::string_view> groups() const override { return {&group, 1}; }
};

int connect_to(std::uint16_t port) {
  const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const std::string request =
      "GET /room HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
  char answer[512];
  if (connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
      write(socket, request.data(), request.size()) < 0 || read(socket, answer, sizeof answer) < 12) {
    std::perror("connect");
    std::exit(1);
  }
  return socket;
}

std::vector<long> block_counts() { return {std::begin(blocks_of), std::end(blocks_of)}; }

// What takes a block of this size, among what is known; the shared ones with their count.
std::string_view name_of(std::size_t bytes) {
  constexpr std::size_t count = 16;  // std::make_shared's, in front
  const auto fits = [bytes](std::size_t size) {
    return (size + sizeof(void*) + granule - 1) / granule * granule == bytes;
  };
  if (fits(sizeof(net::AsioConnection) + count)) return "connection";
  if (fits(sizeof(Session) + count)) return "session";
  if (fits(sizeof(HubMember))) return "the hub's member (a request without headers takes as much)";
  if (fits(sizeof(Member))) return "consumer";
  return "request, as it is packed";
}

void measure(std::string_view what, std::shared_ptr<Application> application, HostOptions options) {
  constexpr int warm = 500, counted = 2000;  // first the tables grow to their size
  AsioExecutors executors(1);
  InMemoryChannelLayer layer(executors);
  Host host(std::move(application), layer, options);
  AsioServer server(executors, host);
  const auto port = server.listen("127.0.0.1", 0);
  if (!port) std::exit(1);
  std::vector<int> sockets;
  sockets.reserve(warm + counted);
  for (int i = 0; i < warm; ++i) sockets.push_back(connect_to(*port));
  const auto settle = [&] { std::this_thread::sleep_for(std::chrono::milliseconds(200)); };
  settle();
  const long bytes_before = allocated, blocks_before = blocks;
  const auto counts_before = block_counts();
  for (int i = 0; i < counted; ++i) sockets.push_back(connect_to(*port));
  settle();
  fmt::print("{:44} {:>8} bytes in {:>4.1f} blocks\n", what, (allocated - bytes_before) / counted,
             static_cast<double>(blocks - blocks_before) / counted);
  const auto counts = block_counts();
  for (std::size_t i = counts.size(); i-- > 0;) {
    const double each = static_cast<double>(counts[i] - counts_before[i]) / counted;
    if (each > 0.5) fmt::print("    {:>4} x {:.0f}  {}\n", i * granule, each, name_of(i * granule));
  }
  for (const int socket : sockets) close(socket);
  server.stop();
  server.wait();
}

}  // namespace

int main() {
  fmt::print("an idle connection's memory, beside 0 for a descriptor in an array\n");
  measure("consumer", consumer<Silent>(), {});
  measure("consumer, one group", consumer<Member>(), {});
  measure("consumer, one group, headers let go", consumer<Member>(), {.keep_headers = false});
}

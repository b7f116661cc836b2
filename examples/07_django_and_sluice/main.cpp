// SPDX-License-Identifier: MIT
// A Django project whose WebSockets are served here: its views broadcast through channels_redis, browsers hear it.
#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include "sluice/consumer/consumer.hpp"
#include "sluice/consumer/host.hpp"
#include "sluice/consumer/router.hpp"
#include "sluice/core/block_on.hpp"
#include "sluice/net/asio_dialer.hpp"
#include "sluice/net/asio_server.hpp"
#include "sluice/net/signals.hpp"
#include "sluice/redis/redis_channel_layer.hpp"
#include "support/child.hpp"
#include "support/options.hpp"

namespace {

/// Every browser with the page open. Broadcasts go straight to it: there is nothing to write for them.
class Notices final : public sluice::Consumer {
  std::span<const std::string_view> groups() const override {
    static constexpr std::string_view joined[] = {"notices"};
    return joined;
  }
};

/// Who comes here for a page is sent to Django.
class ToDjango final : public sluice::HttpHandler {
 public:
  explicit ToDjango(std::string django) : django_(std::move(django)) {}
  sluice::Task<sluice::HttpResponse> handle(const sluice::HttpRequest&) override {
    return sluice::HttpResponse(302, "the page is Django's\n").add_header("Location", django_);
  }

 private:
  std::string django_;
};

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

std::uint16_t free_port() {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = loopback(0);
  socklen_t length = sizeof address;
  const bool found = bind(socket, reinterpret_cast<sockaddr*>(&address), length) == 0 &&
                     getsockname(socket, reinterpret_cast<sockaddr*>(&address), &length) == 0;
  close(socket);
  if (!found) throw std::runtime_error("no free port for Django");
  return ntohs(address.sin_port);
}

bool answers(std::uint16_t port) {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = loopback(port);
  const bool connected = connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  close(socket);
  return connected;
}

// `manage.py runserver`, ready to be asked.
void start_django(std::optional<Child>& django, std::uint16_t port, const std::string& redis,
                  std::uint16_t sluice_port) {
  setenv("REDIS_URL", redis.c_str(), 1);
  setenv("WEB_SOCKETS", fmt::format("ws://127.0.0.1:{}", sluice_port).c_str(), 1);
  setenv("PYTHONDONTWRITEBYTECODE", "1", 1);
  django.emplace(std::vector<std::string>{"/usr/bin/python3", SLUICE_EXAMPLE_DIR "/manage.py", "runserver",
                                          "--noreload", fmt::format("127.0.0.1:{}", port)});
  for (int tries = 0; !answers(port); ++tries) {
    if (tries == 600) throw std::runtime_error("Django does not answer: is python3-django installed?");
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
}

}  // namespace

int main(int argc, char** argv) try {
  Listen listen;
  std::string redis;
  std::uint16_t django_port = 0;
  Options("A Django project whose sockets are served by Sluice", listen)
      .add("--redis", redis, "the URL of a Redis; without one it starts its own")
      .add("--django-port", django_port, "where Django serves; 0: a free port")
      .parse(argc, argv);
  sluice::StopSignals signals;

  std::optional<OwnRedis> own_redis;
  if (redis.empty()) redis = own_redis.emplace().url();
  if (django_port == 0) django_port = free_port();

  auto routes = std::make_shared<sluice::Router>();
  routes->path("ws/notices/", sluice::consumer<Notices>());

  sluice::AsioExecutors executors(listen.thread_count());
  sluice::AsioDialer dialer(executors);
  sluice::RedisChannelLayer layer(executors, dialer, {.hosts = {redis}});
  sluice::Host host(routes, layer);
  ToDjango to_django(fmt::format("http://127.0.0.1:{}/", django_port));
  sluice::AsioServer server(executors, host, {.http = &to_django});
  const auto port = server.listen(listen.host, listen.port);
  if (!port) throw std::runtime_error(port.error().message());
  std::optional<Child> django;
  start_django(django, django_port, redis, *port);
  announce(listen.host, *port);
  fmt::print("post from another shell:\n  cd {} && REDIS_URL={} /usr/bin/python3 manage.py notice \"from a shell\"\n",
             SLUICE_EXAMPLE_DIR, redis);
  std::fflush(stdout);

  signals.wait();
  server.stop();
  server.wait();
  sluice::block_on(layer.close());
} catch (const std::exception& error) {
  fmt::print(stderr, "07_django_and_sluice: {}\n", error.what());
  return 1;
}

// SPDX-License-Identifier: MIT
// The physical floor: an epoll loop that does nothing but one send() of a ready frame per subscriber
//
//   floor PORT          one send() per message and subscriber
//   floor PORT joined   the messages of one loop turn side by side, one send() per subscriber and turn
//   floor PORT redis REDIS_PORT   the messages come from Redis, where Django publishes them to the group "bench"
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "load/wire.hpp"
#include "rivals/redis_subscription.hpp"
#include "sluice/ws/handshake.hpp"

namespace {

struct Client {
  enum class Kind : std::uint8_t { handshake, subscriber, publisher, echo, redis };
  int socket;
  Kind kind = Kind::handshake;
  std::size_t place = 0;  // among the subscribers
  std::unique_ptr<std::string> unread;
};

// The rare slow way: wait until it is out.
void send_all(int socket, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent > 0) {
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    } else if (errno == EAGAIN) {
      pollfd writable{socket, POLLOUT, 0};
      poll(&writable, 1, 1000);
    } else {
      return;
    }
  }
}

class Floor {
 public:
  Floor(std::uint16_t port, bool joined) : joined_(joined), epoll_(epoll_create1(0)) {
    const int one = 1;
    setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 || listen(listener_, 4096) != 0) {
      std::perror("floor");
      std::exit(1);
    }
    watch(listener_, nullptr);
  }

  void hear(RedisSubscription& subscription) {
    redis_ = &subscription;
    watch(subscription.descriptor(), &redis_client_);
  }

  void run() {
    std::array<epoll_event, 1024> events;
    for (;;) {
      const int count = epoll_wait(epoll_, events.data(), events.size(), -1);
      for (int i = 0; i < count; ++i) {
        auto* client = static_cast<Client*>(events[static_cast<std::size_t>(i)].data.ptr);
        client ? read(client) : accept_all();
      }
      if (!turn_.empty()) broadcast(turn_);
      turn_.clear();
    }
  }

 private:
  void watch(int socket, Client* client) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = client;
    epoll_ctl(epoll_, EPOLL_CTL_ADD, socket, &event);
  }

  void accept_all() {
    const int one = 1;
    for (int socket; (socket = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK)) >= 0;) {
      setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
      watch(socket, new Client{socket, {}, 0, nullptr});  // read() ends it
    }
  }

  void broadcast(std::string_view frames) {
    for (Client* client : subscribers_) send_all(client->socket, frames);
  }

  void read(Client* client) {
    if (client->kind == Client::Kind::redis) {
      return redis_->read([this](std::string_view json) { broadcast(wire::server_frame(wire::Opcode::text, json)); });
    }
    const ssize_t got = recv(client->socket, buffer_.data(), buffer_.size(), 0);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) return end(client);
    std::string joined;
    std::span<char> bytes(buffer_.data(), static_cast<std::size_t>(got));
    if (client->unread) {
      joined = std::move(*client->unread);
      client->unread.reset();
      bytes = joined.append(bytes.data(), bytes.size());
    }
    if (client->kind == Client::Kind::handshake) {
      const std::string_view request(bytes.data(), bytes.size());
      const std::size_t head_end = request.find("\r\n\r\n");
      if (head_end != request.npos) {
        greet(client, request.substr(0, head_end + 2));
        bytes = bytes.subspan(head_end + 4);
      }
    }
    while (client->kind != Client::Kind::handshake) {
      const auto frame = wire::first_frame(bytes);
      if (!frame) break;
      if (frame->opcode == wire::Opcode::close) {
        send_all(client->socket, wire::server_frame(frame->opcode, {frame->payload.data(), frame->payload.size()}));
        return end(client);
      }
      take(client, *frame);
      bytes = bytes.subspan(frame->size);
    }
    if (!bytes.empty()) client->unread = std::make_unique<std::string>(bytes.data(), bytes.size());
  }

  void greet(Client* client, std::string_view head) {
    constexpr std::string_view name = "Sec-WebSocket-Key: ";
    const std::size_t key = std::min(head.find(name), head.size() - name.size()) + name.size();
    send_all(client->socket,
             "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " +
                 sluice::ws::accept_key(head.substr(key, head.find("\r\n", key) - key)) + "\r\n\r\n");
    client->kind = head.starts_with("GET /pub")    ? Client::Kind::publisher
                   : head.starts_with("GET /echo") ? Client::Kind::echo
                                                   : Client::Kind::subscriber;
    if (client->kind != Client::Kind::subscriber) return;
    client->place = subscribers_.size();
    subscribers_.push_back(client);
  }

  void take(Client* client, const wire::Frame& frame) {
    // In place: a server's header is shorter than the masked one was.
    char header[10];
    const std::size_t length = wire::write_header(header, frame.opcode, frame.payload.size());
    char* const begin = std::copy_backward(header, header + length, frame.payload.data());
    const std::string_view out(begin, length + frame.payload.size());
    if (client->kind == Client::Kind::echo) return send_all(client->socket, out);
    joined_ ? void(turn_ += out) : broadcast(out);
  }

  void end(Client* client) {
    if (client->kind == Client::Kind::subscriber) {
      subscribers_[client->place] = subscribers_.back();
      subscribers_[client->place]->place = client->place;
      subscribers_.pop_back();
    }
    ::close(client->socket);
    delete client;
  }

  bool joined_;
  int epoll_;
  int listener_ = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  std::vector<Client*> subscribers_;
  std::string turn_;  // the frames of this turn
  RedisSubscription* redis_ = nullptr;
  Client redis_client_{-1, Client::Kind::redis, 0, nullptr};
  std::vector<char> buffer_ = std::vector<char>(128 * 1024);
};

}  // namespace

int main(int argc, char** argv) try {
  if (argc < 2) {
    std::fprintf(stderr, "usage: floor PORT [joined | redis REDIS_PORT]\n");
    return 2;
  }
  const auto number = [&](int place) { return static_cast<std::uint16_t>(std::atoi(argv[place])); };
  const std::string_view mode = argc > 2 ? argv[2] : "";
  Floor floor(number(1), mode == "joined");
  std::optional<RedisSubscription> subscription;
  if (mode == "redis" && argc > 3) floor.hear(subscription.emplace(number(3), "bench"));
  floor.run();
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}

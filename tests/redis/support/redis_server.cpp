// SPDX-License-Identifier: MIT
#include "redis/support/redis_server.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <stdexcept>

namespace sluice::redis {

Reply command(std::uint16_t port, const std::vector<std::string>& words) {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct Closed {
    int socket;
    ~Closed() { close(socket); }
  } closed{socket};
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  if (connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    throw std::runtime_error("no Redis at this port");
  }
  Command command({});
  for (const std::string& word : words) command.arg(word);
  std::string bytes;
  command.write_to(bytes);
  if (write(socket, bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size())) {
    throw std::runtime_error("Redis takes no command");
  }
  ReplyReader reader;
  for (;;) {
    char buffer[4096];
    const ssize_t read = ::read(socket, buffer, sizeof buffer);
    if (read <= 0) throw std::runtime_error("Redis has hung up");
    reader.feed({buffer, static_cast<std::size_t>(read)});
    auto reply = reader.next();
    if (!reply) throw std::runtime_error(reply.error().message());
    if (*reply) return std::move(**reply);
  }
}

RedisServer::RedisServer(std::vector<std::string> arguments)
    : arguments_(std::move(arguments)), port_(free_port()), folder_(temporary_folder()) {
  start();
}

RedisServer::~RedisServer() {
  process_.reset();
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

std::string RedisServer::url(unsigned database) const {
  return "redis://127.0.0.1:" + std::to_string(port_) + "/" + std::to_string(database);
}

void RedisServer::start() {
  std::vector<std::string> words{"redis-server",
                                 "--port",
                                 std::to_string(port_),
                                 "--bind",
                                 "127.0.0.1",
                                 "--save",
                                 "",
                                 "--appendonly",
                                 "no",
                                 "--dir",
                                 folder_,
                                 "--logfile",
                                 "redis.log",
                                 "--databases",
                                 "64",
                                 "--enable-debug-command",
                                 "yes"};
  words.insert(words.end(), arguments_.begin(), arguments_.end());
  process_ = std::make_unique<Process>(words);
  const bool answers = eventually([this] {
    try {
      const Reply reply = command({"PING"});
      return !reply.is_error("LOADING");
    } catch (const std::runtime_error&) {
      if (!process_->running()) throw std::runtime_error("redis-server ended at once: is it installed?");
      return false;
    }
  });
  if (!answers) throw std::runtime_error("redis-server does not answer");
}

void RedisServer::stop() { process_.reset(); }
void RedisServer::pause() const { process_->signal(SIGSTOP); }
void RedisServer::resume() const { process_->signal(SIGCONT); }

std::vector<std::string> RedisServer::keys(const std::string& pattern) const {
  std::vector<std::string> names;
  for (const Reply& key : command({"KEYS", pattern}).elements) names.push_back(key.text);
  std::ranges::sort(names);
  return names;
}

}  // namespace sluice::redis

// SPDX-License-Identifier: MIT
#include "redis/support/redis_server.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "redis/pubsub/cluster_slots.hpp"
#include "sluice/abi.hpp"

namespace sluice::SLUICE_ABI::redis {

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

namespace {

bool answers(std::uint16_t port, Process& process) {
  return eventually([&] {
    try {
      return !command(port, {"PING"}).is_error("LOADING");
    } catch (const std::runtime_error&) {
      if (!process.running()) throw std::runtime_error("redis-server ended at once: is it installed?");
      return false;
    }
  });
}

void remove(const std::string& folder) {
  std::error_code ignored;
  std::filesystem::remove_all(folder, ignored);
}

}  // namespace

RedisServer::RedisServer(std::vector<std::string> arguments)
    : arguments_(std::move(arguments)), port_(free_port()), folder_(temporary_folder()) {
  try {
    start();
  } catch (const std::runtime_error&) {  // somebody else has taken the port meanwhile
    port_ = free_port();
    start();
  }
}

RedisServer::~RedisServer() {
  process_.reset();
  remove(folder_);
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
  if (!answers(port_, *process_)) throw std::runtime_error("redis-server does not answer");
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

Sentinel::Sentinel(const RedisServer& master) : port_(free_port()), tls_port_(0), folder_(temporary_folder()) {
  start(master.port(), {});
}

Sentinel::Sentinel(std::uint16_t master_tls_port, const Certificate& certificate)
    : port_(free_port()), tls_port_(free_port()), folder_(temporary_folder()) {
  std::string more = "tls-replication yes\n";
  const auto words = certificate.serve_at(tls_port_);
  for (std::size_t i = 0; i < words.size(); i += 2) more += words[i].substr(2) + ' ' + words[i + 1] + '\n';
  start(master_tls_port, more);
}

void Sentinel::start(std::uint16_t master_port, const std::string& more) {
  const std::string file = folder_ + "/sentinel.conf";
  std::ofstream(file) << "port " << port_ << "\nbind 127.0.0.1\ndir " << folder_ << "\nlogfile sentinel.log\n"
                      << more << "sentinel monitor sluice 127.0.0.1 " << master_port << " 1\n"
                      << "sentinel down-after-milliseconds sluice 200\nsentinel failover-timeout sluice 1000\n";
  process_ = std::make_unique<Process>(std::vector<std::string>{"redis-server", file, "--sentinel"});
  if (!answers(port_, *process_)) throw std::runtime_error("the sentinel does not answer");
}

Sentinel::~Sentinel() {
  process_.reset();
  remove(folder_);
}

namespace {

constexpr std::size_t cluster_nodes = 3;

}  // namespace

namespace {

std::vector<std::string> cluster_arguments(const std::string& bus_port) {
  return {"--cluster-enabled", "yes", "--cluster-port", bus_port, "--cluster-node-timeout", "1000"};
}

}  // namespace

RedisCluster::RedisCluster(const Certificate* certificate) {
  std::vector<std::string> bus_ports;
  for (std::size_t i = 0; i < cluster_nodes; ++i) {
    bus_ports.push_back(std::to_string(free_port()));
    std::vector<std::string> arguments = cluster_arguments(bus_ports.back());
    if (certificate) {
      const std::uint16_t port = free_port();
      if (i == 0) tls_port_ = port;
      for (const std::string& word : certificate->serve_at(port)) arguments.push_back(word);
      arguments.insert(arguments.end(), {"--tls-cluster", "yes"});
    }
    nodes_.push_back(std::make_unique<RedisServer>(arguments));
  }
  for (std::size_t i = 0; i < cluster_nodes; ++i) {
    (void)node(i).command({"CLUSTER", "SET-CONFIG-EPOCH", std::to_string(i + 1)});
    const std::size_t first = i * cluster_slots / cluster_nodes, last = (i + 1) * cluster_slots / cluster_nodes - 1;
    (void)node(i).command({"CLUSTER", "ADDSLOTSRANGE", std::to_string(first), std::to_string(last)});
    if (i > 0) (void)node(0).command({"CLUSTER", "MEET", "127.0.0.1", std::to_string(node(i).port()), bus_ports[i]});
  }
  const bool together = eventually([this] {
    return std::ranges::all_of(nodes_, [](const auto& node) {
      const std::string info = node->command({"CLUSTER", "INFO"}).text;
      return info.find("cluster_state:ok") != info.npos && info.find("cluster_known_nodes:3") != info.npos;
    });
  });
  if (!together) throw std::runtime_error("the three did not become a cluster");
}

std::size_t RedisCluster::add_node() {
  const std::string bus_port = std::to_string(free_port());
  nodes_.push_back(std::make_unique<RedisServer>(cluster_arguments(bus_port)));
  const std::string count = "cluster_known_nodes:" + std::to_string(nodes_.size());
  (void)node(0).command({"CLUSTER", "MEET", "127.0.0.1", std::to_string(nodes_.back()->port()), bus_port});
  const bool known = eventually([&] {
    return std::ranges::all_of(nodes_, [&](const auto& node) {
      return node->command({"CLUSTER", "INFO"}).text.find(count) != std::string::npos;
    });
  });
  if (!known) throw std::runtime_error("the cluster did not take a further node");
  return nodes_.size() - 1;
}

std::string RedisCluster::url() const {
  std::string url = "cluster://";
  for (const auto& node : nodes_)
    url += (url.ends_with('/') ? "127.0.0.1:" : ",127.0.0.1:") + std::to_string(node->port());
  return url;
}

std::size_t RedisCluster::owner_of(std::size_t slot) {
  std::size_t owner = 0;
  while (slot >= (owner + 1) * cluster_slots / cluster_nodes) ++owner;
  return owner;
}

void RedisCluster::move_slot(std::size_t slot, std::size_t to) {
  const std::string id = node(to).command({"CLUSTER", "MYID"}).text;
  (void)node(to).command({"CLUSTER", "SETSLOT", std::to_string(slot), "NODE", id});
  for (const auto& node : nodes_) (void)node->command({"CLUSTER", "SETSLOT", std::to_string(slot), "NODE", id});
}

Certificate::Certificate(const std::string& folder)
    : certificate_file(folder + "/certificate.pem"), key_file(folder + "/key.pem") {
  Process openssl({"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                   "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout",
                   key_file, "-out", certificate_file},
                  folder + "/openssl.log");
  if (openssl.wait() != 0) throw std::runtime_error("openssl made no certificate");
}

std::vector<std::string> Certificate::serve_at(std::uint16_t port) const {
  return {"--tls-port", std::to_string(port), "--tls-cert-file", certificate_file,     "--tls-key-file",
          key_file,     "--tls-ca-cert-file", certificate_file,  "--tls-auth-clients", "no"};
}

}  // namespace sluice::SLUICE_ABI::redis

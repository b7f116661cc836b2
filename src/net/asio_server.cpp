// SPDX-License-Identifier: MIT
#include "sluice/net/asio_server.hpp"

#include <fmt/format.h>

#include <condition_variable>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include <asio/ip/tcp.hpp>

#include "net/acceptor.hpp"
#include "net/asio_executor.hpp"
#include "net/shard.hpp"
#include "sluice/net/asio_executors.hpp"

namespace sluice {

using net::Acceptor;
using net::Ending;
using net::Shard;

class AsioServer::State : public std::enable_shared_from_this<State> {
 public:
  State(AsioExecutors& executors, Gateway& gateway, AsioServerOptions options)
      : executors_(executors),
        serving_{gateway, options, {options.limits.connections, options.limits.connections_per_address}} {
    for (std::size_t i = 0; i < executors.size(); ++i) {
      shards_.push_back(std::make_shared<Shard>(static_cast<net::AsioExecutor&>(executors.at(i)), serving_));
    }
  }

  Result<std::uint16_t> listen(std::string_view host, std::uint16_t port, const std::optional<TlsContext>& tls);
  void stop(std::chrono::milliseconds deadline);
  void wait();
  void end();
  ServerStats stats() const;

 private:
  using Endpoints = std::vector<asio::ip::tcp::endpoint>;

  Result<std::uint16_t> listen_on(const Endpoints& endpoints, const std::optional<TlsContext>& tls);
  void close_acceptors();
  void shard_is_empty();

  AsioExecutors& executors_;
  net::Serving serving_;
  std::vector<std::shared_ptr<Shard>> shards_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<std::shared_ptr<Acceptor>> acceptors_;  // until stop
  bool stopping_ = false;
  std::size_t empty_shards_ = 0;
};

Result<std::uint16_t> AsioServer::State::listen(std::string_view host, std::uint16_t port,
                                                const std::optional<TlsContext>& tls) {
  asio::io_context context;
  asio::ip::tcp::resolver resolver(context);
  std::error_code error;
  const auto found = resolver.resolve(host, std::to_string(port), asio::ip::resolver_base::numeric_service, error);
  if (error || host.empty()) {
    return Error(ErrorCode::io_failed, fmt::format("listen on \"{}\": {}", host,
                                                   error ? error.message() : "0.0.0.0 and :: mean every address"));
  }
  Endpoints endpoints;
  for (const auto& entry : found) endpoints.push_back(entry.endpoint());
  // A port that the kernel picked for the first address may be taken at the second.
  constexpr int attempts = 8;
  for (int attempt = 1;; ++attempt) {
    auto listening = listen_on(endpoints, tls);
    if (listening || port != 0 || endpoints.size() == 1 || attempt == attempts) return listening;
  }
}

Result<std::uint16_t> AsioServer::State::listen_on(const Endpoints& endpoints, const std::optional<TlsContext>& tls) {
  std::vector<std::shared_ptr<Acceptor>> opened;
  std::uint16_t port = 0;
  for (asio::ip::tcp::endpoint endpoint : endpoints) {
    if (endpoint.port() == 0) endpoint.port(port);
    auto acceptor = std::make_shared<Acceptor>(shards_, tls);
    const auto listening = acceptor->listen(endpoint, serving_.options);
    if (!listening) return listening;
    port = *listening;
    opened.push_back(std::move(acceptor));
  }
  std::lock_guard lock(mutex_);
  if (stopping_) return Error(ErrorCode::refused, "listen: the server has stopped");
  for (auto& acceptor : opened) {
    acceptors_.push_back(acceptor);
    shards_.front()->executor().post([acceptor] { acceptor->start(); });
  }
  return port;
}

void AsioServer::State::stop(std::chrono::milliseconds deadline) {
  {
    std::lock_guard lock(mutex_);
    if (std::exchange(stopping_, true)) return;
  }
  wake_.notify_all();
  // Acceptors first, on their executor: what they have handed over reaches each shard before its own stop.
  shards_.front()->executor().post([self = shared_from_this(), deadline] {
    self->close_acceptors();
    for (const auto& shard : self->shards_) {
      shard->executor().post(
          [self, &shard = *shard, deadline] { shard.stop(deadline, [self] { self->shard_is_empty(); }); });
    }
  });
}

void AsioServer::State::close_acceptors() {
  std::vector<std::shared_ptr<Acceptor>> closing;
  {
    std::lock_guard lock(mutex_);
    closing.swap(acceptors_);
  }
  for (const auto& acceptor : closing) acceptor->close();
}

void AsioServer::State::shard_is_empty() {
  {
    std::lock_guard lock(mutex_);
    ++empty_shards_;
  }
  wake_.notify_all();
}

void AsioServer::State::wait() {
  std::unique_lock lock(mutex_);
  wake_.wait(lock, [this] { return stopping_ && empty_shards_ == shards_.size(); });
}

void AsioServer::State::end() {
  if (executors_.running()) {
    stop(std::chrono::milliseconds(0));
    return wait();
  }
  executors_.join();
  close_acceptors();
  for (const auto& shard : shards_) shard->tear_down();
}

ServerStats AsioServer::State::stats() const {
  ServerStats sum;
  for (const auto& shard : shards_) {
    const net::Counters& counters = shard->counters();
    sum.accepted += counters.accepted.get();
    sum.connections += counters.connections.get();
    sum.tls_failed += counters.tls_failed.get();
    sum.opened += counters.opened.get();
    sum.open += counters.open.get();
    sum.http_requests += counters.http_requests.get();
    sum.messages_in += counters.messages_in.get();
    sum.sends += counters.sends.get();
    sum.bytes_in += counters.bytes_in.get();
    sum.bytes_out += counters.bytes_out.get();
    sum.writes += counters.writes.get();
    sum.compressing += counters.compressing.get();
    sum.deflated += counters.deflated.messages.get();
    sum.deflated_plain_bytes += counters.deflated.plain_bytes.get();
    sum.deflated_wire_bytes += counters.deflated.wire_bytes.get();
    sum.inflated += counters.inflated.messages.get();
    sum.inflated_plain_bytes += counters.inflated.plain_bytes.get();
    sum.inflated_wire_bytes += counters.inflated.wire_bytes.get();
    sum.closed_by_peer += counters.endings(Ending::by_peer);
    sum.closed_by_gateway += counters.endings(Ending::by_gateway);
    sum.closed_by_stop += counters.endings(Ending::by_stop);
    sum.vanished += counters.endings(Ending::vanished);
    sum.too_slow += counters.endings(Ending::too_slow);
    sum.too_big += counters.endings(Ending::too_big);
    sum.protocol_errors += counters.endings(Ending::protocol_error);
    sum.invalid_payloads += counters.endings(Ending::invalid_payload);
  }
  for (int status = net::Counters::lowest_refusal; status <= net::Counters::highest_refusal; ++status) {
    std::uint64_t count = 0;
    for (const auto& shard : shards_) count += shard->counters().refusals(status);
    if (count > 0) sum.refused.emplace_back(status, count);
  }
  return sum;
}

AsioServer::AsioServer(AsioExecutors& executors, Gateway& gateway, AsioServerOptions options) {
  const Limits& limits = options.limits;
  if (limits.head_bytes == 0 || limits.message_bytes == 0 || limits.queued_bytes == 0) {
    throw std::invalid_argument("AsioServer: head_bytes, message_bytes and queued_bytes can't be 0");
  }
  if (const std::string_view fault = fault_of(options.deflate); !fault.empty()) {
    throw std::invalid_argument(fmt::format("AsioServer: deflate: {}", fault));
  }
  state_ = std::make_shared<State>(executors, gateway, options);
}

AsioServer::~AsioServer() { state_->end(); }

Result<std::uint16_t> AsioServer::listen(std::string_view host, std::uint16_t port) {
  return state_->listen(host, port, std::nullopt);
}

Result<std::uint16_t> AsioServer::listen(std::string_view host, std::uint16_t port, const TlsContext& tls) {
  return state_->listen(host, port, tls);
}

void AsioServer::stop(std::chrono::milliseconds deadline) { state_->stop(deadline); }

void AsioServer::wait() { state_->wait(); }

ServerStats AsioServer::stats() const { return state_->stats(); }

}  // namespace sluice

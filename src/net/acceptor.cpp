// SPDX-License-Identifier: MIT
#include "net/acceptor.hpp"

#include <sys/socket.h>
#include <chrono>
#include <utility>

#include <fmt/format.h>

#include <asio/error.hpp>
#include <asio/ip/v6_only.hpp>
#include <asio/socket_base.hpp>

#include "sluice/core/log.hpp"

namespace sluice::net {
namespace {

// Accepts per turn, so that a storm of connections does not starve those that are here.
constexpr int accepts_per_turn = 64;
constexpr auto pause_after_error = std::chrono::milliseconds(100);

}  // namespace

Acceptor::Acceptor(const std::vector<std::shared_ptr<Shard>>& shards, std::optional<TlsContext> tls)
    : shards_(shards.begin(), shards.end()),
      executor_(shards.front()->executor()),
      acceptor_(executor_.context()),
      tls_(std::move(tls)),
      last_chosen_(shards.size() - 1) {}

Result<std::uint16_t> Acceptor::listen(const asio::ip::tcp::endpoint& endpoint, const AsioServerOptions& options) {
  std::error_code error;
  acceptor_.open(endpoint.protocol(), error);
  if (!error) acceptor_.set_option(TcpAcceptor::reuse_address(true), error);
  if (!error && options.reuse_port) {
    const int on = 1;
    if (::setsockopt(acceptor_.native_handle(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0) {
      error = std::error_code(errno, std::generic_category());
    }
  }
  if (!error && endpoint.protocol() == asio::ip::tcp::v6()) {
    acceptor_.set_option(asio::ip::v6_only(!endpoint.address().is_unspecified()), error);
  }
  if (!error) acceptor_.bind(endpoint, error);
  if (!error) acceptor_.listen(options.backlog, error);
  if (!error) acceptor_.non_blocking(true, error);
  std::uint16_t port = 0;
  if (!error) port = acceptor_.local_endpoint(error).port();
  if (!error) return port;
  std::error_code ignored;
  acceptor_.close(ignored);
  return Error(ErrorCode::io_failed, fmt::format("listen on {} port {}: {}", endpoint.address().to_string(),
                                                 endpoint.port(), error.message()));
}

void Acceptor::start() { wait(); }

void Acceptor::close() {
  std::error_code ignored;
  acceptor_.close(ignored);
}

void Acceptor::wait() {
  acceptor_.async_wait(TcpAcceptor::wait_read, [self = shared_from_this()](const std::error_code& error) {
    if (error || !self->acceptor_.is_open()) return;
    const auto running = self->executor_.enter();
    self->accept_waiting();
  });
}

void Acceptor::accept_waiting() {
  for (int i = 0; i < accepts_per_turn; ++i) {
    const auto shard = shards_[lightest()].lock();
    if (!shard) return;  // the server is gone
    std::error_code error;
    asio::ip::tcp::endpoint peer;
    TcpSocket socket = acceptor_.accept(shard->executor().context(), peer, error);
    if (error == asio::error::would_block || error == asio::error::try_again) break;
    if (error == asio::error::connection_aborted) continue;  // this one gave up already
    if (error) return pause(error);
    failing_ = false;
    shard->expect_one();
    auto tls = tls_ ? tls_->settings() : nullptr;
    if (shard->executor().runs_here()) {
      shard->start(std::move(socket), peer, std::move(tls));
    } else {
      shard->executor().post(
          [weak = std::weak_ptr(shard), socket = std::move(socket), peer, tls = std::move(tls)]() mutable {
            if (const auto alive = weak.lock()) alive->start(std::move(socket), peer, std::move(tls));
          });
    }
  }
  wait();
}

void Acceptor::pause(const std::error_code& error) {
  if (!std::exchange(failing_, true)) {
    log(LogLevel::error, fmt::format("accept: {}; new connections wait until it succeeds again", error.message()));
  }
  executor_.post_after(pause_after_error, [weak = weak_from_this()] {
    const auto self = weak.lock();
    if (self && self->acceptor_.is_open()) self->wait();
  });
}

// Ties go round, so that the few connections of a quiet server spread too.
std::size_t Acceptor::lightest() noexcept {
  std::size_t best = 0;
  std::size_t best_load = SIZE_MAX;
  for (std::size_t i = 1; i <= shards_.size(); ++i) {
    const std::size_t index = (last_chosen_ + i) % shards_.size();
    const auto shard = shards_[index].lock();
    if (!shard || shard->load() >= best_load) continue;
    best = index;
    best_load = shard->load();
  }
  return best;
}

}  // namespace sluice::net

// SPDX-License-Identifier: MIT
#include "net/acceptor.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <chrono>
#include <utility>

#include <fmt/format.h>

#include <asio/ip/v6_only.hpp>
#include <asio/socket_base.hpp>

#include "net/system_calls.hpp"
#include "sluice/core/log.hpp"

namespace sluice::net {
namespace {

// Accepts per turn, so that a storm of connections does not starve those that are here.
constexpr int accepts_per_turn = 64;
constexpr auto pause_after_error = std::chrono::milliseconds(100);

}  // namespace

Acceptor::Acceptor(const std::vector<std::shared_ptr<Shard>>& shards, Meeting meeting)
    : shards_(shards.begin(), shards.end()),
      executor_(shards.front()->executor()),
      acceptor_(executor_.context()),
      meeting_(std::move(meeting)),
      last_chosen_(shards.size() - 1) {}

Result<std::uint16_t> Acceptor::listen(const asio::ip::tcp::endpoint& endpoint, const AsioServerOptions& options) {
  std::error_code error;
  open_for_us_alone(acceptor_, endpoint.protocol(), error);
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
  most_waiting_ = options.backlog + 1;
  if (!error) return port;
  std::error_code ignored;
  acceptor_.close(ignored);
  return Error(ErrorCode::io_failed, fmt::format("listen on {} port {}: {}", endpoint.address().to_string(),
                                                 endpoint.port(), error.message()));
}

Result<std::uint16_t> Acceptor::listen_at(int descriptor) {
  const auto refuse = [descriptor](std::string_view why) {
    return Error(ErrorCode::invalid_argument, fmt::format("listen_fd {}: {}", descriptor, why));
  };
  const auto option = [descriptor](int name) {
    int value = -1;
    socklen_t size = sizeof value;
    return ::getsockopt(descriptor, SOL_SOCKET, name, &value, &size) == 0 ? value : -1;
  };
  if (option(SO_TYPE) < 0) return refuse(std::generic_category().message(errno));
  if (option(SO_PROTOCOL) != IPPROTO_TCP) return refuse("it is no TCP socket");
  if (option(SO_ACCEPTCONN) != 1) return refuse("it does not listen");
  const auto protocol = option(SO_DOMAIN) == AF_INET6 ? asio::ip::tcp::v6() : asio::ip::tcp::v4();
  std::error_code error;
  const int flags = ::fcntl(descriptor, F_GETFL);
  if (flags < 0 || ::fcntl(descriptor, F_SETFL, flags | O_NONBLOCK) != 0) {
    return refuse(std::generic_category().message(errno));
  }
  acceptor_.assign(protocol, descriptor, error);
  if (error) return refuse(error.message());
  return acceptor_.local_endpoint(error).port();
}

void Acceptor::give_back() {
  std::error_code ignored;
  acceptor_.release(ignored);
}

void Acceptor::start() { wait(); }

void Acceptor::finish() {
  auto last = Accepted::one;
  for (int i = 0; i < most_waiting_ && last == Accepted::one; ++i) last = accept_one();
  if (last == Accepted::failed) {
    log(LogLevel::error, fmt::format("accept: {}; who still waited when the server stopped is refused",
                                     std::generic_category().message(errno)));
  }
  close();
}

void Acceptor::close() {
  std::error_code ignored;
  acceptor_.close(ignored);
}

void Acceptor::wait() {
  acceptor_.async_wait(TcpAcceptor::wait_read, [self = shared_from_this()](const std::error_code& error) {
    if (error || !self->acceptor_.is_open()) return;
    const AsioExecutor::Handling handling(self->executor_);
    self->accept_waiting();
  });
}

void Acceptor::accept_waiting() {
  for (int i = 0; i < accepts_per_turn; ++i) {
    const Accepted accepted = accept_one();
    if (accepted == Accepted::failed) return pause(std::error_code(errno, std::generic_category()));
    if (accepted == Accepted::none) break;
  }
  wait();
}

// After `failed`, errno says why.
Acceptor::Accepted Acceptor::accept_one() {
  const auto shard = shards_[lightest()].lock();
  if (!shard) return Accepted::none;  // the server is gone
  asio::ip::tcp::endpoint peer;
  socklen_t size;
  int accepted;
  do {
    size = static_cast<socklen_t>(peer.capacity());
    accepted = ::accept4(acceptor_.native_handle(), peer.data(), &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
  } while (accepted < 0 && (errno == ECONNABORTED || errno == EINTR));  // this one gave up already
  if (accepted < 0) return errno == EAGAIN || errno == EWOULDBLOCK ? Accepted::none : Accepted::failed;
  peer.resize(size);
  Arrival arrival{Stream(accepted), peer, meeting_.tls ? meeting_.tls->settings() : nullptr, meeting_.proxy_protocol};
  failing_ = false;
  shard->expect_one();
  if (shard->executor().runs_here()) {
    shard->start(std::move(arrival));
  } else {
    shard->executor().post([weak = std::weak_ptr(shard), arrival = std::move(arrival)]() mutable {
      if (const auto alive = weak.lock()) alive->start(std::move(arrival));
    });
  }
  return Accepted::one;
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

// SPDX-License-Identifier: MIT
#include "net/server/acceptor.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <chrono>
#include <string>
#include <utility>

#include <fmt/format.h>

#include <asio/error.hpp>
#include <asio/ip/v6_only.hpp>
#include <asio/socket_base.hpp>

#include "net/socket/system_calls.hpp"
#include "sluice/core/log.hpp"

namespace sluice::SLUICE_ABI::net {
namespace {

// Accepts per turn, so that a flood of connections does not starve open ones.
constexpr int accepts_per_turn = 64;
constexpr auto pause_after_error = std::chrono::milliseconds(100);

// Errors of the connection that would have been accepted, after which accept(2) says to try again at once. The kernel
// has taken it off its queue, so that the next call is about the next one.
bool concerns_one_connection(int error) noexcept {
  switch (error) {
    case ECONNABORTED:
    case EINTR:
    case EPERM:  // a firewall's rule
    case EPROTO:
    case ENOPROTOOPT:
    case EOPNOTSUPP:
    case ENETDOWN:
    case ENETUNREACH:
    case EHOSTDOWN:
    case EHOSTUNREACH:
    case ENONET:
    case ETIMEDOUT: return true;
    default: return false;
  }
}

}  // namespace

Acceptor::Acceptor(AsioExecutor& executor, std::shared_ptr<HandOver> hand_over, ListenerConfig config)
    : executor_(executor),
      hand_over_(std::move(hand_over)),
      acceptor_(executor_.context()),
      config_(std::move(config)) {}

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
  most_waiting_ = std::int64_t{options.backlog} + 1;
  if (!error) return port;
  std::error_code ignored;
  acceptor_.close(ignored);
  const bool not_here = error == asio::error::address_family_not_supported || error.value() == EADDRNOTAVAIL;
  return Error(
      not_here ? ErrorCode::not_found : ErrorCode::io_failed,
      fmt::format("listen on {} port {}: {}", endpoint.address().to_string(), endpoint.port(), error.message()));
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
  for (std::int64_t i = 0; i < most_waiting_ && (last == Accepted::one || last == Accepted::again); ++i) {
    try {
      last = accept_one();
    } catch (...) {  // no memory for this one, which is closed
      last = Accepted::again;
    }
  }
  if (last == Accepted::failed) {
    failures_.write(LogLevel::error, "accept", [error = errno] {
      return fmt::format("accept: {}; connections that waited when the server stopped are refused",
                         std::generic_category().message(error));
    });
  }
  close();
}

void Acceptor::close() {
  std::error_code ignored;
  acceptor_.close(ignored);
}

void Acceptor::wait() noexcept {
  acceptor_.async_wait(TcpAcceptor::wait_read, memory_.hold([self = shared_from_this()](const std::error_code& error) {
    if (error) return;
    try {
      self->executor_.run([self] {
        if (self->acceptor_.is_open()) self->accept_waiting();
      });
    } catch (...) {  // no memory to queue it behind another thread's turn: Asio reports it again at once
      self->wait();
    }
  }));
}

void Acceptor::accept_waiting() noexcept {
  try {
    for (int i = 0; i < accepts_per_turn; ++i) {
      const Accepted accepted = accept_one();
      if (accepted == Accepted::failed) return pause(std::error_code(errno, std::generic_category()));
      if (accepted == Accepted::none) break;
    }
  } catch (...) {
    return pause(std::make_error_code(std::errc::not_enough_memory));
  }
  wait();
}

// After `failed`, errno says why.
Acceptor::Accepted Acceptor::accept_one() {
  asio::ip::tcp::endpoint peer;
  auto size = static_cast<socklen_t>(peer.capacity());
  const int accepted = ::accept4(acceptor_.native_handle(), peer.data(), &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (accepted < 0) {
    if (would_block()) return Accepted::none;
    return concerns_one_connection(errno) ? Accepted::again : Accepted::failed;
  }
  peer.resize(size);
  hand_over_->give({Stream(accepted), peer, config_.tls ? config_.tls->settings() : nullptr, config_.proxy_protocol});
  return Accepted::one;
}

void Acceptor::pause(const std::error_code& error) noexcept {
  failures_.write(LogLevel::error, "accept", [&error] {
    return fmt::format("accept: {}; new connections wait until it succeeds again", error.message());
  });
  try {
    executor_.post_after(pause_after_error, [weak = weak_from_this()] {
      const auto self = weak.lock();
      if (self && self->acceptor_.is_open()) self->wait();
    });
  } catch (...) {  // no memory for the timer
    wait();
  }
}

}  // namespace sluice::SLUICE_ABI::net

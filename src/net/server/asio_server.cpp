// SPDX-License-Identifier: MIT
#include "sluice/net/asio_server.hpp"

#include <fmt/format.h>

#include <stdexcept>
#include <string>
#include <utility>
#include <variant>

#include "net/server/server_state.hpp"
#include "sluice/core/completion.hpp"

namespace sluice::SLUICE_ABI {

AsioServer::AsioServer(AsioExecutors& executors, Gateway& gateway, AsioServerOptions options) {
  if (const std::string fault = fault_of(options.limits); !fault.empty()) {
    throw std::invalid_argument("AsioServer: " + fault);
  }
  if (const std::string fault = fault_of(gateway.consumer_limits()); !fault.empty()) {
    throw std::invalid_argument("AsioServer: its gateway: " + fault);
  }
  if (!State::can_be_waited_for(options.return_after)) {
    throw std::invalid_argument("AsioServer: return_after can't be negative or above 12 days");
  }
  if (options.backlog < 1) throw std::invalid_argument("AsioServer: a backlog below 1 accepts no connection");
  if (const std::string_view fault = fault_of(options.deflate); !fault.empty()) {
    throw std::invalid_argument(fmt::format("AsioServer: deflate: {}", fault));
  }
  state_ = std::make_shared<State>(executors, gateway, options);
}

AsioServer::~AsioServer() {
  state_->end();
  state_->let_go();
}

Result<std::uint16_t> AsioServer::listen(std::string_view host, std::uint16_t port, const ListenOptions& options) {
  return state_->listen(host, port, options);
}

Result<std::uint16_t> AsioServer::listen(std::string_view host, std::uint16_t port, const TlsContext& tls) {
  return state_->listen(host, port, {.tls = tls});
}

Result<std::uint16_t> AsioServer::listen_fd(int descriptor, const ListenOptions& options) {
  return state_->listen_fd(descriptor, options);
}

Result<std::uint16_t> AsioServer::listen_fd(int descriptor, const TlsContext& tls) {
  return state_->listen_fd(descriptor, {.tls = tls});
}

Result<> AsioServer::adopt(int descriptor, std::string_view read, const AdoptOptions& options) {
  return state_->adopt(descriptor, std::string(read), options);
}

Result<> AsioServer::adopt(int descriptor, const AdoptedRequest& request, std::string_view behind,
                           const AdoptOptions& options) {
  auto head = net::head_of(request);
  if (!head) return head.error();
  return state_->adopt(descriptor, std::move(head->append(behind)), options);
}

std::size_t AsioServer::most_adopted_bytes() const noexcept { return state_->most_adopted_bytes(); }

void AsioServer::stop(StopOptions options) { state_->stop(options); }

void AsioServer::wait() {
  if (state_->runs_here()) {
    throw std::logic_error(
        "AsioServer::wait() on one of the server's executors would wait for itself: call it elsewhere");
  }
  state_->wait();
}

void AsioServer::when_ended(Function<void()> then) { state_->when_ended(std::move(then)); }

Task<> AsioServer::ended() {
  Completion<std::monostate> end;
  state_->when_ended([end] { end.resolve({}); });
  co_await end;
}

ServerStats AsioServer::stats() const { return state_->stats(); }

std::vector<Problem> AsioServer::problems() const { return state_->problems(); }

}  // namespace sluice::SLUICE_ABI

// SPDX-License-Identifier: MIT
#include "net/server/server_state.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>

#include "core/abort_with.hpp"
#include "core/failure.hpp"
#include "net/loop/insist.hpp"
#include "net/proxy/addresses.hpp"
#include "sluice/core/log.hpp"

namespace sluice::SLUICE_ABI {

using net::Acceptor;
using net::Refusals;
using net::ServerShard;

AsioServer::State::State(AsioExecutors& executors, Gateway& gateway, AsioServerOptions options)
    : executors_(executors),
      context_{gateway,
               options,
               gateway.consumer_limits(),
               {options.limits.connections, options.limits.connections_per_address},
               Refusals(options.limits.refusals_per_address),
               {gateway.consumer_limits().server_queued_bytes, executors.size()},
               {options.limits.server_unused_bytes, executors.size()},
               net::ReturnTimes(options.return_after),
               [this](net::Held what) { relieve(what); }} {
  uses_.emplace_back(executors.use_count(), "an AsioServer");
  uses_.emplace_back(gateway.use_count(), "an AsioServer");
  if (options.http) uses_.emplace_back(options.http->use_count(), "an AsioServer");
  for (std::size_t i = 0; i < executors.size(); ++i) {
    shards_.push_back(std::make_shared<ServerShard>(static_cast<net::AsioExecutor&>(executors.at(i)), context_, i));
  }
}

Result<void> AsioServer::State::open_door() {
  std::lock_guard lock(mutex_);
  if (door_) return {};
  if (stopping_) return Error(ErrorCode::refused, "the server has stopped");
  std::unique_ptr<AsioExecutors> own;
  if (shards_.size() > 1) {
    try {
      own = std::make_unique<AsioExecutors>(1);
    } catch (const std::system_error& error) {
      return Error(ErrorCode::io_failed, fmt::format("listen: no thread to accept in: {}", error.code().message()));
    }
  }
  auto* const door = own ? static_cast<net::AsioExecutor*>(&own->at(0)) : &shards_.front()->executor();
  hand_over_ = std::make_shared<net::HandOver>(shards_, *door);
  awaiting_.reserve(shards_.size());
  for (const auto& shard : shards_) awaiting_.push_back(asio::make_work_guard(shard->executor().context()));
  doorkeeper_ = std::move(own);
  door_ = door;
  return {};
}

Result<std::uint16_t> AsioServer::State::listen(std::string_view host, std::uint16_t port,
                                                const ListenOptions& options) {
  const auto endpoints = net::endpoints_of(host, port);
  if (!endpoints) return endpoints.error();
  // A port that the kernel picked for the first address may be taken at the second.
  constexpr int attempts = 8;
  for (int attempt = 1;; ++attempt) {
    auto listening = listen_on(*endpoints, options);
    if (listening || port != 0 || endpoints->size() == 1 || attempt == attempts) return listening;
  }
}

Result<std::uint16_t> AsioServer::State::listen_on(const Endpoints& endpoints, const ListenOptions& options) {
  if (auto open = open_door(); !open) return open.error();
  std::vector<std::shared_ptr<Acceptor>> opened;
  std::uint16_t port = 0;
  std::optional<Error> missing;
  for (asio::ip::tcp::endpoint endpoint : endpoints) {
    if (endpoint.port() == 0) endpoint.port(port);
    auto acceptor = std::make_shared<Acceptor>(*door_, hand_over_, listener_config(options));
    const auto listening = acceptor->listen(endpoint, context_.options);
    if (!listening && listening.error().code() == ErrorCode::not_found) {  // an address that this machine has not
      missing = listening.error();
      continue;
    }
    if (!listening) return listening;
    port = *listening;
    opened.push_back(std::move(acceptor));
  }
  if (opened.empty()) return Error(ErrorCode::io_failed, missing->context());
  if (missing) log(LogLevel::warning, missing->context() + "; listening on the name's other addresses");
  if (const auto started = start(opened); !started) return started.error();
  return port;
}

Result<std::uint16_t> AsioServer::State::listen_fd(int descriptor, const ListenOptions& options) {
  if (auto open = open_door(); !open) return open.error();
  auto acceptor = std::make_shared<Acceptor>(*door_, hand_over_, listener_config(options));
  const auto listening = acceptor->listen_at(descriptor);
  if (!listening) return listening;
  try {
    auto started = start({acceptor});
    if (started) return listening;
    acceptor->give_back();
    return started.error();
  } catch (...) {
    acceptor->give_back();
    throw;
  }
}

Result<void> AsioServer::State::start(const std::vector<std::shared_ptr<Acceptor>>& opened) {
  std::lock_guard lock(mutex_);
  if (stopping_) return Error(ErrorCode::refused, "listen: the server has stopped");
  acceptors_.reserve(acceptors_.size() + opened.size());
  door_->post([opened] {
    for (const auto& acceptor : opened) acceptor->start();
  });
  acceptors_.insert(acceptors_.end(), opened.begin(), opened.end());
  return {};
}

Result<> AsioServer::State::adopt(int descriptor, std::string read, const AdoptOptions& options) {
  const auto peer = net::peer_of_adopted(descriptor, read.size(), options, context_.options.limits);
  if (!peer) return peer.error();
  if (auto open = open_door(); !open) return open.error();
  std::lock_guard lock(mutex_);
  if (stopping_) return Error(ErrorCode::refused, "adopt: the server has stopped");
  if (adopted_.size() >= static_cast<std::size_t>(context_.options.backlog)) {
    return Error(ErrorCode::no_room, "adopt: as many connections wait to be served as AsioServerOptions::backlog says");
  }
  if (adopted_.size() == adopted_.capacity()) adopted_.reserve(2 * adopted_.size() + 1);
  // One job takes all that wait.
  if (adopted_.empty()) {
    door_->post([weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->serve_adopted();
    });
  }
  if (auto ready = net::make_ready(descriptor); !ready) return ready.error();
  adopted_.push_back({net::Stream(descriptor), *peer, options.tls ? options.tls->settings() : nullptr, false,
                      options.secure, std::move(read)});
  return {};
}

std::vector<net::AcceptedSocket> AsioServer::State::take_adopted() {
  std::lock_guard lock(mutex_);
  return std::exchange(adopted_, {});
}

void AsioServer::State::serve_adopted() noexcept {
  for (net::AcceptedSocket& adopted : take_adopted()) {
    try {
      hand_over_->give(std::move(adopted));
    } catch (...) {
      log_failure("adopt: a connection could not be handed over, and is closed", std::current_exception());
    }
  }
}

void AsioServer::State::stop(const StopOptions& options) {
  if (!may_be_sent(options.reason.code()) || options.reason.text().size() > max_close_text_bytes) {
    throw std::invalid_argument(fmt::format("AsioServer::stop: {} with a text of {} bytes can't be sent",
                                            options.reason.code(), options.reason.text().size()));
  }
  if (!can_be_waited_for(options.window) || !can_be_waited_for(options.grace) ||
      !can_be_waited_for(options.return_after)) {
    throw std::invalid_argument("AsioServer::stop: window, grace and return_after can't be negative or above 12 days");
  }
  net::AsioExecutor* door = nullptr;
  {
    std::lock_guard lock(mutex_);
    if (!std::exchange(stopping_, true)) context_.stopping_since = std::chrono::system_clock::now();
    door = door_ ? door_ : &shards_.front()->executor();
  }
  wake_.notify_all();
  const auto now = door->now();
  net::Shutdown how{std::make_shared<net::DrainPlan>(now, options.window, options.return_after), options.reason,
                    now + options.window + options.grace};
  // Acceptors first, on their executor: connections that they passed on reach each shard before its own stop. No job
  // may hold this server's parts: a job that has not run ends with its executor, when others have ended already.
  door->post([weak = weak_from_this(), how = std::move(how)] {
    const auto self = weak.lock();
    if (!self) return;
    self->serve_adopted();
    for (const auto& acceptor : self->take_acceptors()) acceptor->finish();
    if (self->hand_over_) self->hand_over_->stop();
    for (const auto& shard : self->shards_) {
      net::insist([&] {
        shard->executor().post([weak, weak_shard = std::weak_ptr(shard), how]() mutable {
          const auto alive = weak_shard.lock();
          if (!alive) return;
          alive->shutdown().begin(std::move(how), [weak] {
            if (const auto server = weak.lock()) server->shard_is_empty();
          });
        });
      });
    }
    std::lock_guard lock(self->mutex_);
    self->awaiting_.clear();
  });
}

std::vector<std::shared_ptr<Acceptor>> AsioServer::State::take_acceptors() {
  std::lock_guard lock(mutex_);
  return std::exchange(acceptors_, {});
}

void AsioServer::State::shard_is_empty() {
  {
    std::lock_guard lock(mutex_);
    ++empty_shards_;
  }
  wake_.notify_all();
  if (has_ended()) call_when_ended();
}

void AsioServer::State::when_ended(Function<void()> then) {
  {
    std::lock_guard lock(mutex_);
    if (!end_calls_) end_calls_ = std::make_shared<EndCalls>();
    end_calls_->push_back(std::move(then));
  }
  if (has_ended()) call_when_ended();
}

// Nothing here refers to this state: a call may destroy the server.
void AsioServer::State::call_when_ended() noexcept {
  std::shared_ptr<EndCalls> calls;
  {
    std::lock_guard lock(mutex_);
    calls = std::move(end_calls_);
  }
  if (!calls) return;
  net::insist([&] {
    shards_.front()->executor().post([calls] {
      for (Function<void()>& call : *calls) {
        try {
          call();
        } catch (...) {
          log_failure("a call for the end of a server threw", std::current_exception());
        }
      }
    });
  });
}

void AsioServer::State::relieve(net::Held what) noexcept {
  if (const auto self = weak_from_this().lock()) {
    relief_.relieve(std::shared_ptr<net::ServerRelief>(self, &relief_), what);
  }
}

bool AsioServer::State::runs_here() const noexcept {
  return std::ranges::any_of(shards_, [](const auto& shard) { return shard->executor().runs_here(); });
}

void AsioServer::State::wait() {
  std::unique_lock lock(mutex_);
  wake_.wait(lock, [this] { return stopping_ && empty_shards_ == shards_.size(); });
}

void AsioServer::State::end() {
  const bool running = executors_.running();
  if (running) net::insist([this] { stop({.window = {}, .grace = {}}); });
  if (runs_here() && !has_ended()) {
    abort_with(
        "~AsioServer() on one of the server's executors would wait for itself. Destroy the server elsewhere, or call "
        "stop() and let wait() return, in another thread, before");
  }
  if (running) wait();
  // A program's own loops may still run, in other threads. Once everything has ended nothing of the server is there.
  const bool loops_run =
      std::ranges::any_of(shards_, [](const auto& shard) { return !shard->executor().context().stopped(); });
  if (running || runs_here() || (has_ended() && loops_run)) return close_door();
  executors_.join();
  close_door();
  for (const auto& acceptor : take_acceptors()) acceptor->close();
  for (const auto& shard : shards_) shard->shutdown().tear_down();
  for (const auto& shard : shards_) context_.gateway.executor_ended(shard->executor());
}

// What runs there may hold the last reference to this state, and a thread can't join itself.
void AsioServer::State::close_door() {
  if (!doorkeeper_) return;
  doorkeeper_->stop();
  doorkeeper_->join();
}

bool AsioServer::State::has_ended() {
  std::lock_guard lock(mutex_);
  return empty_shards_ == shards_.size();
}

ServerStats AsioServer::State::stats() const {
  ServerStats sum;
  for (const auto& shard : shards_) shard->counters().add_to(sum);
  sum.server_full = context_.admission.server_full();
  sum.address_full = context_.admission.address_full();
  sum.turned_away = context_.refusals.turned_away();
  sum.queued_bytes = context_.queued_bytes.bytes();
  sum.unused_bytes = context_.unused_bytes.bytes();
  sum.stopping = context_.stopping_since.load() != std::chrono::system_clock::time_point();
  for (int status = net::Counters::lowest_refusal; status <= net::Counters::highest_refusal; ++status) {
    std::uint64_t count = 0;
    for (const auto& shard : shards_) count += shard->counters().refusals(status);
    if (count > 0) sum.refused.emplace_back(status, count);
  }
  return sum;
}

}  // namespace sluice::SLUICE_ABI

// SPDX-License-Identifier: MIT
#include "sluice/net/asio_server.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
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
#include "net/validity.hpp"
#include "sluice/net/asio_executors.hpp"
#include "ws/server_protocol.hpp"

namespace sluice {

using net::Acceptor;
using net::Shard;

namespace {

// Times are added to the clock, which ends somewhere.
constexpr std::chrono::milliseconds longest_time = net::longest_tick_time / 2;

bool can_be_waited_for(std::chrono::milliseconds time) noexcept { return time.count() >= 0 && time <= longest_time; }

}  // namespace

class AsioServer::State : public std::enable_shared_from_this<State> {
 public:
  State(AsioExecutors& executors, Gateway& gateway, AsioServerOptions options)
      : executors_(executors),
        serving_{gateway,
                 options,
                 {options.limits.connections, options.limits.connections_per_address},
                 {options.limits.server_queued_bytes, executors.size()},
                 {options.limits.server_unused_bytes, executors.size()},
                 [this](net::Held what) { relieve(what); }} {
    uses_.emplace_back(executors.use_count(), "an AsioServer");
    uses_.emplace_back(gateway.use_count(), "an AsioServer");
    if (options.http) uses_.emplace_back(options.http->use_count(), "an AsioServer");
    for (std::size_t i = 0; i < executors.size(); ++i) {
      shards_.push_back(std::make_shared<Shard>(static_cast<net::AsioExecutor&>(executors.at(i)), serving_, i));
    }
  }

  Result<std::uint16_t> listen(std::string_view host, std::uint16_t port, const ListenOptions& options);
  Result<std::uint16_t> listen_fd(int descriptor, const ListenOptions& options);
  void stop(const StopOptions& options);
  bool runs_here() const noexcept;
  void wait();
  void end();
  /// The server is destroyed: what it used may be, too.
  void let_go() noexcept;
  ServerStats stats() const;

 private:
  using Endpoints = std::vector<asio::ip::tcp::endpoint>;

  net::Meeting meeting(const ListenOptions& options) const;
  Result<std::uint16_t> listen_on(const Endpoints& endpoints, const ListenOptions& options);
  Result<void> start(const std::vector<std::shared_ptr<Acceptor>>& opened);
  std::vector<std::shared_ptr<Acceptor>> take_acceptors();
  void shard_is_empty();
  void relieve(net::Held what);
  void shed(net::Held what, const std::vector<net::QueueSizes>& held);

  AsioExecutors& executors_;
  net::Serving serving_;
  std::vector<std::shared_ptr<Shard>> shards_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<std::shared_ptr<Acceptor>> acceptors_;  // until stop
  bool stopping_ = false;
  std::size_t empty_shards_ = 0;
  std::array<std::atomic<bool>, 2> relieving_{};  // by net::Held
  std::vector<UseCount::Use> uses_;               // until the server is destroyed
};

Result<std::uint16_t> AsioServer::State::listen(std::string_view host, std::uint16_t port,
                                                const ListenOptions& options) {
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
    auto listening = listen_on(endpoints, options);
    if (listening || port != 0 || endpoints.size() == 1 || attempt == attempts) return listening;
  }
}

net::Meeting AsioServer::State::meeting(const ListenOptions& options) const {
  return {options.tls, options.proxy_protocol.value_or(serving_.options.proxies.proxy_protocol)};
}

Result<std::uint16_t> AsioServer::State::listen_on(const Endpoints& endpoints, const ListenOptions& options) {
  std::vector<std::shared_ptr<Acceptor>> opened;
  std::uint16_t port = 0;
  for (asio::ip::tcp::endpoint endpoint : endpoints) {
    if (endpoint.port() == 0) endpoint.port(port);
    auto acceptor = std::make_shared<Acceptor>(shards_, meeting(options));
    const auto listening = acceptor->listen(endpoint, serving_.options);
    if (!listening) return listening;
    port = *listening;
    opened.push_back(std::move(acceptor));
  }
  if (const auto started = start(opened); !started) return started.error();
  return port;
}

Result<std::uint16_t> AsioServer::State::listen_fd(int descriptor, const ListenOptions& options) {
  auto acceptor = std::make_shared<Acceptor>(shards_, meeting(options));
  const auto listening = acceptor->listen_at(descriptor);
  if (!listening) return listening;
  if (const auto started = start({acceptor}); !started) {
    acceptor->give_back();
    return started.error();
  }
  return listening;
}

Result<void> AsioServer::State::start(const std::vector<std::shared_ptr<Acceptor>>& opened) {
  std::lock_guard lock(mutex_);
  if (stopping_) return Error(ErrorCode::refused, "listen: the server has stopped");
  for (const auto& acceptor : opened) {
    acceptors_.push_back(acceptor);
    shards_.front()->executor().post([acceptor] { acceptor->start(); });
  }
  return {};
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
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  net::AsioExecutor& first = shards_.front()->executor();
  const auto now = first.now();
  net::Stopping how{std::make_shared<net::DrainPlan>(now, options.window, options.return_after), options.reason,
                    now + options.window + options.grace};
  // Acceptors first, on their executor: what they have handed over reaches each shard before its own stop. No job may
  // hold this server's parts: one that has not run ends with its executor, when others have ended already.
  first.post([weak = weak_from_this(), how = std::move(how)] {
    const auto self = weak.lock();
    if (!self) return;
    for (const auto& acceptor : self->take_acceptors()) acceptor->finish();
    for (const auto& shard : self->shards_) {
      shard->executor().post([weak, weak_shard = std::weak_ptr(shard), how] {
        const auto tell = [weak] {
          if (const auto server = weak.lock()) server->shard_is_empty();
        };
        if (const auto alive = weak_shard.lock()) alive->stop(how, tell);
      });
    }
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
}

// Clients hold too much, all together. Each shard says how much each of its own holds; then the largest go, wherever
// they are. One round at a time.
void AsioServer::State::relieve(net::Held what) {
  if (relieving_[static_cast<std::size_t>(what)].exchange(true)) return;
  struct Census {
    std::vector<net::QueueSizes> held;
    std::atomic<std::size_t> missing;
  };
  auto census = std::make_shared<Census>();
  census->held.resize(shards_.size());
  census->missing = shards_.size();
  for (std::size_t i = 0; i < shards_.size(); ++i) {
    shards_[i]->executor().post([weak = weak_from_this(), what, census, i] {
      const auto self = weak.lock();
      if (!self) return;
      census->held[i] = self->shards_[i]->sizes(what);
      if (census->missing.fetch_sub(1) == 1) self->shed(what, census->held);
    });
  }
}

void AsioServer::State::shed(net::Held what, const std::vector<net::QueueSizes>& held) {
  // An eighth below the limit, so that the next round does not follow at once.
  const std::size_t limit = (what == net::Held::queued ? serving_.queued_bytes : serving_.unused_bytes).limit();
  const auto counts = net::largest_to_shed(held, limit - limit / 8);
  auto rest = std::make_shared<std::atomic<std::size_t>>(shards_.size());
  for (std::size_t i = 0; i < shards_.size(); ++i) {
    shards_[i]->executor().post([weak = weak_from_this(), what, rest, i, count = counts[i]] {
      const auto self = weak.lock();
      if (!self) return;
      self->shards_[i]->shed(what, count);
      if (rest->fetch_sub(1) == 1) self->relieving_[static_cast<std::size_t>(what)] = false;
    });
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
  if (executors_.running()) {
    stop({.window = {}, .grace = {}});
    return wait();
  }
  executors_.join();
  for (const auto& acceptor : take_acceptors()) acceptor->close();
  for (const auto& shard : shards_) shard->tear_down();
}

void AsioServer::State::let_go() noexcept { uses_.clear(); }

ServerStats AsioServer::State::stats() const {
  ServerStats sum;
  for (const auto& shard : shards_) shard->counters().add_to(sum);
  sum.server_full = serving_.admission.server_full();
  sum.address_full = serving_.admission.address_full();
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
  if (limits.frames_per_message == 0 || limits.frames_per_message > ws::ServerProtocol::most_frames) {
    throw std::invalid_argument("AsioServer: frames_per_message is 1 to 16,777,215");
  }
  for (const auto time : {limits.handshake_time, limits.close_time, limits.ping_every, limits.pong_time,
                          limits.idle_time, limits.lifetime, limits.disconnect_grace, limits.message_time}) {
    if (!can_be_waited_for(time)) throw std::invalid_argument("AsioServer: a time is negative or above 12 days");
  }
  if (limits.handshake_time.count() == 0 || limits.close_time.count() == 0) {
    throw std::invalid_argument("AsioServer: handshake_time and close_time can't be 0");
  }
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

void AsioServer::stop(StopOptions options) { state_->stop(options); }

void AsioServer::wait() {
  if (state_->runs_here()) {
    throw std::logic_error(
        "AsioServer::wait() on one of the server's executors would wait for itself: call it elsewhere");
  }
  state_->wait();
}

ServerStats AsioServer::stats() const { return state_->stats(); }

}  // namespace sluice

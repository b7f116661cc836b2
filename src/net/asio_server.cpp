// SPDX-License-Identifier: MIT
#include "sluice/net/asio_server.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>

#include <asio/executor_work_guard.hpp>
#include <asio/ip/tcp.hpp>

#include "net/acceptor.hpp"
#include "net/asio_executor.hpp"
#include "net/hand_over.hpp"
#include "net/insist.hpp"
#include "net/shard.hpp"
#include "sluice/core/log.hpp"
#include "sluice/net/asio_executors.hpp"

namespace sluice {

using net::Acceptor;
using net::Refusals;
using net::Shard;

namespace {

bool can_be_waited_for(std::chrono::milliseconds time) noexcept { return time.count() >= 0 && time <= longest_limit; }

}  // namespace

class AsioServer::State : public std::enable_shared_from_this<State> {
 public:
  State(AsioExecutors& executors, Gateway& gateway, AsioServerOptions options)
      : executors_(executors),
        serving_{gateway,
                 options,
                 {options.limits.connections, options.limits.connections_per_address},
                 Refusals(options.limits.refusals_per_address),
                 {options.limits.server_queued_bytes, executors.size()},
                 {options.limits.server_unused_bytes, executors.size()},
                 net::ReturnTimes(options.return_after),
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

  Result<void> open_door();
  void close_door();
  bool has_ended();
  net::Meeting meeting(const ListenOptions& options) const;
  Result<std::uint16_t> listen_on(const Endpoints& endpoints, const ListenOptions& options);
  Result<void> start(const std::vector<std::shared_ptr<Acceptor>>& opened);
  std::vector<std::shared_ptr<Acceptor>> take_acceptors();
  void shard_is_empty();
  void relieve(net::Held what) noexcept;
  void shed(net::Held what, const std::vector<net::QueueSizes>& held) noexcept;
  template <class Then, class Part>
  void for_all_shards(Then then, Part part) noexcept;
  void relieved(net::Held what) noexcept { relieving_[static_cast<std::size_t>(what)] = false; }

  AsioExecutors& executors_;
  net::Serving serving_;
  std::vector<std::shared_ptr<Shard>> shards_;
  std::mutex mutex_;
  std::condition_variable wake_;
  // Accepts, where there are several shards: no handler runs there that could keep new clients waiting.
  std::unique_ptr<AsioExecutors> doorkeeper_;
  net::AsioExecutor* door_ = nullptr;  // where acceptors live; null before the first listen
  // While somebody may come, the loops that a user runs have something to wait for.
  std::vector<asio::executor_work_guard<asio::io_context::executor_type>> awaiting_;
  std::shared_ptr<net::HandOver> hand_over_;
  std::vector<std::shared_ptr<Acceptor>> acceptors_;  // until stop
  bool stopping_ = false;
  std::size_t empty_shards_ = 0;
  std::array<std::atomic<bool>, 2> relieving_{};  // by net::Held
  std::vector<UseCount::Use> uses_;               // until the server is destroyed
};

Result<void> AsioServer::State::open_door() {
  std::lock_guard lock(mutex_);
  if (door_) return {};
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
  if (!stopping_) {
    awaiting_.reserve(shards_.size());
    for (const auto& shard : shards_) awaiting_.push_back(asio::make_work_guard(shard->executor().context()));
  }
  doorkeeper_ = std::move(own);
  door_ = door;
  return {};
}

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
  if (auto open = open_door(); !open) return open.error();
  std::vector<std::shared_ptr<Acceptor>> opened;
  std::uint16_t port = 0;
  std::optional<Error> missing;
  for (asio::ip::tcp::endpoint endpoint : endpoints) {
    if (endpoint.port() == 0) endpoint.port(port);
    auto acceptor = std::make_shared<Acceptor>(*door_, hand_over_, meeting(options));
    const auto listening = acceptor->listen(endpoint, serving_.options);
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
  auto acceptor = std::make_shared<Acceptor>(*door_, hand_over_, meeting(options));
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
    stopping_ = true;
    door = door_ ? door_ : &shards_.front()->executor();
  }
  wake_.notify_all();
  const auto now = door->now();
  net::Stopping how{std::make_shared<net::DrainPlan>(now, options.window, options.return_after), options.reason,
                    now + options.window + options.grace};
  // Acceptors first, on their executor: what they have handed over reaches each shard before its own stop. No job may
  // hold this server's parts: one that has not run ends with its executor, when others have ended already.
  door->post([weak = weak_from_this(), how = std::move(how)] {
    const auto self = weak.lock();
    if (!self) return;
    for (const auto& acceptor : self->take_acceptors()) acceptor->finish();
    if (self->hand_over_) self->hand_over_->stop();
    for (const auto& shard : self->shards_) {
      net::insist([&] {
        shard->executor().post([weak, weak_shard = std::weak_ptr(shard), how]() mutable {
          const auto alive = weak_shard.lock();
          if (!alive) return;
          alive->stop(std::move(how), [weak] {
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
}

// Clients hold too much, all together. Each shard says how much each of its own holds; then the largest go, wherever
// they are. One round at a time.
void AsioServer::State::relieve(net::Held what) noexcept {
  if (relieving_[static_cast<std::size_t>(what)].exchange(true)) return;
  std::shared_ptr<std::vector<net::QueueSizes>> held;
  try {
    held = std::make_shared<std::vector<net::QueueSizes>>(shards_.size());
  } catch (...) {  // the next byte that is held tries again
    return relieved(what);
  }
  const auto then = [weak = weak_from_this(), what, held](void*) noexcept {
    if (const auto self = weak.lock()) self->shed(what, *held);
  };
  for_all_shards(then, [this, what, held](std::size_t i) { (*held)[i] = shards_[i]->sizes(what); });
}

void AsioServer::State::shed(net::Held what, const std::vector<net::QueueSizes>& held) noexcept {
  const auto then = [weak = weak_from_this(), what](void*) noexcept {
    if (const auto self = weak.lock()) self->relieved(what);
  };
  // An eighth below the limit, so that the next round does not follow at once.
  const std::size_t limit = (what == net::Held::queued ? serving_.queued_bytes : serving_.unused_bytes).limit();
  std::vector<std::size_t> counts;
  try {
    counts = net::largest_to_shed(held, limit - limit / 8);
  } catch (...) {
    return relieved(what);
  }
  for_all_shards(then, [this, what, counts = std::move(counts)](std::size_t i) { shards_[i]->shed(what, counts[i]); });
}

// Runs `part` on each shard's executor, and `then` behind the last of them: also where there was no memory for one.
template <class Then, class Part>
void AsioServer::State::for_all_shards(Then then, Part part) noexcept {
  try {
    const std::shared_ptr<void> last(nullptr, std::move(then));
    for (std::size_t i = 0; i < shards_.size(); ++i) {
      shards_[i]->executor().post([weak = weak_from_this(), part, last, i]() mutable {
        if (const auto self = weak.lock()) part(i);
      });
    }
  } catch (...) {  // `then` runs all the same
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
    net::insist([this] { stop({.window = {}, .grace = {}}); });
    if (runs_here() && !has_ended()) {
      log(LogLevel::error,
          "~AsioServer() on one of the server's executors would wait for itself. Destroy the server elsewhere, or call "
          "stop() and let wait() return, in another thread, before");
      std::abort();
    }
    wait();
    return close_door();
  }
  executors_.join();
  close_door();
  for (const auto& acceptor : take_acceptors()) acceptor->close();
  for (const auto& shard : shards_) shard->tear_down();
  for (const auto& shard : shards_) serving_.gateway.executor_ended(shard->executor());
}

void AsioServer::State::let_go() noexcept { uses_.clear(); }

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
  sum.server_full = serving_.admission.server_full();
  sum.address_full = serving_.admission.address_full();
  sum.turned_away = serving_.refusals.turned_away();
  for (int status = net::Counters::lowest_refusal; status <= net::Counters::highest_refusal; ++status) {
    std::uint64_t count = 0;
    for (const auto& shard : shards_) count += shard->counters().refusals(status);
    if (count > 0) sum.refused.emplace_back(status, count);
  }
  return sum;
}

AsioServer::AsioServer(AsioExecutors& executors, Gateway& gateway, AsioServerOptions options) {
  if (const std::string fault = fault_of(options.limits); !fault.empty()) {
    throw std::invalid_argument("AsioServer: " + fault);
  }
  if (!can_be_waited_for(options.return_after)) {
    throw std::invalid_argument("AsioServer: return_after can't be negative or above 12 days");
  }
  if (options.backlog < 1) throw std::invalid_argument("AsioServer: a backlog below 1 lets nobody in");
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

// SPDX-License-Identifier: MIT
// The inside of an AsioServer: its shards, its listening sockets, and its end.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <asio/executor_work_guard.hpp>
#include <asio/ip/tcp.hpp>

#include "net/loop/asio_executor.hpp"
#include "net/server/acceptor.hpp"
#include "net/server/adoption.hpp"
#include "net/server/hand_over.hpp"
#include "net/shard/server_relief.hpp"
#include "net/shard/server_shard.hpp"
#include "sluice/net/asio_executors.hpp"
#include "sluice/net/asio_server.hpp"

namespace sluice::SLUICE_ABI {

/// The implementation of an AsioServer. Any thread, except where noted.
class AsioServer::State : public std::enable_shared_from_this<State> {
 public:
  State(AsioExecutors& executors, Gateway& gateway, AsioServerOptions options);
  /// Whether this may be a time of an option.
  static bool can_be_waited_for(std::chrono::milliseconds time) noexcept {
    return time.count() >= 0 && time <= longest_limit;
  }

  Result<std::uint16_t> listen(std::string_view host, std::uint16_t port, const ListenOptions& options);
  Result<std::uint16_t> listen_fd(int descriptor, const ListenOptions& options);
  Result<> adopt(int descriptor, std::string read, const AdoptOptions& options);
  std::size_t most_adopted_bytes() const noexcept { return net::most_adopted_bytes(context_.options.limits); }
  void stop(const StopOptions& options);
  bool runs_here() const noexcept;
  void wait();
  void when_ended(Function<void()> then);
  void end();
  /// The server is destroyed: objects that it used may be destroyed, too.
  void let_go() noexcept { uses_.clear(); }
  ServerStats stats() const;
  std::vector<Problem> problems() const;

 private:
  using Endpoints = std::vector<asio::ip::tcp::endpoint>;
  using EndCalls = std::vector<Function<void()>>;

  Result<void> open_door();
  void close_door();
  bool has_ended();
  void call_when_ended() noexcept;
  net::ListenerConfig listener_config(const ListenOptions& options) const {
    return {options.tls, options.proxy_protocol.value_or(context_.options.proxies.proxy_protocol)};
  }
  Result<std::uint16_t> listen_on(const Endpoints& endpoints, const ListenOptions& options);
  Result<void> start(const std::vector<std::shared_ptr<net::Acceptor>>& opened);
  std::vector<std::shared_ptr<net::Acceptor>> take_acceptors();
  std::vector<net::AcceptedSocket> take_adopted();
  void serve_adopted() noexcept;
  void shard_is_empty();
  void relieve(net::Held what) noexcept;

  AsioExecutors& executors_;
  net::ServerContext context_;
  std::vector<std::shared_ptr<net::ServerShard>> shards_;
  net::ServerRelief relief_{context_, shards_};
  std::mutex mutex_;
  std::condition_variable wake_;
  // Accepts, if there are several shards: no handler runs there that could delay new clients.
  std::unique_ptr<AsioExecutors> doorkeeper_;
  net::AsioExecutor* door_ = nullptr;  // where acceptors live; null before the first listen
  // Keeps the loops of the application running while connections may arrive.
  std::vector<asio::executor_work_guard<asio::io_context::executor_type>> awaiting_;
  std::shared_ptr<net::HandOver> hand_over_;
  std::vector<std::shared_ptr<net::Acceptor>> acceptors_;  // until stop
  std::vector<net::AcceptedSocket> adopted_;               // on their way to the executor where acceptors live
  bool stopping_ = false;
  std::size_t empty_shards_ = 0;
  std::shared_ptr<EndCalls> end_calls_;  // for the end; null if there are none
  std::vector<UseCount::Use> uses_;      // until the server is destroyed
};

}  // namespace sluice::SLUICE_ABI

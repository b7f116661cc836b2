// SPDX-License-Identifier: MIT
// The shared state of one Redis layer: its options, hosts, serializer, counters and log.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "redis/bus/bus_counters.hpp"
#include "redis/bus/turns.hpp"
#include "redis/codec/serializer.hpp"
#include "redis/wire/borrowed_dialer.hpp"
#include "redis/wire/log_once.hpp"
#include "redis/wire/node.hpp"
#include "sluice/core/completion.hpp"
#include "sluice/layer/distributed_channel_layer.hpp"
#include "sluice/redis/redis_options.hpp"
#include "sluice/redis/redis_stats.hpp"

namespace sluice::SLUICE_ABI::redis {

/// It outlives the bus. Any thread, except where noted below.
class RedisContext : public std::enable_shared_from_this<RedisContext> {
 public:
  /// `process` begins the names that belong to this process. Encrypted messages are refused past `oldest_token`; 0:
  /// never. `wall_clock` returns the seconds since 1970. Throws std::invalid_argument for options that can't work.
  RedisContext(Dialer& dialer, Executor& executor, RedisOptions options, std::string process,
               std::chrono::seconds oldest_token, std::function<double()> wall_clock);

  const RedisOptions& options() const noexcept { return options_; }
  const std::string& process() const noexcept { return process_; }
  const Serializer& serializer() const noexcept { return serializer_; }
  Executor& executor() const noexcept { return executor_; }
  BorrowedDialer& dialer() noexcept { return dialer_; }
  BusCounters& counters() noexcept { return counters_; }
  double unix_time() const { return wall_clock_(); }
  std::size_t hosts() const noexcept { return options_.hosts.size(); }
  /// The host of this name.
  std::size_t host_of(std::string_view name) const;
  /// Sends any command to a host that is up. An Error: the host is down, or Redis answered with an error.
  Completion<Result<Reply>> ask(std::size_t host, Command command);

  DistributedLayerOptions layer_options(std::string channel_prefix) const;
  void add_to(LayerStats& stats) const;
  RedisStats stats(const BusStats& bus) const;

  // --- the executor only
  struct Host {
    std::shared_ptr<Node> node;
    bool up = false;  // it is connected, and this process receives its publications there
  };
  Host& host(std::size_t number) noexcept { return hosts_[number]; }
  Node& node(std::size_t number) noexcept { return *hosts_[number].node; }
  /// Decodes an event; nullopt, counted, if the bytes are no event.
  std::optional<IncomingMessage> read(std::string_view message);
  /// Redis has refused a command for this group or channel, or without one: counted, and logged once for each reason.
  void refused(std::string_view what, std::string_view name, const Reply& reply);
  /// An event that was taken from a plain channel and not read is lost, since its host is away: counted, logged once.
  void not_given_back(std::string_view channel);
  /// The next host in turn for a plain channel.
  std::size_t turn_of(std::string_view plain_channel) { return turns_.next(plain_channel, hosts_.size()); }
  /// True if this reason should be logged.
  bool is_news(std::string_view reason) { return logged_.is_news(reason, executor_.now()); }

 private:
  const RedisOptions options_;
  const std::string process_;
  const Serializer serializer_;
  const std::function<double()> wall_clock_;
  Executor& executor_;
  BorrowedDialer dialer_;
  BusCounters counters_;
  std::vector<Host> hosts_;
  LogOnce logged_;
  Turns turns_;
};

}  // namespace sluice::SLUICE_ABI::redis

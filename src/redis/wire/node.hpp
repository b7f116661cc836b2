// SPDX-License-Identifier: MIT
// One Redis host: finds it, connects, and reconnects until the layer ends.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "core/back_off.hpp"
#include "redis/wire/link.hpp"
#include "redis/wire/log_once.hpp"
#include "redis/wire/master_watch.hpp"
#include "redis/wire/sentinel_resolver.hpp"
#include "sluice/redis/redis_options.hpp"

namespace sluice::SLUICE_ABI::redis {

/// A host with one connection for commands, and more on request. Its executor only.
class Node : public std::enable_shared_from_this<Node> {
 public:
  struct Events {
    Function<void()> connected;
    Function<void(const Error&)> lost;  // after `connected`, once for each
  };
  Node(Dialer& dialer, Executor& executor, const RedisHost& host, const RedisOptions& options, Events events);

  void start();
  /// Ends everything; the only further callbacks are those of pending requests.
  void stop(std::string_view why);
  const std::string& name() const noexcept { return name_; }

  /// While connected.
  Link& commands() noexcept { return *commands_; }
  /// True if the connections take more commands. At any time.
  bool has_room() const noexcept { return commands_ && commands_->has_room(); }
  /// A further connection to the same server, while connected. Its loss is the loss of the node.
  std::shared_ptr<Link> connect(Function<void()> ready, Function<void(const Reply&)> pushed = {},
                                Function<void()> caught_up = {}) {
    return connect_to(server_, std::move(ready), std::move(pushed), std::move(caught_up));
  }
  /// The same to another server of the same cluster.
  std::shared_ptr<Link> connect_to(const Endpoint& server, Function<void()> ready,
                                   Function<void(const Reply&)> pushed = {}, Function<void()> caught_up = {});
  /// The address of its connection.
  const Endpoint& server() const noexcept { return server_; }
  /// This server is not usable any more: starts over.
  void lose(const Error& error) { lose(connection_, error); }
  /// Checks soon whether it is still a master.
  void ask_role() {
    if (connected_) commands_->ask_role();
  }
  /// For a timer that could not be set: tries to connect again. Called now and then.
  void try_again_if_due() noexcept {
    if (try_due_ && !stopped_) try_again();
  }
  /// The server works; after some time the next loss is retried quickly again.
  void settled();

 private:
  void attempt();
  void switched(std::size_t sentinel, const Endpoint& master);
  void dial(const Endpoint& to);
  void lose(std::uint64_t connection, const Error& error);
  void failed(const Error& error);
  void try_again() noexcept;
  void note_failure(const Error& error);

  Dialer& dialer_;
  Executor& executor_;
  const RedisHost host_;
  const std::string name_;
  const std::chrono::milliseconds answer_time_;
  BackOff back_off_;
  Events events_;
  std::optional<SentinelResolver> search_;
  std::shared_ptr<MasterWatch> watch_;
  Endpoint server_;
  std::size_t attempts_ = 0;
  std::shared_ptr<Link> commands_;
  LogOnce logged_;
  std::optional<Executor::Clock::time_point> settled_at_;
  std::uint64_t connection_ = 0;  // a counter: callbacks of earlier connections are ignored
  bool connected_ = false;
  bool try_due_ = false;  // no timer could be set for the next attempt
  bool stopped_ = false;
  bool failing_ = false;  // since it was last found
};

}  // namespace sluice::SLUICE_ABI::redis

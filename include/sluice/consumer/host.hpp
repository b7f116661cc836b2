// SPDX-License-Identifier: MIT
// The Gateway that gives every connection its consumer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "sluice/abi.hpp"
#include "sluice/consumer/application.hpp"
#include "sluice/layer/channel_layer.hpp"
#include "sluice/observe/health.hpp"
#include "sluice/observe/metric.hpp"
#include "sluice/transport/gateway.hpp"
#include "sluice/transport/limits.hpp"

namespace sluice::SLUICE_ABI {

/// What to do with an event for a consumer whose channel holds its capacity of waiting events (behaviour CL-14).
enum class MailboxOverflow : std::uint8_t {
  close,        // end the connection with 1013, so that the client knows and comes back (the default)
  drop_newest,  // drop and count the event. One that must arrive (EventHandlers::on), such as a revocation, closes
};

class HostObserver;

/// The options of a Host. A value.
struct HostOptions {
  ConsumerLimits limits = {};
  MailboxOverflow mailbox_overflow = MailboxOverflow::close;
  /// An event that a consumer has no handler for: ignored, counted and logged, a few lines per type; true: it is an
  /// error, and the consumer is closed with 1011 (behaviour DI-3).
  bool strict_events = false;
  /// False: the scope's headers are released once connect() has finished, and an idle connection uses a few hundred
  /// bytes less. Middlewares and connect() have them in any case; views of the request that they kept end then.
  bool keep_headers = true;
  /// Called in their order for events of connections and handlers: sluice/consumer/host_observer.hpp. The host shares
  /// them until its last connection has ended.
  std::vector<std::shared_ptr<HostObserver>> observers = {};
};

/// Counters of a host's consumers, with failures by cause. A value.
struct SLUICE_API HostStats {
  std::uint64_t connections = 0;  // sessions that live now
  std::uint64_t opened = 0;       // handshakes that reached the host
  std::uint64_t accepted = 0;
  std::uint64_t denied = 0;           // refused by a consumer or a middleware
  std::uint64_t no_route = 0;         // answered with 404
  std::uint64_t failed_handlers = 0;  // exceptions from user code
  std::uint64_t unknown_events = 0;   // no handler
  std::uint64_t undecodable_events = 0;
  std::uint64_t full_mailboxes = 0;  // times that a client was not read because of ConsumerLimits::client_mail
  // Events past the channel's capacity, and broadcasts past ConsumerLimits::queued_bytes.
  std::uint64_t mailbox_overflows = 0;
  std::uint64_t limits_met = 0;          // reported by consumers: pages above their number or bytes per connection
  std::uint64_t sends_after_close = 0;   // by handlers of a connection that had ended
  std::uint64_t dropped_at_close = 0;    // layer mail for a connection that had ended, or for a group it had left
  std::uint64_t destroyed_handlers = 0;  // still suspended past ConsumerLimits::disconnect_grace, or of a shed consumer
  std::uint64_t shed_consumers = 0;      // closed with 1013: past ConsumerLimits::server_held_bytes they held the most
  std::uint64_t missed_events = 0;       // lost for lack of memory: their consumers were closed with 1013
  std::uint64_t held_bytes = 0;          // by busy consumers and for pages now
  // Of clients that were slow (WhenSlow), in messages:
  std::uint64_t slow_clients = 0;    // times that broadcasts had to wait for one
  std::uint64_t dropped_newest = 0;  // by drop_newest; and by any policy but close while their consumer was too busy
  std::uint64_t dropped_oldest = 0;  // by drop_oldest and keep_latest
  std::uint64_t superseded = 0;      // by a newer one of the same key
  std::uint64_t gaps_told = 0;       // on_gap was called
  std::uint64_t backlog_bytes = 0;   // that wait now for all of them, up to ConsumerLimits::server_queued_bytes

  static constexpr std::string_view metric_prefix = "sluice_host";
  /// The metrics of these numbers. Any thread.
  static std::span<const observe::Metric<HostStats>> metrics() noexcept;
};

class HostState;

/// Gives every connection its consumer: it finds the application's route, runs the middlewares, opens a channel, joins
/// the static groups and calls connect(). Without a layer, consumers receive only their clients' messages (behaviour
/// LC-24). The layer outlives the host, and the host outlives the servers that bring it connections. If the executors
/// stop before the server, consumers whose handlers still wait are destroyed with the server, in its thread: they may
/// refer to objects that outlive the server. Any thread.
class SLUICE_API Host final : public Gateway {
 public:
  explicit Host(std::shared_ptr<Application> application, HostOptions options = {});
  Host(std::shared_ptr<Application> application, ChannelLayer& layer, HostOptions options = {});
  ~Host() override;

  std::shared_ptr<ConnectionEvents> open(Scope scope, std::shared_ptr<Connection> connection,
                                         Executor& executor) override;
  void executor_ended(Executor& executor) noexcept override;
  const ConsumerLimits& consumer_limits() const noexcept override;
  HostStats stats() const;
  /// What is not well: what consumers hold, or what waits for slow clients, is near its limit.
  std::vector<Problem> problems() const;

 private:
  UseCount::Use layer_use_;
  std::shared_ptr<HostState> state_;
};

}  // namespace sluice::SLUICE_ABI

// SPDX-License-Identifier: MIT
// A server's part on one executor: its connections, and their shared state.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <asio/ip/tcp.hpp>

#include "net/limits/websocket_limits.hpp"
#include "net/loop/asio_executor.hpp"
#include "net/loop/poller.hpp"
#include "net/shard/counters.hpp"
#include "net/shard/resume_queue.hpp"
#include "net/shard/server_context.hpp"
#include "net/shard/shard_clock.hpp"
#include "net/shard/shard_deadlines.hpp"
#include "net/shard/shard_shutdown.hpp"
#include "net/shard/write_batch.hpp"
#include "net/socket/shared_buffers.hpp"
#include "sluice/core/log_throttle.hpp"
#include "sluice/ws/shared_deflate.hpp"

namespace sluice::SLUICE_ABI::net {

class AsioConnection;

/// The connections of one executor, and their shared deadlines, turns and buffers. Its executor only, except where
/// noted.
class ServerShard : public std::enable_shared_from_this<ServerShard> {
 public:
  ServerShard(AsioExecutor& executor, ServerContext& context, std::size_t number);
  ~ServerShard();

  AsioExecutor& executor() noexcept { return executor_; }
  Gateway& gateway() noexcept { return context_.gateway; }
  const AsioServerOptions& options() const noexcept { return context_.options; }
  const ServerLimits& limits() const noexcept { return context_.options.limits; }
  const ConsumerLimits& consumer_limits() const noexcept { return context_.consumer_limits; }
  Poller& poller() noexcept { return *poller_; }
  Refusals& refusals() noexcept { return context_.refusals; }
  /// Whether the server has observers.
  bool observed() const noexcept { return observed_; }
  ServerContext& context() noexcept { return context_; }
  Counters& counters() noexcept { return counters_; }  // reading them: any thread
  ws::SharedDeflate& deflate();
  SharedBuffers& buffers() noexcept { return buffers_; }
  ShardDeadlines& deadlines() noexcept { return deadlines_; }
  /// For connections that have had their share of this turn.
  ResumeQueue& resume_queue() noexcept { return resume_queue_; }
  WriteBatch& write_batch() noexcept { return write_batch_; }
  /// How this shard stops.
  ShardShutdown& shutdown() noexcept { return shutdown_; }
  bool stopping() const noexcept { return shutdown_.begun(); }
  /// The reason as it goes into a close frame: 1013 names the time after which the client may come back. The reason of
  /// a stop is as StopOptions::return_after made it.
  CloseReason with_return_time(const CloseReason& reason) {
    if (reason.code() != close_code::try_again_later || shutdown_.is_close_reason(reason)) return reason;
    return context_.return_times.invite_back(reason);
  }
  /// The most bytes that a connection queues before it writes within the turn, so that a flood does not grow until its
  /// end.
  std::size_t most_gathered() const noexcept { return most_gathered_; }
  /// The current Date header, made once a second.
  const std::string& date();

  /// The number of connections that are here or on their way. Any thread.
  std::size_t load() const noexcept { return load_.load(std::memory_order_relaxed); }
  /// Counts a connection that is on its way; start() follows on the shard's executor. Any thread.
  void expect_one() noexcept { load_.fetch_add(1, std::memory_order_relaxed); }
  /// Another shard has taken it instead. Any thread.
  void expect_one_less() noexcept { load_.fetch_sub(1, std::memory_order_relaxed); }
  /// A connection begins its life. After tear_down(), and without memory for it, it ends at once.
  void start(AcceptedSocket accepted) noexcept;
  /// Counts a connection without a slot, which is answered with 503. False: there are too many of them, and this one is
  /// closed without an answer.
  bool admit_over_capacity() noexcept;
  /// The cached time: a send need not read the clock.
  ShardClock::Time read_clock() { return clock_.set(executor_.now()); }
  ShardClock::Time now() const noexcept { return clock_.now(); }
  Tick tick() const noexcept { return clock_.tick(); }
  const RateLimits& rates() const noexcept { return rates_; }
  std::uint32_t random() noexcept { return static_cast<std::uint32_t>(random_()) << 1U; }
  LimitsNow limits_now() const noexcept { return {limits(), rates_, clock_.tick(), clock_.now()}; }

  /// The bytes that are queued for a connection whose kernel takes no more have changed.
  void waiting_changed(std::size_t before, std::size_t after) noexcept {
    if (queued_bytes_.change(before, after)) context_.relieve(Held::queued);
  }
  /// The bytes that a connection has read and not used have changed.
  void unused_changed(std::size_t before, std::size_t after) noexcept {
    if (unused_bytes_.change(before, after)) context_.relieve(Held::unused);
  }
  /// All connections together have read so much that none should read ahead.
  bool crowded() const noexcept {
    const QueuedBytes& unused = context_.unused_bytes;
    return unused.limit() > 0 && unused.bytes() > unused.limit() / 2;
  }
  QueueSizes sizes(Held what);
  /// Ends `count` connections, those that hold the most.
  void shed(Held what, std::size_t count);

  /// The connection will write at the end of this turn.
  void will_write(AsioConnection& connection);
  /// Counts a connection whose TLS has failed, and logs it within a rate.
  void tls_failed(std::string_view why);
  /// The log for exceptions of the application that clients can provoke.
  LogThrottle& failures() noexcept { return failures_; }
  /// A connection has closed its socket. It is destroyed at the end of this turn, unless another owner holds it.
  void left(AsioConnection& connection) noexcept;

 private:
  Admission::ConnectionSlot slot_for(const asio::ip::tcp::endpoint& peer);
  void uncount(bool had_slot) noexcept;

  AsioExecutor& executor_;
  ServerContext& context_;
  const bool observed_;
  const std::shared_ptr<Poller> poller_;
  Counters counters_;
  SharedBuffers buffers_;
  ShardClock clock_;
  ShardShutdown shutdown_;  // outlives the connections below
  ShardDeadlines deadlines_;
  ResumeQueue resume_queue_;
  WriteBatch write_batch_;
  std::unique_ptr<ws::SharedDeflate> deflate_;  // once a client has agreed on it
  LogThrottle tls_failures_{{.lines = 1}};
  LogThrottle failures_;  // of the application's, with requests and handshakes
  const RateLimits rates_;
  QueuedBytes::Share queued_bytes_, unused_bytes_;
  std::minstd_rand random_{std::random_device{}()};
  std::atomic<std::size_t> load_{0};
  std::size_t over_capacity_ = 0;
  const std::size_t most_gathered_;
  std::string date_;
  std::chrono::system_clock::time_point date_of_;
};

}  // namespace sluice::SLUICE_ABI::net

// SPDX-License-Identifier: MIT
// Sends to one client: at once while the client keeps up, queued in order while the client is slow.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "consumer/backlog.hpp"
#include "consumer/host_state.hpp"
#include "sluice/consumer/when_slow.hpp"
#include "sluice/layer/channel.hpp"
#include "sluice/transport/connection.hpp"

namespace sluice::SLUICE_ABI {

/// Sends to one connection. While no group of the client may drop messages, everything is sent, and the connection
/// closes a client that is too slow. Once a group may, the queue sends a number of bytes on credit and then checks the
/// connection's queue. If that is too long the client is behind: messages wait in a Backlog, there is no credit, and
/// the queue catches up when the connection has drained.
///
/// It uses no sockets: it calls a Connection and returns what its session must do. Only catch_up() sends to a client
/// that is behind, so another source than the backlog would be added there. Without memory a call throws, and the
/// session ends. Its executor only.
class DeliveryQueue {
 public:
  /// The parts of its session that the queue uses during one call.
  struct Context {
    HostState& host;
    FrameBuffer& frames;
    const Channel& channel;  // knows the client's groups
    std::size_t
        mail_bytes;  // of layer mail that waits for the consumer; it counts against ConsumerLimits::queued_bytes too

    bool in_group(std::string_view group) const noexcept { return group.empty() || channel.in_group(group); }
  };
  /// The action that the session must take after a call.
  enum class Next : std::uint8_t {
    nothing,
    close_slow_client,    // messages for it exceed a bound
    close_busy_consumer,  // broadcasts that wait for its mail exceed a bound
    notify_gap,           // a gap is next: run on_gap in the consumer's turn, between begin_gap() and end_gap()
  };
  /// The result for broadcasts that cannot be sent at once because their consumer has mail.
  enum class Admission : std::uint8_t { wait, miss, close_slow_client };

  explicit DeliveryQueue(std::shared_ptr<Connection> connection) noexcept;
  DeliveryQueue(const DeliveryQueue&) = delete;
  DeliveryQueue& operator=(const DeliveryQueue&) = delete;
  ~DeliveryQueue();

  Connection& connection() const noexcept { return *connection_; }
  /// Releases the connection, which may hold the session.
  void release() noexcept;

  // --- policies

  /// The policy of groups without one.
  void set_default_policy(WhenSlow when_slow);
  void set_policy(std::string_view group, WhenSlow when_slow);
  WhenSlow policy_of(std::string_view group) const { return state_ ? chosen_policy(group) : WhenSlow::close; }
  bool may_drop() const noexcept { return state_ != nullptr; }
  /// Removes the group's policy, its gap and its waiting messages. Returns the number of messages.
  std::size_t leave(std::string_view group);

  // --- messages

  /// True: this frame may be sent to the connection at once. False: use send() or deliver().
  bool take_credit(const Frame& frame) noexcept {
    if (!state_) return true;
    if (frame.size() > credit_) return false;
    credit_ -= static_cast<std::uint32_t>(frame.size());
    return true;
  }
  /// One message without credit. An empty group: the consumer's own, which is never dropped.
  [[nodiscard]] Next send(const Frame& frame, std::string_view group, WhenSlow when_slow, std::string_view key,
                          const Context& context);
  /// Broadcasts without credit.
  [[nodiscard]] Next deliver(const DeliveryRun& run, const Context& context);

  /// Whether this many bytes of broadcasts may wait in the mailbox. They count as if they were queued already. With the
  /// policy `close` they are never missed.
  Admission admit(std::size_t bytes, WhenSlow when_slow, std::size_t mail_bytes,
                  const ConsumerLimits& limits) const noexcept;
  /// Notes missed broadcasts, for which the session has put a notice behind its mail.
  bool has_missed() const noexcept;
  /// Counts the broadcasts as dropped by their group.
  void miss(const DeliveryRun& run, HostState& host);
  /// The notice's turn: missed broadcasts become gaps behind all earlier messages. If `discard`, they are dropped.
  void take_missed(bool discard, const Context& context);

  // --- a client that is behind

  bool behind() const noexcept;
  /// Sends waiting messages up to the next gap, in portions that keep the connection's queue short.
  [[nodiscard]] Next catch_up(const Context& context);
  /// The gap's turn. nullopt: its group was left meanwhile, or the gap moved; then the session calls catch_up(). Until
  /// end_gap() messages of the consumer are sent at once, at the gap's place.
  std::optional<Gap> begin_gap();
  bool in_gap() const noexcept { return state_ && state_in_gap(); }
  [[nodiscard]] Next end_gap(const Context& context);
  /// Sends all waiting messages, before a close.
  void flush(const Context& context);
  /// The client is closed as too slow: drops waiting messages.
  void drop_waiting() noexcept;
  /// The connection has ended: clears policies, gaps and waiting messages.
  void reset() noexcept;

 private:
  struct State;

  State& state();
  WhenSlow chosen_policy(std::string_view group) const;
  bool state_in_gap() const noexcept;
  bool client_is_slow(const ConsumerLimits& limits) const noexcept;
  void send_and_renew_credit(const Frame& frame, const ConsumerLimits& limits);
  Backlog& backlog(const Context& context);
  void send_waiting(const Backlog::Waiting& waiting, const Context& context);

  std::shared_ptr<Connection> connection_;
  std::unique_ptr<State> state_;  // null while no group may drop messages
  std::uint32_t credit_ = 0;      // with state_: bytes that may be sent before the connection's queue is checked
};

}  // namespace sluice::SLUICE_ABI

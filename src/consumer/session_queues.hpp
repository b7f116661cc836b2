// SPDX-License-Identifier: MIT
// The queues of a session in both directions: mail for its consumer, and messages for its client.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "consumer/client_link.hpp"
#include "consumer/current_handler.hpp"
#include "consumer/delivery_queue.hpp"
#include "consumer/host_state.hpp"
#include "consumer/mailbox.hpp"
#include "consumer/session_slot.hpp"
#include "sluice/consumer/event_handlers.hpp"
#include "sluice/layer/channel.hpp"

namespace sluice::SLUICE_ABI {

/// Keeps the order between the two: a broadcast never overtakes earlier mail. It runs no handler and closes nothing: it
/// returns what the session must do. Waiting mail counts among the host's held bytes. Its executor only.
class SessionQueues {
 public:
  using Next = DeliveryQueue::Next;

  SessionQueues(std::shared_ptr<HostState> host, std::shared_ptr<Connection> connection, LiveSessions& home);

  HostState& host() const noexcept { return *host_; }
  const ConsumerLimits& limits() const noexcept { return host_->options.limits; }
  SessionSlot& slot() noexcept { return slot_; }
  const SessionSlot& slot() const noexcept { return slot_; }
  LiveSessions& home() const noexcept { return slot_.home(); }
  ClientLink& client() noexcept { return client_; }
  const ClientLink& client() const noexcept { return client_; }
  CurrentHandler& handler() noexcept { return handler_; }
  const CurrentHandler& handler() const noexcept { return handler_; }
  Mailbox& mailbox() noexcept { return mailbox_; }
  /// Empty without a layer.
  Channel& channel() noexcept { return channel_; }
  void set_channel(Channel channel) noexcept { channel_ = std::move(channel); }
  std::string channel_name() const { return channel_ ? channel_.name() : std::string(); }
  void leave_groups();

  /// Broadcasts of these kinds are mail for the consumer, not messages for its client.
  void intercept(BroadcastKinds kinds) noexcept { intercepted_ = kinds; }
  bool intercepts(BroadcastKind kind) const noexcept { return intercepted_.contain(kind); }

  // --- to the consumer

  void put_client(Mail mail);
  void put_layer(Mail mail);
  /// Whether this event may wait.
  bool has_room_for(const Event& event) const noexcept;
  /// Adds the connection's end, behind the client's messages. Without memory for the reason only the end itself waits.
  void put_end(const CloseReason& reason) noexcept;
  /// Moves the next mail to the current handler. Null: there is none.
  RunningHandler* take_mail();
  bool has_mail() const noexcept { return !mailbox_.empty() || end_waits_; }
  /// True if no mail waits and no handler runs.
  bool idle() const noexcept { return !handler_.waits() && mailbox_.empty(); }
  void pump_soon() {
    if (!handler_.waits()) slot_.pump_soon();
  }
  /// Resumes reading from a paused client without waiting messages: events alone must not pause it (behaviour DI-7).
  /// True: it was paused.
  bool read_on();
  /// Copies waiting broadcasts out of shared memory.
  void unshare();

  // --- to the client

  /// True if a message for an accepted client may be sent now; then the caller sends it. The fast path of a broadcast.
  bool may_send(const Frame& frame) noexcept {
    return idle() && client_.accepted() && client_.delivery().take_credit(frame);
  }
  /// Adds broadcasts that may not be sent now.
  [[nodiscard]] Next queue(const DeliveryRun& run);
  /// Sends a message of the consumer itself.
  [[nodiscard]] Next send(const Frame& frame) {
    DeliveryQueue& delivery = client_.delivery();
    if (!delivery.take_credit(frame)) return delivery.send(frame, {}, WhenSlow::close, {}, context());
    delivery.connection().send(frame);
    return Next::nothing;
  }
  /// Sends a broadcast whose turn in the mailbox has come.
  [[nodiscard]] Next send(const PassingBroadcast& passing);
  DeliveryQueue::Context context() const noexcept {
    return {*host_, home().frames(), channel_, mailbox_.layer_bytes()};
  }

  // --- memory

  /// The bytes of mail, and of the waiting handler.
  std::size_t held_bytes() const noexcept { return mailbox_.bytes() + handler_.held_bytes(); }
  /// The current handler waits: its arguments count as held until it has finished.
  void hold_handler();
  void release_handler() noexcept {
    const std::size_t before = handler_.held_bytes() > 0 ? held_bytes() : 0;
    handler_.release(host_->held, home());
    if (before > 0) slot_.held_changed(before, held_bytes());
  }

 private:
  Mailbox::Time arrival() const;
  void put_broadcasts(const DeliveryRun& run, WhenSlow when_slow);

  // A broadcast reads adjacent members only, down to intercepted_.
  const std::shared_ptr<HostState> host_;
  Mailbox mailbox_;
  CurrentHandler handler_;
  [[no_unique_address]] ClientLink client_;  // the next member is in its padding
  BroadcastKinds intercepted_;
  Channel channel_;
  [[no_unique_address]] SessionSlot slot_;
  bool end_waits_ = false;  // the connection has ended, and the mailbox had no memory for that
};

}  // namespace sluice::SLUICE_ABI

// SPDX-License-Identifier: MIT
// What waits for a consumer: mail from its client and mail from its layer, taken in turns.
#pragma once

#include <cstddef>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "consumer/held_bytes.hpp"
#include "sluice/consumer/when_slow.hpp"
#include "sluice/core/close_reason.hpp"
#include "sluice/layer/event.hpp"
#include "sluice/transport/frame.hpp"
#include "sluice/transport/message.hpp"

namespace sluice {

/// The end of the connection, as it stands in the client's queue behind what the client said before.
struct Closed {
  CloseReason reason;
};

/// A broadcast that passes the consumer by, but not the mail before it. When its turn comes it is only for those who
/// are still in its group: the mail before it may have taken the page away.
struct PassingBroadcast {
  Frame frame;
  std::string group;  // empty: sent to the channel itself
  std::string key;
  WhenSlow when_slow = WhenSlow::close;
};

/// Here broadcasts found no place; the session knows how many.
struct Missed {};

/// The backlog has come to a gap: the consumer is to be told, in its turn.
struct GapIsNext {};

/// The server stops. It stands among the layer's mail twice: the consumer is told first, and then, behind what was sent
/// to it meanwhile, the connection is closed.
struct Stop {
  CloseReason reason;
  bool told = false;
};

/// One piece of mail.
using Mail = std::variant<Message, Event, PassingBroadcast, Missed, GapIsNext, Stop, Closed>;

/// What a piece of mail takes in memory, about: its bytes, and its places in the queue and the heap.
std::size_t cost_of(const Mail& mail) noexcept;

/// Two queues, client and layer, each in its own order. While both hold mail they are served in turns, the client first
/// (behaviour DI-7, DI-8). Most consumers are idle most of the time, so that empty queues take no memory of their own.
/// What waits counts among the host's held bytes. When a call has no memory nothing has changed. Its executor only.
class Mailbox {
 public:
  void put_client(Mail mail, HeldBytes& held);
  void put_layer(Mail mail, HeldBytes& held);
  std::optional<Mail> take() noexcept;
  /// Joins the broadcast that waits behind all other layer mail, if that is of the same group and policy and its bytes
  /// stand side by side with these. False: it does not.
  bool join_passing(std::string_view group, WhenSlow when_slow, const Frame& frame) noexcept;
  /// Copies the broadcasts that wait out of memory that they share with others, unless they are most of it.
  void unshare(FrameBuffer& frames);

  bool empty() const noexcept { return !lanes_; }
  std::size_t client_size() const noexcept { return lanes_ ? lanes_->client.size() : 0; }
  std::size_t events() const noexcept { return lanes_ ? lanes_->events : 0; }
  /// Of the broadcasts and events that wait, with what they take beside their bytes.
  std::size_t layer_bytes() const noexcept { return lanes_ ? lanes_->layer_bytes : 0; }
  /// Of all mail.
  std::size_t bytes() const noexcept { return lanes_ ? lanes_->layer_bytes + lanes_->client_bytes : 0; }
  void drop_layer() noexcept;
  /// Messages that wait, but not the end of the connection.
  void drop_messages() noexcept;

 private:
  using Lane = std::list<Mail>;
  struct Lanes {
    explicit Lanes(HeldBytes& counted) noexcept : held(counted), first_shared(layer.end()) {}
    Lanes(const Lanes&) = delete;
    Lanes& operator=(const Lanes&) = delete;
    ~Lanes() { held.subtract(layer_bytes + client_bytes); }

    HeldBytes& held;
    Lane client, layer;
    Lane::iterator first_shared;  // from here on broadcasts may lie in shared memory
    std::size_t events = 0;
    std::size_t layer_bytes = 0, client_bytes = 0;
    bool layer_next = false;
  };
  Lanes& lanes(HeldBytes& held) {
    if (!lanes_) lanes_ = std::make_unique<Lanes>(held);
    return *lanes_;
  }
  void forget_if_empty() noexcept {
    if (lanes_ && lanes_->client.empty() && lanes_->layer.empty()) lanes_.reset();
  }

  std::unique_ptr<Lanes> lanes_;  // null while there is no mail
};

}  // namespace sluice

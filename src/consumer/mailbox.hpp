// SPDX-License-Identifier: MIT
// What waits for a consumer: mail from its client and mail from its layer, taken in turns.
#pragma once

#include <chrono>
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

namespace sluice::SLUICE_ABI {

/// The end of the connection, as it stands in the client's queue behind what the client said before.
struct Closed {
  CloseReason reason;
};

/// A broadcast that passes the consumer by, but not the mail before it. When its turn comes it is only sent if the
/// client is still in its group: the mail before it may have taken the page away.
struct PassingBroadcast {
  Frame frame;
  std::string group;  // empty: sent to the channel itself
  std::string key;
  WhenSlow when_slow = WhenSlow::close;
};

/// Here broadcasts did not fit; the delivery queue knows how many.
struct Missed {};

/// A gap is next in the backlog: the consumer is notified in its turn.
struct GapIsNext {};

/// The server stops. It stands among the layer's mail twice: the consumer is notified first, and then, behind what was
/// sent to it meanwhile, the connection is closed.
struct Stop {
  CloseReason reason;
  bool notified = false;
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
  using Time = std::chrono::steady_clock::time_point;
  struct Piece {
    Mail mail;
    Time arrived;  // where the host has observers
  };

  void put_client(Mail mail, Time arrived, HeldBytes& held);
  void put_layer(Mail mail, Time arrived, HeldBytes& held);
  std::optional<Piece> take() noexcept;
  /// Joins the broadcast that waits behind all other layer mail, if that is of the same group and policy and its bytes
  /// stand side by side with these. False: it does not.
  bool join_passing(std::string_view group, WhenSlow when_slow, const Frame& frame) noexcept;
  /// Copies the broadcasts that wait out of memory that they share with others, unless they are most of it.
  void unshare(FrameBuffer& frames);

  bool empty() const noexcept { return !queues_; }
  std::size_t client_size() const noexcept { return queues_ ? queues_->client.size() : 0; }
  std::size_t events() const noexcept { return queues_ ? queues_->events : 0; }
  /// Of the broadcasts and events that wait, with what they take beside their bytes.
  std::size_t layer_bytes() const noexcept { return queues_ ? queues_->layer_bytes : 0; }
  /// Of all mail.
  std::size_t bytes() const noexcept { return queues_ ? queues_->layer_bytes + queues_->client_bytes : 0; }
  void drop_layer() noexcept;
  /// Messages that wait, but not the end of the connection.
  void drop_messages() noexcept;

 private:
  using Queue = std::list<Piece>;
  struct Queues {
    explicit Queues(HeldBytes& counted) noexcept : held(counted), first_shared(layer.end()) {}
    Queues(const Queues&) = delete;
    Queues& operator=(const Queues&) = delete;
    ~Queues() { held.subtract(layer_bytes + client_bytes); }

    HeldBytes& held;
    Queue client, layer;
    Queue::iterator first_shared;  // from here on broadcasts may lie in shared memory
    std::size_t events = 0;
    std::size_t layer_bytes = 0, client_bytes = 0;
    bool layer_next = false;
  };
  Queues& queues(HeldBytes& held) {
    if (!queues_) queues_ = std::make_unique<Queues>(held);
    return *queues_;
  }
  void forget_if_empty() noexcept {
    if (queues_ && queues_->client.empty() && queues_->layer.empty()) queues_.reset();
  }

  std::unique_ptr<Queues> queues_;  // null while there is no mail
};

}  // namespace sluice::SLUICE_ABI

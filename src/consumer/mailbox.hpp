// SPDX-License-Identifier: MIT
// The mail that waits for a consumer: mail from its client and mail from its layer, taken in turns.
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

/// The end of the connection, in the client's queue behind earlier messages.
struct Closed {
  CloseReason reason;
};

/// A broadcast for the client that must not overtake earlier mail. In its turn it is sent only if the client is still
/// in its group: earlier mail may have revoked the page.
struct PassingBroadcast {
  Frame frame;
  std::string group;  // empty: sent to the channel itself
  std::string key;
  WhenSlow when_slow = WhenSlow::close;
};

/// The place where broadcasts did not fit; the delivery queue has their number.
struct Missed {};

/// A gap is next in the backlog: runs on_gap() in the consumer's turn.
struct GapIsNext {};

/// The server stops. It is put into the layer's mail twice: the first runs on_stop(), and the second, behind mail that
/// arrived meanwhile, closes the connection.
struct Stop {
  CloseReason reason;
  bool notified = false;
};

/// One piece of mail.
using Mail = std::variant<Message, Event, PassingBroadcast, Missed, GapIsNext, Stop, Closed>;

/// The approximate memory of a piece of mail: its bytes, and its entries in the queue and the heap.
std::size_t cost_of(const Mail& mail) noexcept;

/// Two queues, client and layer, each in its own order. While both have mail they are served in turns, the client first
/// (behaviour DI-7, DI-8). Most consumers are idle most of the time, so empty queues take no memory. Waiting mail
/// counts among the host's held bytes. Without memory a call changes nothing. Its executor only.
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
  /// Appends to the last broadcast of the layer mail, if that has the same group and policy and its bytes are adjacent
  /// to these. False: it was not appended.
  bool join_passing(std::string_view group, WhenSlow when_slow, const Frame& frame) noexcept;
  /// Copies waiting broadcasts out of shared memory, unless they are most of it.
  void unshare(FrameBuffer& frames);

  bool empty() const noexcept { return !queues_; }
  std::size_t client_size() const noexcept { return queues_ ? queues_->client.size() : 0; }
  std::size_t events() const noexcept { return queues_ ? queues_->events : 0; }
  /// The bytes of waiting broadcasts and events, with their overhead.
  std::size_t layer_bytes() const noexcept { return queues_ ? queues_->layer_bytes : 0; }
  /// Of all mail.
  std::size_t bytes() const noexcept { return queues_ ? queues_->layer_bytes + queues_->client_bytes : 0; }
  void drop_layer() noexcept;
  /// Drops the waiting messages, but not the end of the connection.
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
    Queue::iterator first_shared;  // from here on broadcasts may be in shared memory
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

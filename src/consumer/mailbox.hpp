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

/// Two queues, client and layer, each in its own order. While both hold mail they are served in turns, the client first
/// (behaviour DI-7, DI-8). Most consumers are idle most of the time, so that empty queues take no memory of their own.
/// Its executor only.
class Mailbox {
 public:
  void put_client(Mail mail) { lanes().client.push_back(std::move(mail)); }
  void put_layer(Mail mail);
  std::optional<Mail> take();
  /// Joins the broadcast that waits behind all other layer mail, if that is of the same group and policy and its bytes
  /// stand side by side with these. False: it does not.
  bool join_passing(std::string_view group, WhenSlow when_slow, const Frame& frame) noexcept;

  bool empty() const noexcept { return !lanes_; }
  std::size_t client_size() const noexcept { return lanes_ ? lanes_->client.size() : 0; }
  std::size_t events() const noexcept { return lanes_ ? lanes_->events : 0; }
  /// Of the broadcasts that wait.
  std::size_t passing_bytes() const noexcept { return lanes_ ? lanes_->passing_bytes : 0; }
  void drop_layer() noexcept;

 private:
  struct Lanes {
    std::list<Mail> client, layer;
    std::size_t events = 0;
    std::size_t passing_bytes = 0;
    bool layer_next = false;
  };
  Lanes& lanes() {
    if (!lanes_) lanes_ = std::make_unique<Lanes>();
    return *lanes_;
  }

  std::unique_ptr<Lanes> lanes_;  // null while there is no mail
};

}  // namespace sluice

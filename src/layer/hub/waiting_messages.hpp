// SPDX-License-Identifier: MIT
// Messages that wait for one link of a bus: until it is up, or has room.
#pragma once

#include <cstddef>
#include <deque>
#include <iterator>
#include <memory>
#include <utility>

#include "sluice/layer/bus.hpp"

namespace sluice::SLUICE_ABI {

/// The message that a waiting item belongs to.
inline BusMessage& message_of(const std::shared_ptr<BusMessage>& message) noexcept { return *message; }

/// In the order in which it was sent. An Item is a message, or a part of one, and has message_of(). One thread at a
/// time.
template <class Item>
class WaitingQueue {
 public:
  void put(Item item) { waiting_.push_back(std::move(item)); }
  void put_first(Item item) { waiting_.push_front(std::move(item)); }
  /// Puts back a message whose connection broke before anything was sent.
  void put_back(Item item) { again_.push_back(std::move(item)); }
  /// The link is lost: messages that were put back come first, in order.
  void rewind() {
    waiting_.insert(waiting_.begin(), std::make_move_iterator(again_.begin()), std::make_move_iterator(again_.end()));
    again_.clear();
  }

  bool empty() const noexcept { return waiting_.empty(); }
  bool is_expired(Executor::Clock::time_point now) const noexcept {
    return !empty() && message_of(waiting_.front()).expires <= now;
  }
  /// The first; there is one.
  Item take() {
    Item item = std::move(waiting_.front());
    waiting_.pop_front();
    return item;
  }

  /// Fails the messages that waited longer than the expiry. Returns their number.
  std::size_t drop_expired(Executor::Clock::time_point now, const Error& error) {
    std::size_t dropped = 0;
    for (; !empty() && message_of(waiting_.front()).expires <= now; ++dropped) {
      message_of(waiting_.front()).failed(error);
      waiting_.pop_front();
    }
    return dropped;
  }
  /// Fails all.
  void end(const Error& error) {
    for (auto* queue : {&again_, &waiting_}) {
      for (Item& item : std::exchange(*queue, {})) message_of(item).failed(error);
    }
  }

 private:
  std::deque<Item> waiting_;
  std::deque<Item> again_;  // comes in while a broken connection fails its requests, before the link counts as lost
};

using WaitingMessages = WaitingQueue<std::shared_ptr<BusMessage>>;

}  // namespace sluice::SLUICE_ABI

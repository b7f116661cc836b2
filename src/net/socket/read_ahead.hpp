// SPDX-License-Identifier: MIT
// Messages that arrived before their consumer can take them. No socket.
#pragma once

#include <cstddef>
#include <deque>
#include <utility>

#include "sluice/transport/message.hpp"

namespace sluice::SLUICE_ABI::net {

/// A queue of messages that knows its memory. One thread at a time.
class ReadAhead {
 public:
  void put(Message message) {
    bytes_ += cost(message);
    messages_.push_back(std::move(message));
  }
  Message take() {
    Message message = std::move(messages_.front());
    messages_.pop_front();
    bytes_ -= cost(message);
    return message;
  }
  bool empty() const noexcept { return messages_.empty(); }
  std::size_t size() const noexcept { return messages_.size(); }
  /// Memory in use, in bytes.
  std::size_t bytes() const noexcept { return bytes_; }

 private:
  static std::size_t cost(const Message& message) noexcept {
    constexpr std::size_t within_a_string = 15, allocator_words = 16;
    const std::size_t bytes = message.data().size();
    return sizeof(Message) + (bytes > within_a_string ? bytes + allocator_words : 0);
  }

  std::deque<Message> messages_;
  std::size_t bytes_ = 0;
};

}  // namespace sluice::SLUICE_ABI::net
